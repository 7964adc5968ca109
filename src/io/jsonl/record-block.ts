import { isAscii, isUtf8, transcode } from "node:buffer";

/** A record that cannot be read: it is too long, not UTF-8, or not separated from its neighbours as the format asks. */
export interface BadRecord {
  /** One sentence in lower case. */
  readonly error: string;
  /** The record as received; only its start where the record is too long. */
  readonly raw: string;
  /** True where `raw` is base64, because the bytes are not valid UTF-8. */
  readonly rawBase64: boolean;
}

/** Consecutive records of a text file, as the file separates them. */
export interface RecordBlock {
  /**
   * The text of each record. A string may be a slice that holds its whole block in memory: copy a string that is kept
   * for long.
   */
  readonly lines: readonly (string | BadRecord)[];
  /** 1-based number of the line where each record begins. */
  readonly numbers: readonly number[];
}

/** Bytes of the longest record that is read: 64 MiB. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Bytes kept of a record that is too long. */
export const RAW_BYTES = 1000;

/**
 * Decodes UTF-8; undefined for invalid bytes. `TextDecoder` in fatal mode returns the same and takes three times as
 * long.
 */
export function decodeUtf8(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return bytes.toString("latin1");
  return isUtf8(bytes) ? transcode(bytes, "utf8", "utf16le").toString("utf16le") : undefined;
}

/** The text of a record, or the fault of bytes that are not UTF-8. */
export function textOrFault(bytes: Buffer, what: string): string | BadRecord {
  return decodeUtf8(bytes) ?? badRecord(bytes, `${what} is not valid UTF-8`);
}

/** Byte order mark. */
const BOM = 0xfeff;
/** Record separator of JSON text sequences: https://www.rfc-editor.org/rfc/rfc7464 */
const RS = 0x1e;

/**
 * A text without the marks that may stand before a record: byte order marks, which files that were joined have in the
 * middle too, and record separators.
 */
export function withoutMarks(text: string): string {
  let start = 0;
  while (text.charCodeAt(start) === BOM || text.charCodeAt(start) === RS) start++;
  return start === 0 ? text : text.slice(start);
}

/** A record with a fault and the bytes as received. */
export function badRecord(bytes: Buffer, error: string): BadRecord {
  const text = decodeUtf8(bytes);
  return { error, raw: text ?? bytes.toString("base64"), rawBase64: text === undefined };
}

/**
 * The fault of a record that is too long.
 * @param start the first bytes of the record, at least `RAW_BYTES` of them
 * @param length all bytes of the record
 */
export function tooLongRecord(start: Buffer, { length, most, what }: { length: number; most: number; what: string }) {
  // A character cut in half would make valid text look invalid: find the last lead byte (11xxxxxx), at most 3 bytes
  // back, and drop its character where fewer continuation bytes (10xxxxxx) follow than it needs.
  let end = Math.min(start.length, RAW_BYTES);
  for (let back = 1; back <= 3; back++) {
    const byte = start[end - back];
    if (byte >= 0x80 && byte < 0xc0) continue;
    if (byte >= 0xc0 && back < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4)) end -= back;
    break;
  }
  return badRecord(
    start.subarray(0, end),
    `${what} has ${length} bytes, expected at most ${most}: split the record (raw holds the start of the ${what})`,
  );
}

/** Cuts chunks of bytes into records. */
interface RecordSplitter {
  /** The records that end in `chunk`, which may be reused afterwards. */
  push(chunk: Uint8Array): RecordBlock;
  /** What is left at the end. */
  finish(): RecordBlock;
}

/** The records of a stream of chunks, a block for each chunk and one for the end. */
export async function* splitChunks(
  chunks: AsyncIterable<Uint8Array>,
  splitter: RecordSplitter,
): AsyncGenerator<RecordBlock> {
  for await (const chunk of chunks) yield splitter.push(chunk);
  yield splitter.finish();
}

/** Gathers the records of a block while a chunk is cut. */
export class RecordGatherer {
  #lines: (string | BadRecord)[] = [];
  #numbers: number[] = [];

  /** @param number 1-based line where the record begins */
  add(record: string | BadRecord, number: number): void {
    this.#lines.push(record);
    this.#numbers.push(number);
  }

  /** Hands over the records added since the last call. */
  take(): RecordBlock {
    const block = { lines: this.#lines, numbers: this.#numbers };
    this.#lines = [];
    this.#numbers = [];
    return block;
  }
}
