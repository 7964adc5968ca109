import type { FileHandle } from "node:fs/promises";
import { MetadataVersion, type Schema } from "apache-arrow";
import { type FileBlock, Footer } from "apache-arrow/ipc/metadata/file";
import {
  type DictionaryBatch as DictionaryBatchHeader,
  Message,
  type RecordBatch as RecordBatchHeader,
} from "apache-arrow/ipc/metadata/message";
import { readRange } from "../read-exact.js";
import { checkFooter, checkMessage, MESSAGE_TYPES } from "./flatbuffer-check.js";
import { hideLayouts, withLayouts } from "./schema-layouts.js";
import { plainField } from "./stored-types.js";

//     stream    messages | end mark (ffffffff 00000000) or end of the file
//     file      "ARROW1" and padding 8 | stream | footer | footer length 4 | "ARROW1"
//     message   ffffffff | metadata length 4 | metadata (a FlatBuffer) | body
// https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
//
// Own code, because the readers of apache-arrow trust a file: of 126 damaged golden files 5 kept tableFromIPC busy for
// more than 15 seconds and 41 ended in a TypeError or RangeError. These readers hold a whole record batch, whatever its
// size, and compressionRegistry does not tell a codec the decoded size that a buffer states, so nothing bounds their
// memory.

/** The place of a dictionary or record batch in a file, in bytes. */
export interface ArrowMessage {
  readonly metadataAt: number;
  readonly metadataLength: number;
  readonly bodyAt: number;
  readonly bodyLength: number;
  /** Whether it is a record batch so large that its rows are read some at a time. */
  readonly large: boolean;
}

/** The messages of a file or stream. A dictionary comes before the record batches that need it. */
export interface ArrowMessages {
  /** Holds the types of `stored-types.ts` where the file has such layouts. */
  readonly schema: Schema;
  readonly version: MetadataVersion;
  readonly messages: readonly ArrowMessage[];
  /** The number of values in all batches of each dictionary, by its id. */
  readonly dictionaryValues: ReadonlyMap<number, number>;
}

/** The header of a message, which describes its body. */
export type BatchHeader = RecordBatchHeader | DictionaryBatchHeader;

const MAGIC = Buffer.from("ARROW1");
// Magic and padding, footer length, magic: no file is shorter.
const SHORTEST_FILE = 8 + 4 + 6;

/**
 * Finds the messages of an Arrow IPC file or stream of `size` bytes and checks their metadata. All dictionaries
 * together, and any compressed record batch, must fit into `limit` bytes.
 * @param whole an uncompressed record batch of more bytes than this is marked as large
 * @throws Error where the file is cut short, corrupt, too large, or no Arrow file
 */
export async function findMessages(
  file: FileHandle,
  size: number,
  limit: number,
  whole: number,
): Promise<ArrowMessages> {
  const budget = { file, limit, whole, dictionaries: new Map<number, number>(), values: new Map<number, number>() };
  return (await startsLikeFile(file, size)) ? messagesOfFile(budget, size) : messagesOfStream(budget, size);
}

/**
 * Reads the header of a message.
 * @throws Error where it is corrupt, for instance because the file has changed meanwhile
 */
export async function readHeader(file: FileHandle, at: ArrowMessage): Promise<BatchHeader> {
  const metadata = await readRange(file, at.metadataAt, at.metadataLength);
  if (checkMessage(metadata) === MESSAGE_TYPES.schema) throw new Error(`a second schema at byte ${at.metadataAt}`);
  return Message.decode(metadata).header() as BatchHeader;
}

/** The file, and the bytes of it that may be in memory at once. */
interface Budget {
  readonly file: FileHandle;
  readonly limit: number;
  whole: number;
  /** Bytes of each dictionary found so far, by its id. */
  readonly dictionaries: Map<number, number>;
  /** Values in all batches of each dictionary so far, by its id. */
  readonly values: Map<number, number>;
}

/**
 * Whether the file starts with the magic of an IPC file; a stream has none.
 * @throws Error for an empty file and Feather 1
 */
async function startsLikeFile(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) throw new Error("the file is empty, expected an Arrow IPC file or stream");
  const start = Buffer.from(await readRange(file, 0, Math.min(8, size)));
  if (start.subarray(0, 4).toString("latin1") === "FEA1") {
    throw new Error(
      "Feather version 1, expected version 2: write it again with pyarrow.feather.write_feather(table, path)",
    );
  }
  return start.subarray(0, MAGIC.length).equals(MAGIC);
}

