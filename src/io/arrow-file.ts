import { type FileHandle, open } from "node:fs/promises";
import { Message, type RecordBatch, RecordBatchReader, type Schema } from "apache-arrow";
import { type FileBlock, Footer } from "apache-arrow/ipc/metadata/file";
import type {
  DictionaryBatch as DictionaryBatchHeader,
  RecordBatch as RecordBatchHeader,
} from "apache-arrow/ipc/metadata/message";
import { InputError } from "../errors.js";
import { registerCompression } from "./arrow-compression.js";
import { type FileOptions, pieceLimit } from "./file-options.js";
import { checkFooter, checkMessage, MESSAGE_TYPES } from "./flatbuffer-check.js";
import { validateBatch, validateField } from "./validate.js";

/** An Arrow IPC file or stream that has been opened and looks whole. */
export interface ArrowFile {
  readonly byteLength: number;
  readonly schema: Schema;
  /** Record batches in order, those without rows left out; the file is read once more for every call. */
  batches(): AsyncGenerator<{ readonly batch: RecordBatch; readonly bytesRead: number }>;
}

const MAGIC = Buffer.from("ARROW1");
// Magic and padding, footer length, magic: no file is shorter.
const SHORTEST_FILE = 8 + 4 + 6;

/**
 * Opens an Arrow IPC file or stream, compressed or not, Feather version 2 among them. Memory: one record batch and the
 * dictionaries; a message that would take more than half of `memory` (64 MiB at least) is refused before it is read.
 * @throws InputError that names `name` where it is missing, cut short, corrupt, too large, of a kind that cannot be read, or
 * Feather 1.
 */
export async function openArrowFile({ path, name, memory }: FileOptions): Promise<ArrowFile> {
  registerCompression();
  const limit = pieceLimit(memory);
  const { schema, byteLength } = await withFile(path, name, async (file) => {
    const { size } = await file.stat();
    if (await startsLikeFile(file, size)) await checkEnd(file, size, limit);
    else await checkStream(file, size, limit);
    const reader = await openReader(file, size);
    if (reader.schema === undefined) throw new Error("no schema in it");
    for (const field of reader.schema.fields) {
      // The format lets a name be absent, but a table here is addressed by names.
      if (typeof field.name !== "string") throw new Error("a column without a name");
      validateField(field);
    }
    return { schema: reader.schema as Schema, byteLength: size };
  });
  return { byteLength, schema, batches: () => readBatches(path, name, byteLength) };
}

async function* readBatches(path: string, name: string, byteLength: number) {
  const file = await openPath(path, name);
  const position = { bytesRead: 0 };
  try {
    const reader = await openReader(file, byteLength, position);
    const expected = reader.isFile() ? reader.numRecordBatches : undefined;
    let count = 0;
    for await (const batch of reader as AsyncIterable<RecordBatch>) {
      count++;
      if (batch.numRows === 0) continue;
      validateBatch(batch);
      yield { batch, bytesRead: position.bytesRead };
    }
    if (expected !== undefined && expected > 0 && count !== expected) {
      throw new Error(`record batch ${count} of ${expected} cannot be found`);
    }
  } catch (error) {
    throw asInputError(error, name);
  } finally {
    await file.close();
  }
}

// apache-arrow closes what it is given and spins where a file has become shorter, so it gets a handle that does neither.
async function openReader(file: FileHandle, size: number, position = { bytesRead: 0 }) {
  const handle = {
    fd: file.fd,
    stat: () => Promise.resolve({ size }),
    close: () => Promise.resolve(),
    async read(buffer: Uint8Array, offset: number, length: number, at: number) {
      const { bytesRead } = await file.read(buffer, offset, length, at);
      if (bytesRead === 0 && length > 0) throw new Error("the file became shorter while it was read");
      position.bytesRead = Math.max(position.bytesRead, at + bytesRead);
      return { bytesRead, buffer };
    },
  };
  const reader = await RecordBatchReader.from(handle as never as Promise<FileHandle>);
  return await reader.open();
}

async function startsLikeFile(file: FileHandle, size: number): Promise<boolean> {
  const start = await readAt(file, 0, Math.min(8, size));
  if (start.subarray(0, 4).toString("latin1") === "FEA1") {
    throw new Error(
      "Feather version 1, expected version 2: write it again with pyarrow.feather.write_feather(table, path)",
    );
  }
  if (size === 0) throw new Error("the file is empty, expected an Arrow IPC file or stream");
  return start.subarray(0, MAGIC.length).equals(MAGIC);
}

