import { InputError } from "../../errors.js";
import {
  MAX_RECORD_BYTES,
  RAW_BYTES,
  type RecordBlock,
  RecordGatherer,
  splitChunks,
  textOrFault,
  tooLongRecord,
} from "./record-block.js";

const QUOTE = 34;
const COMMA = 44;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const LF = 10;

/**
 * Cuts a JSON array into its elements, an element a record. Arrays may follow one another, as where files were joined.
 * Memory: a chunk, and the longest element up to `mostBytes`.
 * @throws InputError that names the file where an array is not closed, because the file is cut short then
 */
export function arrayElements(
  chunks: AsyncIterable<Uint8Array>,
  options: { readonly name: string; readonly mostBytes?: number },
): AsyncGenerator<RecordBlock> {
  return splitChunks(chunks, new ArraySplitter(options));
}

/** Finds where elements end: at a comma or bracket outside of strings and of other brackets. */
export class ArraySplitter {
  readonly #name: string;
  readonly #mostBytes: number;
  /** The start of an element whose end has not arrived. */
  #parts: Buffer[] = [];
  /** Bytes of that element so far; more than in `#parts` where it is too long and only its start is held. */
  #pending = 0;
  /** True between the first byte of an element and its end. */
  #inElement = false;
  #inString = false;
  #escaped = false;
  /** Brackets open: 0 outside of the array, 1 between elements. */
  #depth = 0;
  #lineNumber = 1;
  #elementLine = 1;
  #arrayLine = 1;
  readonly #records = new RecordGatherer();

  constructor({ name, mostBytes = MAX_RECORD_BYTES }: { name: string; mostBytes?: number }) {
    this.#name = name;
    this.#mostBytes = mostBytes;
  }

  /** The elements that end in `chunk`, which may be reused afterwards. */
  push(chunk: Uint8Array): RecordBlock {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (this.#inString) at = this.#stringEnd(bytes, at);
      if (at === bytes.length) break;
      const byte = bytes[at];
      if (byte === LF) this.#lineNumber++;
      if (!this.#inElement) {
        if (!this.#begins(byte)) continue;
        start = at;
      } else if (this.#depth === 0 ? byte === LF : this.#depth === 1 && (byte === COMMA || byte === CLOSE_LIST)) {
        this.#endElement(bytes.subarray(start, at));
        if (byte === CLOSE_LIST) this.#depth = 0;
        continue;
      }
      // Text behind an array ends with its line, so that a line of JSON there is a record as well.
      if (this.#depth === 0) continue;
      if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#depth++;
      else if ((byte === CLOSE_OBJECT || byte === CLOSE_LIST) && this.#depth > 1 && --this.#depth === 1) {
        this.#endElement(bytes.subarray(start, at + 1));
      }
    }
    if (this.#inElement) this.#append(bytes.subarray(start));
    return this.#records.take();
  }

  /** Takes a byte that lies outside of elements. Returns true where the byte begins an element. */
  #begins(byte: number): boolean {
    // A blank, a control character or a byte of a byte order mark may stand anywhere between elements.
    if (byte <= 32 || byte === COMMA || byte === 0xef || byte === 0xbb || byte === 0xbf) return false;
    if (this.#depth === 0 && byte === OPEN_LIST) {
      this.#depth = 1;
      this.#arrayLine = this.#lineNumber;
      return false;
    }
    if (this.#depth === 1 && byte === CLOSE_LIST) {
      this.#depth = 0;
      return false;
    }
    this.#inElement = true;
    this.#elementLine = this.#lineNumber;
    return true;
  }

  /** Position behind the quote that closes the open string, or the length of `bytes`. */
  #stringEnd(bytes: Buffer, from: number): number {
    let escaped = this.#escaped;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at];
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) {
        this.#inString = false;
        this.#escaped = false;
        return at + 1;
      } else if (byte === LF) this.#lineNumber++;
    }
    this.#escaped = escaped;
    return bytes.length;
  }

  /** Nothing but text behind the last array can be left. */
  finish(): RecordBlock {
    if (this.#depth > 0) {
      throw new InputError(
        `${this.#name}: the JSON array that begins in line ${this.#arrayLine} is not closed: the file is cut short, or a bracket or a quote is missing` +
          (this.#inElement ? ` in the element that begins in line ${this.#elementLine}` : ""),
      );
    }
    if (this.#inElement) this.#endElement(Buffer.alloc(0));
    return this.#records.take();
  }

  #append(bytes: Buffer): void {
    const room = this.#pending + bytes.length > this.#mostBytes ? RAW_BYTES : bytes.length;
    this.#pending += bytes.length;
    this.#parts.push(Buffer.from(bytes.subarray(0, room)));
    if (this.#pending > this.#mostBytes) this.#parts = [Buffer.from(Buffer.concat(this.#parts).subarray(0, RAW_BYTES))];
  }

  #endElement(last: Buffer): void {
    let bytes = last;
    if (this.#parts.length > 0) {
      this.#append(last);
      bytes = Buffer.concat(this.#parts);
    }
    const length = Math.max(this.#pending, bytes.length);
    const most = this.#mostBytes;
    const text =
      length > most
        ? tooLongRecord(bytes.subarray(0, RAW_BYTES), { length, most, what: "element" })
        : textOrFault(bytes, "element");
    this.#records.add(typeof text === "string" ? text.trimEnd() : text, this.#elementLine);
    this.#parts = [];
    this.#pending = 0;
    this.#inElement = false;
  }
}