async function messagesOfFile(budget: Budget, size: number): Promise<ArrowMessages> {
  const { file } = budget;
  const end = size < SHORTEST_FILE ? Buffer.alloc(10) : Buffer.from(await readRange(file, size - 10, 10));
  if (!end.subarray(4).equals(MAGIC)) throw new Error("no ARROW1 at its end, so it is cut short: write it again");
  const length = end.readInt32LE(0);
  if (length <= 0 || length > size - SHORTEST_FILE) throw new Error(`a footer of ${length} bytes in a file of ${size}`);
  const metadata = await readRange(file, size - 10 - length, length);
  checkFooter(metadata);
  const layouts = hideLayouts(metadata, "footer");
  const footer = Footer.decode(metadata);
  requireVersion(footer.version);
  const schema = withLayouts(footer.schema, layouts);
  loadWhole(budget, schema);
  const messages: ArrowMessage[] = [];
  for (const block of footer.dictionaryBatches())
    messages.push(await messageOfBlock(budget, size, block, MESSAGE_TYPES.dictionaryBatch));
  for (const block of footer.recordBatches())
    messages.push(await messageOfBlock(budget, size, block, MESSAGE_TYPES.recordBatch));
  return { schema, version: footer.version, messages, dictionaryValues: budget.values };
}

function requireVersion(version: MetadataVersion): void {
  if (version <= MetadataVersion.V5) return;
  throw new Error(
    `metadata of version ${version + 1} of the format, expected at most 5: write it with an older version`,
  );
}

// Columns with layouts that are decoded are not read some rows at a time.
function loadWhole(budget: Budget, { fields }: Schema): void {
  if (fields.some((field) => plainField(field) !== field)) budget.whole = Number.POSITIVE_INFINITY;
}

/** Checks the message that a block of the footer points to. A corrupt footer may point anywhere. */
async function messageOfBlock(budget: Budget, size: number, block: FileBlock, expected: number): Promise<ArrowMessage> {
  const { file } = budget;
  const { offset, metaDataLength, bodyLength } = block;
  const inside = offset >= 8 && metaDataLength > 8 && bodyLength >= 0 && offset + metaDataLength + bodyLength <= size;
  if (!inside) throw new Error(`a block of ${metaDataLength} and ${bodyLength} bytes at byte ${offset} of ${size}`);
  const prefix = Buffer.from(await readRange(file, offset, 8));
  const marked = prefix.readInt32LE(0) === -1;
  const length = prefix.readInt32LE(marked ? 4 : 0);
  const start = marked ? 8 : 4;
  if (!(length > 0 && length <= metaDataLength - start))
    throw new Error(`a message of ${length} bytes at byte ${offset}`);
  const metadata = await readRange(file, offset + start, length);
  const type = checkMessage(metadata);
  if (type !== expected) throw new Error(`a message of type ${type} at byte ${offset}, expected ${expected}`);
  const message = Message.decode(metadata);
  if (message.bodyLength !== bodyLength) {
    throw new Error(`a message body of ${message.bodyLength} bytes at byte ${offset}, expected ${bodyLength}`);
  }
  const place = { metadataAt: offset + start, metadataLength: length, bodyAt: offset + metaDataLength, bodyLength };
  return { ...place, large: await isLarge(budget, place, message.header() as BatchHeader) };
}

