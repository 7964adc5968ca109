import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { FileBlock } from "apache-arrow/ipc/metadata/file";
import { readFully } from "../io/read-exact.js";
import { ContinuedFileWriter, storeBatch, storeBatchRows, storeSchema } from "./store-format.js";
import { readTail, removeTail, writeTail } from "./store-tail.js";

/** Size of a file in bytes, and its SHA-256 in hexadecimal. */
export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** Appends unit vectors to a store file. Calls must not overlap. */
export interface VectorStoreWriter {
  /** Vectors in full batches, which are written or being written. */
  readonly stored: number;
  /** Row numbers of the vectors that the file held when it was opened; the caller's. */
  readonly resumedRows: Float64Array;
  /**
   * Appends `rows.length` vectors (n × dim, row-major) and copies both arrays. A full batch is written while the next
   * one fills; a later call reports its write error.
   */
  append(rows: ArrayLike<number>, vectors: Float32Array): Promise<void>;
  /**
   * Makes all vectors so far survive a power failure; the vectors of the unfilled batch go to a tail beside the store.
   * Only the last two counts that calls have returned can be resumed at.
   * @returns the number of vectors, for `resumeAt`
   */
  sync(): Promise<number>;
  /**
   * Writes the last, smaller batch and the footer, after which the file can be read.
   * @returns size and digest of the file; undefined where an earlier process has written a part of it
   */
  complete(): Promise<FileDigest | undefined>;
  /** Removes the tails that `sync` has written. Nothing may refer to them any longer. */
  removeTails(): Promise<void>;
  /** Closes the file. Syncs a complete file first and leaves an unfinished one for a later writer to continue. */
  close(): Promise<void>;
}

/**
 * Opens a store for writing.
 * @param options.resumeAt number of vectors to keep of an unfinished file, as `sync` returned it; the rest is cut off.
 * Default 0: a new file
 * @throws Error where the file or its tail holds fewer vectors
 */
export async function openVectorStoreWriter(options: {
  path: string;
  dim: number;
  resumeAt?: number;
}): Promise<VectorStoreWriter> {
  const file = await open(options.path, options.resumeAt ? "r+" : "w");
  try {
    return await storeInto(file, options);
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
}

async function storeInto(
  file: FileHandle,
  options: { path: string; dim: number; resumeAt?: number },
): Promise<VectorStoreWriter> {
  const { path, dim, resumeAt = 0 } = options;
  const schema = storeSchema(dim);
  const batchRows = storeBatchRows(dim);
  const writer = new ContinuedFileWriter();
  const sink = writer[Symbol.asyncIterator]();
  let position = 0;
  let isComplete = false;
  // Hashed while it is written, at 1.2 GB/s, so the file is not read again.
  const hash = resumeAt > 0 ? undefined : createHash("sha256");
  /** Writes to the file what the Arrow writer has encoded; the Arrow writer itself has no back-pressure. */
  const drain = async (bytes: number) => {
    while (position < bytes) await put((await sink.next()).value);
  };
  const put = async (chunk: Uint8Array) => {
    hash?.update(chunk);
    // A call that writes less than it was given reports the reason when it is called again.
    for (let from = 0; from < chunk.byteLength; ) {
      const { bytesWritten } = await file.write(chunk, from, chunk.byteLength - from, position);
      from += bytesWritten;
      position += bytesWritten;
    }
  };
  writer.begin(schema);
  await drain(writer.position);
  const resumedRows = new Float64Array(resumeAt);
  let pendingRows = new BigUint64Array(batchRows);
  let pending = new Float32Array(batchRows * dim);
  /** The write of the latest full batch. Its buffers are `spare` meanwhile, and free once the write has ended. */
  let writing = Promise.resolve();
  let spare = { rows: new BigUint64Array(0), vectors: new Float32Array(0) };
  let filled = resumeAt % batchRows;
  let stored = resumeAt - filled;
  if (resumeAt > 0) {
    const blocks = writer.continueAfter(stored / batchRows, schema, dim);
    position = writer.position;
    const { size } = await file.stat();
    if (size < position) throw new Error(`${path} has ${size} bytes, expected at least ${position}`);
    if (filled > 0) await readTail(path, resumeAt, filled, pendingRows, pending);
    await file.truncate(position);
    await readRows(file, blocks, resumedRows.subarray(0, stored));
    for (let j = 0; j < filled; j++) resumedRows[stored + j] = Number(pendingRows[j]);
  }
  /** Counts for which a tail exists. */
  const tails = filled > 0 ? [resumeAt] : [];
  const flush = async () => {
    const rows = filled === batchRows ? pendingRows : pendingRows.slice(0, filled);
    const vectors = filled === batchRows ? pending : pending.slice(0, filled * dim);
    await writing;
    writer.write(storeBatch(schema, dim, rows, vectors));
    writing = drain(writer.position);
    // Whoever awaits `writing` next receives the error.
    writing.catch(() => {});
    const buffers =
      spare.rows.length > 0
        ? spare
        : { rows: new BigUint64Array(batchRows), vectors: new Float32Array(batchRows * dim) };
    spare = { rows: pendingRows, vectors: pending };
    pendingRows = buffers.rows;
    pending = buffers.vectors;
    stored += filled;
    filled = 0;
  };
  return {
    get stored() {
      return stored;
    },
    resumedRows,
    async append(rows, vectors) {
      for (let i = 0; i < rows.length; ) {
        const n = Math.min(batchRows - filled, rows.length - i);
        for (let j = 0; j < n; j++) pendingRows[filled + j] = BigInt(rows[i + j]);
        pending.set(vectors.subarray(i * dim, (i + n) * dim), filled * dim);
        filled += n;
        i += n;
        if (filled === batchRows) await flush();
      }
    },
    async sync() {
      await writing;
      await file.datasync();
      const count = stored + filled;
      if (filled > 0 && tails.at(-1) !== count) {
        while (tails.length > 1) await removeTail(path, tails.shift() as number);
        await writeTail(path, count, pendingRows.subarray(0, filled), pending.subarray(0, filled * dim));
        tails.push(count);
      }
      return count;
    },
    async complete() {
      if (filled > 0) await flush();
      await writing;
      writer.finish();
      for await (const chunk of { [Symbol.asyncIterator]: () => sink }) await put(chunk);
      isComplete = true;
      return hash && { bytes: position, sha256: hash.digest("hex") };
    },
    async removeTails() {
      for (const count of tails.splice(0)) await removeTail(path, count);
    },
    async close() {
      await writing.catch(() => {});
      try {
        if (isComplete) await file.sync();
      } finally {
        await file.close();
      }
    },
  };
}

/** Reads the row numbers of full batches. They are the first buffer of a batch's body. */
async function readRows(file: FileHandle, blocks: readonly FileBlock[], into: Float64Array): Promise<void> {
  const batchRows = into.length / blocks.length;
  for (const [i, { offset, metaDataLength }] of blocks.entries()) {
    const rows = new BigUint64Array(batchRows);
    await readFully(file, new Uint8Array(rows.buffer), offset + metaDataLength);
    for (let j = 0; j < batchRows; j++) into[i * batchRows + j] = Number(rows[j]);
  }
}
