import { isAscii, isUtf8, transcode } from "node:buffer";

/** A line that cannot be a record: it is too long or not UTF-8. */
export interface BadLine {
  /** One sentence in lower case. */
  readonly error: string;
  /** The line as received; only its start where the line is too long. */
  readonly raw: string;
  /** True where `raw` is base64, because the bytes are not valid UTF-8. */
  readonly rawBase64: boolean;
}

/** Consecutive lines of a file, without the blank ones. */
export interface LineBlock {
  /**
   * Lines without LF or CRLF. A string may be a slice that holds its whole block in memory: copy a string that is kept
   * for long.
   */
  readonly lines: (string | BadLine)[];
  /** 1-based line number of each entry of `lines`. */
  readonly numbers: number[];
}

/** Bytes of the longest line that is read as a record: 64 MiB. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Bytes kept of a line that is too long. */
const RAW_BYTES = 1000;
const LF = 10;
const KEPT_CARRY = 4 * 1024 * 1024;

/**
 * Splits chunks into lines. The lines that lie wholly inside a chunk are decoded together, three times as fast as one
 * by one; only a line that spans two chunks is copied. Memory: a chunk, and the longest line up to `maxLineBytes`.
 */
export async function* lineBlocks(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes = MAX_LINE_BYTES,
): AsyncGenerator<LineBlock> {
  const splitter = new LineSplitter(maxLineBytes);
  for await (const chunk of chunks) yield splitter.push(chunk);
  yield splitter.finish();
}

/** Splits pushed chunks into lines; `lineBlocks` is its form for streams. */
export class LineSplitter {
  readonly #maxLineBytes: number;
  /** The first `#carried` bytes of a line whose end has not arrived. */
  #carry = Buffer.alloc(0);
  #carried = 0;
  /**
   * Bytes of the unfinished line so far; more than `#carried` where the line is too long and only its start is held.
   */
  #pending = 0;
  #lineNumber = 0;
  #lines: (string | BadLine)[] = [];
  #numbers: number[] = [];

  constructor(maxLineBytes = MAX_LINE_BYTES) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The lines that end in `chunk`, which may be reused afterwards. */
  push(chunk: Uint8Array): LineBlock {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    if (this.#pending > 0) {
      const end = bytes.indexOf(LF);
      this.#append(end < 0 ? bytes : bytes.subarray(0, end));
      if (end < 0) return this.#take();
      this.#endPending();
      from = end + 1;
    }
    const last = bytes.lastIndexOf(LF);
    if (last >= from) {
      this.#addBlock(bytes.subarray(from, last));
      from = last + 1;
    }
    this.#append(bytes.subarray(from));
    return this.#take();
  }

  /** The last line, if the file does not end with a newline. */
  finish(): LineBlock {
    if (this.#pending > 0) this.#endPending();
    return this.#take();
  }

  #take(): LineBlock {
    const block = { lines: this.#lines, numbers: this.#numbers };
    this.#lines = [];
    this.#numbers = [];
    return block;
  }

  #append(bytes: Buffer): void {
    this.#pending += bytes.length;
    const kept = this.#pending > this.#maxLineBytes ? Math.min(RAW_BYTES, this.#pending) : this.#pending;
    if (kept > this.#carry.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(kept, 2 * this.#carry.length));
      this.#carry.copy(grown, 0, 0, this.#carried);
      this.#carry = grown;
    }
    if (kept > this.#carried) this.#carried += bytes.copy(this.#carry, this.#carried, 0, kept - this.#carried);
    else this.#carried = kept;
  }

  #endPending(): void {
    if (this.#pending > this.#maxLineBytes) this.#addTooLong(this.#carry.subarray(0, this.#carried), this.#pending);
    else this.#addBlock(this.#carry.subarray(0, this.#carried));
    this.#carried = 0;
    this.#pending = 0;
    if (this.#carry.length > KEPT_CARRY) this.#carry = Buffer.alloc(0);
  }

  /**
   * Adds the lines of `block`, which holds whole lines without the final newline. A byte order mark at the start of the
   * file is dropped.
   */
  #addBlock(block: Buffer): void {
    let bytes = block;
    if (this.#lineNumber === 0 && block[0] === 0xef && block[1] === 0xbb && block[2] === 0xbf)
      bytes = block.subarray(3);
    const text = block.length > this.#maxLineBytes ? undefined : decode(bytes);
    if (text === undefined) {
      this.#addEach(bytes);
      return;
    }
    for (const line of text.split("\n")) this.#addText(line);
  }

  /** Adds the lines of `block` one by one, because one of them is too long or not UTF-8. */
  #addEach(block: Buffer): void {
    for (let from = 0; from <= block.length; ) {
      const found = block.indexOf(LF, from);
      const end = found < 0 ? block.length : found;
      const bytes = block.subarray(from, end);
      from = end + 1;
      if (bytes.length > this.#maxLineBytes) {
        this.#addTooLong(bytes.subarray(0, RAW_BYTES), bytes.length);
        continue;
      }
      const text = decode(bytes);
      if (text !== undefined) this.#addText(text);
      else this.#add({ error: "line is not valid UTF-8", raw: bytes.toString("base64"), rawBase64: true });
    }
  }

  #addTooLong(start: Buffer, length: number): void {
    // A character cut in half would make valid text look invalid: find the last lead byte (11xxxxxx), at most 3 bytes
    // back, and drop its character where fewer continuation bytes (10xxxxxx) follow than it needs.
    let end = Math.min(start.length, RAW_BYTES);
    for (let back = 1; back <= 3; back++) {
      const byte = start[end - back];
      if (byte >= 0x80 && byte < 0xc0) continue;
      if (byte >= 0xc0 && back < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4)) end -= back;
      break;
    }
    const text = decode(start.subarray(0, end));
    this.#add({
      error:
        `line has ${length} bytes, expected at most ${this.#maxLineBytes}: split the record ` +
        `(raw holds the start of the line)`,
      raw: text ?? start.toString("base64"),
      rawBase64: text === undefined,
    });
  }

  #addText(text: string): void {
    const line = text.charCodeAt(text.length - 1) === 13 ? text.slice(0, -1) : text;
    // Nearly every line starts with a brace, so it need not be trimmed to see that it is not blank.
    if (line.length === 0 || (line.charCodeAt(0) !== 123 && line.trim() === "")) this.#lineNumber++;
    else this.#add(line);
  }

  #add(line: string | BadLine): void {
    this.#lines.push(line);
    this.#numbers.push(++this.#lineNumber);
  }
}

/**
 * Decodes UTF-8; undefined for invalid bytes. `TextDecoder` in fatal mode returns the same and takes three times as
 * long.
 */
function decode(bytes: Buffer): string | undefined {
  if (isAscii(bytes)) return bytes.toString("latin1");
  return isUtf8(bytes) ? transcode(bytes, "utf8", "utf16le").toString("utf16le") : undefined;
}