async function checkEnd(file: FileHandle, size: number, limit: number): Promise<void> {
  const end = size < SHORTEST_FILE ? Buffer.alloc(10) : await readAt(file, size - 10, 10);
  if (!end.subarray(4).equals(MAGIC)) throw new Error("no ARROW1 at its end, so it is cut short: write it again");
  const footer = end.readInt32LE(0);
  if (footer <= 0 || footer > size - SHORTEST_FILE) throw new Error(`a footer of ${footer} bytes in a file of ${size}`);
  const metadata = await readAt(file, size - 10 - footer, footer);
  checkFooter(metadata);
  const blocks = Footer.decode(metadata);
  await checkBlocks(file, size, blocks.dictionaryBatches(), MESSAGE_TYPES.dictionaryBatch, limit);
  await checkBlocks(file, size, blocks.recordBatches(), MESSAGE_TYPES.recordBatch, limit);
}

/** The messages that a file's footer points to; apache-arrow would follow any pointer. */
async function checkBlocks(
  file: FileHandle,
  size: number,
  blocks: Iterable<FileBlock>,
  expected: number,
  limit: number,
): Promise<void> {
  for (const { offset, metaDataLength, bodyLength } of blocks) {
    const inside = offset >= 8 && metaDataLength > 8 && bodyLength >= 0 && offset + metaDataLength + bodyLength <= size;
    if (!inside) throw new Error(`a block of ${metaDataLength} and ${bodyLength} bytes at byte ${offset} of ${size}`);
    const prefix = await readAt(file, offset, 8);
    const marked = prefix.readInt32LE(0) === -1;
    const length = prefix.readInt32LE(marked ? 4 : 0);
    if (!(length > 0 && length <= metaDataLength)) throw new Error(`a message of ${length} bytes at byte ${offset}`);
    const metadata = await readAt(file, offset + (marked ? 8 : 4), length);
    const type = checkMessage(metadata);
    if (type !== expected) throw new Error(`a message of type ${type} at byte ${offset}, expected ${expected}`);
    await checkSize(file, Message.decode(metadata), offset + metaDataLength, bodyLength, limit);
  }
}

/** Walks over the messages of a stream, because apache-arrow takes one that is cut short for one that ends. */
async function checkStream(file: FileHandle, size: number, limit: number): Promise<void> {
  let at = 0;
  while (at < size) {
    const prefix = await readAt(file, at, Math.min(8, size - at));
    if (prefix.length < 4) throw new Error(`cut short at byte ${at}`);
    // Before format version 0.15 the length came without the marker.
    const marked = prefix.readInt32LE(0) === -1;
    if (marked && prefix.length < 8) throw new Error(`cut short at byte ${at}`);
    const length = prefix.readInt32LE(marked ? 4 : 0);
    const start = at + (marked ? 8 : 4);
    if (length === 0) return;
    if (length < 0 || start + length > size) {
      throw new Error(
        at === 0 ? "it is no Arrow IPC file or stream" : `a message of ${length} bytes at byte ${at} of ${size}`,
      );
    }
    const metadata = await readAt(file, start, length);
    checkMessage(metadata);
    const message = Message.decode(metadata);
    const { bodyLength } = message;
    if (!(bodyLength >= 0 && start + length + bodyLength <= size)) {
      throw new Error(
        `a message body of ${bodyLength} bytes at byte ${start + length} of ${size}: cut short or corrupt`,
      );
    }
    await checkSize(file, message, start + length, bodyLength, limit);
    at = start + length + bodyLength;
  }
}

/** What a message takes when it is read: its body and, where that is compressed, the sizes that its buffers begin with. */
async function checkSize(
  file: FileHandle,
  message: Message,
  start: number,
  bodyLength: number,
  limit: number,
): Promise<void> {
  const header = message.header() as RecordBatchHeader | DictionaryBatchHeader | Schema;
  const batch = "data" in header ? header.data : header;
  let decoded = 0;
  if ("compression" in batch && batch.compression != null) {
    for (const { offset, length } of batch.buffers) {
      if (length === 0) continue;
      if (!(length >= 8 && offset >= 0 && offset + length <= bodyLength)) {
        throw new Error(`a buffer of ${length} bytes at byte ${offset} of a message body of ${bodyLength}`);
      }
      const size = Number((await readAt(file, start + offset, 8)).readBigInt64LE(0));
      // -1 stands for a buffer that is stored as it is.
      if (size < -1) throw new Error(`a compressed buffer of ${size} bytes`);
      decoded += Math.max(0, size);
    }
  }
  if (bodyLength + decoded <= limit) return;
  const rows = "length" in batch ? `${batch.length} rows` : "metadata";
  throw new Error(
    `a record batch of ${rows} takes ${bodyLength + decoded} bytes, expected at most ${limit}, half of --memory: ` +
      "raise that, or write the file again in smaller batches (pyarrow: max_chunksize)",
  );
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

async function withFile<T>(path: string, name: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await openPath(path, name);
  try {
    return await use(file);
  } catch (error) {
    throw asInputError(error, name);
  } finally {
    await file.close();
  }
}

async function openPath(path: string, name: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw new InputError(`${name}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function asInputError(error: unknown, name: string): InputError {
  if (error instanceof InputError) return error;
  return new InputError(`${name}: cannot be read as Arrow: ${(error as Error).message}`, { cause: error });
}