/** Walks over the messages of a stream up to its end mark, or the end of the file where a message ends there. */
async function messagesOfStream(budget: Budget, size: number): Promise<ArrowMessages> {
  const { file } = budget;
  let found: { schema: Schema; version: MetadataVersion } | undefined;
  const messages: ArrowMessage[] = [];
  for (let at = 0; at < size; ) {
    const prefix = Buffer.from(await readRange(file, at, Math.min(8, size - at)));
    if (prefix.length < 4) throw new Error(`cut short at byte ${at}`);
    // Before version 0.15 of the format a message began with its length, without ffffffff.
    const marked = prefix.readInt32LE(0) === -1;
    if (marked && prefix.length < 8) throw new Error(`cut short at byte ${at}`);
    const metadataLength = prefix.readInt32LE(marked ? 4 : 0);
    const metadataAt = at + (marked ? 8 : 4);
    if (metadataLength === 0) break;
    if (metadataLength < 0 || metadataAt + metadataLength > size) {
      throw new Error(
        at === 0
          ? "it is no Arrow IPC file or stream"
          : `a message of ${metadataLength} bytes at byte ${at} of ${size}`,
      );
    }
    const metadata = await readRange(file, metadataAt, metadataLength);
    const type = checkMessage(metadata);
    const layouts = type === MESSAGE_TYPES.schema ? hideLayouts(metadata, "message") : [];
    const message = Message.decode(metadata);
    const { bodyLength } = message;
    const bodyAt = metadataAt + metadataLength;
    if (!(bodyLength >= 0 && bodyAt + bodyLength <= size)) {
      throw new Error(`a message body of ${bodyLength} bytes at byte ${bodyAt} of ${size}: cut short or corrupt`);
    }
    if (type === MESSAGE_TYPES.schema) {
      if (found !== undefined) throw new Error(`a second schema at byte ${at}`);
      requireVersion(message.version);
      found = { schema: withLayouts(message.header() as Schema, layouts), version: message.version };
      loadWhole(budget, found.schema);
    } else {
      if (found === undefined) throw new Error("no schema at its start");
      const place = { metadataAt, metadataLength, bodyAt, bodyLength };
      messages.push({ ...place, large: await isLarge(budget, place, message.header() as BatchHeader) });
    }
    at = bodyAt + bodyLength;
  }
  if (found === undefined) throw new Error("no schema in it");
  return { ...found, messages, dictionaryValues: budget.values };
}

/**
 * Whether a message is to be read some rows at a time. Only an uncompressed record batch can be. Any other message
 * takes the bytes of its body, and if it is compressed also the decoded sizes that its buffers state.
 * @throws Error where the message, or all dictionaries together, take more bytes than may be held
 */
async function isLarge(budget: Budget, place: Omit<ArrowMessage, "large">, header: BatchHeader): Promise<boolean> {
  const { limit, dictionaries } = budget;
  const batch = "data" in header ? header.data : header;
  const compressed = batch.compression !== null;
  if (!("data" in header) && !compressed && place.bodyLength > budget.whole) return true;
  const size = place.bodyLength + (compressed ? await decodedSize(budget.file, place, batch) : 0);
  if (size > limit) {
    const dictionary = "data" in header;
    const what = `a ${compressed ? "compressed " : ""}${dictionary ? "dictionary" : "record batch"} of ${batch.length} rows`;
    const smaller = compressed ? "it uncompressed or in smaller batches" : "it in smaller batches";
    const cure = dictionary ? "its column without a dictionary" : smaller;
    throw new Error(
      `${what} takes ${size} bytes, expected at most ${limit}, half of --memory: raise that, or write ${cure}`,
    );
  }
  if (!("data" in header)) return false;
  budget.values.set(header.id, header.data.length + (budget.values.get(header.id) ?? 0));
  dictionaries.set(header.id, size + (header.isDelta ? (dictionaries.get(header.id) ?? 0) : 0));
  const held = Array.from(dictionaries.values()).reduce((sum, bytes) => sum + bytes, 0);
  if (held <= limit) return false;
  throw new Error(
    `${dictionaries.size} dictionaries take ${held} bytes, expected at most ${limit}, half of --memory: ` +
      "raise that, or write their columns without a dictionary",
  );
}

/** The sum of the decoded sizes that the buffers of a compressed body state; reads 8 bytes of each buffer. */
async function decodedSize(
  file: FileHandle,
  { bodyAt, bodyLength }: Omit<ArrowMessage, "large">,
  { buffers }: RecordBatchHeader,
): Promise<number> {
  let decoded = 0;
  for (const { offset, length } of buffers) {
    if (length === 0) continue;
    if (!(length >= 8 && offset >= 0 && offset + length <= bodyLength)) {
      throw new Error(`a buffer of ${length} bytes at byte ${offset} of a message body of ${bodyLength}`);
    }
    const size = Number(Buffer.from(await readRange(file, bodyAt + offset, 8)).readBigInt64LE(0));
    // −1 marks a buffer that the writer left uncompressed.
    if (size < -1) throw new Error(`a compressed buffer of ${size} bytes`);
    decoded += Math.max(0, size);
  }
  return decoded;
}
