import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  type RecordBatch,
  RecordBatchFileWriter,
  RecordBatchWriter,
  Schema,
  Uint64,
} from "apache-arrow";
import { FileBlock } from "apache-arrow/ipc/metadata/file";
import { readFully } from "./read-exact.js";
import { readTail, removeTail, writeTail } from "./store-tail.js";
import { batchOf } from "./take.js";

/**
 * embeddings.arrow: an Arrow IPC file that is at once the published output and the store that the join and k-means
 * read. Every record batch but the last has the same number of rows and so the same size in bytes, which is what lets an
 * interrupted file be cut at a batch and continued.
 */

/** Bytes of vectors in one record batch: large enough to read at disk speed, small beside any `--memory`. */
const BATCH_BYTES = 4 << 20;

/** Rows of every full record batch of a store with this dimension. */
export function storeBatchRows(dim: number): number {
  return Math.max(1, Math.min(65536, Math.floor(BATCH_BYTES / (4 * dim))));
}

function storeSchema(dim: number): Schema {
  return new Schema([
    new Field("_row", new Uint64(), false),
    new Field("embedding", new FixedSizeList(dim, new Field("item", new Float32(), false)), false),
  ]);
}

function storeBatch(schema: Schema, dim: number, rows: BigUint64Array, vectors: Float32Array): RecordBatch {
  const length = rows.length;
  const list = schema.fields[1].type as FixedSizeList<Float32>;
  const item = makeData({ type: new Float32(), length: length * dim, nullCount: 0, data: vectors });
  const children = [
    makeData({ type: new Uint64(), length, nullCount: 0, data: rows }),
    makeData({ type: list, length, nullCount: 0, child: item }),
  ];
  return batchOf(schema, children, length);
}

/** RecordBatchFileWriter that can take up a file where an earlier process left it, and says where it stands. */
class ContinuedFileWriter extends RecordBatchFileWriter {
  /** Starts the file; bytes of the header wait in the sink. */
  begin(schema: Schema): void {
    this.reset(this._sink, schema);
  }
  // apache-arrow leaves the schema to the footer; the format has it at the front too, for readers that stream.
  protected override _writeSchema(schema: Schema): this {
    super._writeSchema(schema);
    return (RecordBatchWriter.prototype as unknown as ContinuedFileWriter)._writeSchema.call(this, schema) as this;
  }
  /** Pretends that these blocks have been written already. */
  continueAfter(blocks: readonly FileBlock[]): void {
    for (const block of blocks) {
      this._recordBatchBlocks.push(block);
      this._position = block.offset + block.metaDataLength + block.bodyLength;
    }
  }
  get blocks(): readonly FileBlock[] {
    return this._recordBatchBlocks;
  }
  /** Bytes of the file so far. */
  get position(): number {
    return this._position;
  }
}

/** Metadata and body length of a full record batch, which are the same for every one of a store. */
function fullBlock(schema: Schema, dim: number): FileBlock {
  const rows = storeBatchRows(dim);
  const writer = new ContinuedFileWriter();
  writer.begin(schema);
  writer.write(storeBatch(schema, dim, new BigUint64Array(rows), new Float32Array(rows * dim)));
  return writer.blocks[0];
}

/** Size and SHA-256 of a file, in hexadecimal. */
export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** Appends unit vectors to a store file. */
export interface VectorStoreWriter {
  /** Vectors in full batches, which are in the file or on their way there. */
  readonly stored: number;
  /** Row numbers of the vectors that were there when it was opened. */
  readonly resumedRows: Float64Array;
  /**
   * Appends `rows.length` vectors (row-major, n × dim). Both arrays are copied. One batch is written while the next one
   * fills; that it could not be is told by a later call.
   */
  append(rows: ArrayLike<number>, vectors: Float32Array): Promise<void>;
  /**
   * Makes all vectors so far survive a power failure, those of the unfilled batch in a file beside the store. A count that
   * the call before last has made safe can no longer be resumed at.
   * @returns how many there are, for `resumeAt`
   */
  sync(): Promise<number>;
  /**
   * Writes the last, smaller batch and the footer: from then on the file can be read.
   * @returns what identifies it, unless an earlier process has written some of it
   */
  complete(): Promise<FileDigest | undefined>;
  /** Removes what `sync` has written beside the store; only once nothing refers to it any longer. */
  removeTails(): Promise<void>;
  /** Closes the file: a complete one makes it durable first, another is left as it is, so that a later writer can continue it. */
  close(): Promise<void>;
}

/**
 * Opens a store for writing. The first `resumeAt` vectors of an unfinished file are kept (a number that `sync` has
 * returned); what follows them is cut off.
 * @throws Error where the file or its tail does not hold as many
 */
export async function openVectorStoreWriter(options: {
  path: string;
  dim: number;
  resumeAt?: number;
}): Promise<VectorStoreWriter> {
  const { path, dim, resumeAt = 0 } = options;
  const schema = storeSchema(dim);
  const batchRows = storeBatchRows(dim);
  const file = await open(path, resumeAt > 0 ? "r+" : "w");
  const writer = new ContinuedFileWriter();
  const sink = writer[Symbol.asyncIterator]();
  let position = 0;
  let isComplete = false;
  // As it is written, 1.2 GB/s: the file need not be read for it.
  const hash = resumeAt > 0 ? undefined : createHash("sha256");
  /** Moves what the writer has encoded to the file; the writer itself knows no back-pressure. */
  const drain = async (bytes: number) => {
    while (position < bytes) await put((await sink.next()).value);
  };
  const put = async (chunk: Uint8Array) => {
    hash?.update(chunk);
    // A call that writes less than it was given tells the reason at the next one.
    for (let from = 0; from < chunk.byteLength; ) {
      const { bytesWritten } = await file.write(chunk, from, chunk.byteLength - from, position);
      from += bytesWritten;
      position += bytesWritten;
    }
  };
  writer.begin(schema);
  const headerBytes = writer.position;
  await drain(headerBytes);
  const resumedRows = new Float64Array(resumeAt);
  let pendingRows = new BigUint64Array(batchRows);
  let pending = new Float32Array(batchRows * dim);
  /** The batch that is being written, and its buffers, which take the one after the next. */
  let writing = Promise.resolve();
  let spare = { rows: new BigUint64Array(0), vectors: new Float32Array(0) };
  let filled = resumeAt % batchRows;
  let stored = resumeAt - filled;
  if (resumeAt > 0) {
    const block = fullBlock(schema, dim);
    const size = block.metaDataLength + block.bodyLength;
    const blocks = Array.from(
      { length: stored / batchRows },
      (_, i) => new FileBlock(block.metaDataLength, block.bodyLength, headerBytes + i * size),
    );
    writer.continueAfter(blocks);
    position = writer.position;
    try {
      const { size: bytes } = await file.stat();
      if (bytes < position) throw new Error(`${path} has ${bytes} bytes, expected at least ${position}`);
      if (filled > 0) await readTail(path, resumeAt, filled, pendingRows, pending);
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.truncate(position);
    // The rows are the first buffer of a batch's body.
    const bytes = new BigUint64Array(batchRows);
    for (const [i, { offset, metaDataLength }] of blocks.entries()) {
      await readFully(file, new Uint8Array(bytes.buffer), offset + metaDataLength);
      for (let j = 0; j < batchRows; j++) resumedRows[i * batchRows + j] = Number(bytes[j]);
    }
    for (let j = 0; j < filled; j++) resumedRows[stored + j] = Number(pendingRows[j]);
  }
  /** Counts at which there is a tail. */
  const tails = filled > 0 ? [resumeAt] : [];
  const flush = async () => {
    const rows = filled === batchRows ? pendingRows : pendingRows.slice(0, filled);
    const vectors = filled === batchRows ? pending : pending.slice(0, filled * dim);
    await writing;
    writer.write(storeBatch(schema, dim, rows, vectors));
    writing = drain(writer.position);
    // Noticed by whoever awaits it next.
    writing.catch(() => {});
    const unused =
      spare.rows.length > 0
        ? spare
        : { rows: new BigUint64Array(batchRows), vectors: new Float32Array(batchRows * dim) };
    spare = { rows: pendingRows, vectors: pending };
    pendingRows = unused.rows;
    pending = unused.vectors;
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
