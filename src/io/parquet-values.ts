import { grown } from "./bits.js";
import { bytesOf } from "./layout.js";
import { type Page, unpackByteArrays, unpackDelta } from "./parquet-file.js";
import { readHybrid } from "./parquet-levels.js";

/** The values of a column chunk that are not null, one after another. */
export interface DenseValues {
  readonly count: number;
  /** Values of `width` bytes each (a boolean is one byte), or all byte arrays together. */
  readonly bytes: Uint8Array;
  /** Of byte arrays: where each ends. */
  readonly ends?: Int32Array;
}

const WIDTHS: Readonly<Record<string, number>> = { BOOLEAN: 1, INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };

/** Bytes of one dense value of a physical type; undefined for byte arrays. */
export function physicalWidth(type: string, typeLength: number | undefined): number | undefined {
  return type === "FIXED_LEN_BYTE_ARRAY" ? typeLength : WIDTHS[type];
}

/** Gathers the values of a chunk's pages: fixed-width ones byte by byte as stored, byte arrays one behind the other. */
export class ValueReader {
  readonly #type: string;
  readonly #width: number | undefined;
  #bytes = new Uint8Array(0);
  #size = 0;
  #ends = new Uint8Array(0);
  #count = 0;
  #dictionary: DenseValues | undefined;

  constructor(type: string, typeLength: number | undefined) {
    this.#type = type;
    this.#width = physicalWidth(type, typeLength);
  }

  /** Takes the chunk's dictionary; it comes before the pages that use it. */
  setDictionary(page: Page): void {
    const reader = new ValueReader(this.#type, this.#width);
    reader.append(page.bytes, 0, page.count, "PLAIN");
    this.#dictionary = reader.take();
  }

  /** Appends the `count` values that start at byte `start` of a page. @throws Error where they are not all there. */
  append(bytes: Uint8Array, start: number, count: number, encoding: string): void {
    if (count === 0) return;
    if (encoding === "PLAIN") this.#appendPlain(bytes, start, count);
    else if (encoding === "RLE_DICTIONARY" || encoding === "PLAIN_DICTIONARY") this.#appendIndices(bytes, start, count);
    else if (encoding === "RLE" && this.#type === "BOOLEAN") this.#appendRle(bytes, start, count);
    else if (encoding === "DELTA_BINARY_PACKED") this.#appendDelta(bytes.subarray(start), count);
    else if (encoding === "DELTA_BYTE_ARRAY" || encoding === "DELTA_LENGTH_BYTE_ARRAY") {
      this.#appendArrays(unpackByteArrays(bytes.subarray(start), count, encoding));
    } else if (encoding === "BYTE_STREAM_SPLIT") this.#appendSplit(bytes, start, count);
    else throw new Error(`values of type ${this.#type} in the unknown encoding ${encoding}`);
  }

  /** Hands the values over. */
  take(): DenseValues {
    const bytes = this.#bytes.subarray(0, this.#size);
    const ends = this.#width === undefined ? new Int32Array(this.#ends.buffer, 0, this.#count) : undefined;
    return { count: this.#count, bytes, ends };
  }

  #reserve(bytes: number, count: number): void {
    this.#bytes = grown(this.#bytes, this.#size + bytes);
    if (this.#width === undefined) this.#ends = grown(this.#ends, (this.#count + count) * 4);
  }

  #appendPlain(bytes: Uint8Array, start: number, count: number): void {
    if (this.#type === "BOOLEAN") {
      need(bytes, start, Math.ceil(count / 8));
      this.#reserve(count, count);
      for (let i = 0; i < count; i++) this.#bytes[this.#size++] = (bytes[start + (i >> 3)] >> (i & 7)) & 1;
    } else if (this.#width !== undefined) {
      const size = count * this.#width;
      need(bytes, start, size);
      this.#reserve(size, count);
      this.#bytes.set(bytes.subarray(start, start + size), this.#size);
      this.#size += size;
    } else {
      this.#appendPlainArrays(bytes, start, count);
      return;
    }
    this.#count += count;
  }

  #appendPlainArrays(bytes: Uint8Array, start: number, count: number): void {
    const { length } = bytes;
    this.#reserve(length - start, count);
    const target = this.#bytes;
    const ends = new Int32Array(this.#ends.buffer, 0, this.#ends.length >> 2);
    let from = start;
    let to = this.#size;
    for (let i = 0; i < count; i++) {
      if (from + 4 > length) throw new Error(`${count - i} of ${count} values are missing`);
      const size = bytes[from] + bytes[from + 1] * 256 + bytes[from + 2] * 65_536 + bytes[from + 3] * 16_777_216;
      from += 4;
      if (from + size > length) throw new Error(`a value of ${size} bytes at byte ${from} of a page of ${length}`);
      if (size <= SHORT) for (let k = 0; k < size; k++) target[to + k] = bytes[from + k];
      else target.set(bytes.subarray(from, from + size), to);
      from += size;
      to += size;
      ends[this.#count++] = to;
    }
    this.#size = to;
  }

  #appendIndices(bytes: Uint8Array, start: number, count: number): void {
    const dictionary = this.#dictionary;
    if (dictionary === undefined) throw new Error("a page of dictionary indices without a dictionary");
    need(bytes, start, 1);
    const indices = new Uint32Array(count);
    readHybrid({ bytes, at: start + 1 }, bytes.length, bytes[start], indices);
    for (let i = 0; i < count; i++) {
      if (indices[i] >= dictionary.count) throw new Error(`index ${indices[i]} of a dictionary of ${dictionary.count}`);
    }
    const { bytes: source, ends } = dictionary;
    if (ends === undefined) {
      const width = this.#width as number;
      this.#reserve(count * width, count);
      const target = this.#bytes;
      let to = this.#size;
      for (let i = 0; i < count; i++) {
        const from = indices[i] * width;
        for (let k = 0; k < width; k++) target[to++] = source[from + k];
      }
      this.#size = to;
      this.#count += count;
      return;
    }
    let size = 0;
    for (let i = 0; i < count; i++) size += ends[indices[i]] - (indices[i] === 0 ? 0 : ends[indices[i] - 1]);
    this.#reserve(size, count);
    const target = this.#bytes;
    const newEnds = new Int32Array(this.#ends.buffer, 0, this.#ends.length >> 2);
    let to = this.#size;
    for (let i = 0; i < count; i++) {
      const from = indices[i] === 0 ? 0 : ends[indices[i] - 1];
      const end = ends[indices[i]];
      if (end - from <= SHORT) for (let k = from; k < end; k++) target[to + k - from] = source[k];
      else target.set(source.subarray(from, end), to);
      to += end - from;
      newEnds[this.#count++] = to;
    }
    this.#size = to;
  }

  #appendRle(bytes: Uint8Array, start: number, count: number): void {
    need(bytes, start, 4);
    const values = new Uint8Array(count);
    readHybrid({ bytes, at: start + 4 }, bytes.length, 1, values);
    this.#appendFixed(values, count);
  }

  #appendDelta(bytes: Uint8Array, count: number): void {
    if (this.#type !== "INT32" && this.#type !== "INT64") throw new Error(`delta-encoded values of type ${this.#type}`);
    const values = this.#type === "INT32" ? new Int32Array(count) : new BigInt64Array(count);
    unpackDelta(bytes, values);
    this.#appendFixed(bytesOf(values), count);
  }

  #appendSplit(bytes: Uint8Array, start: number, count: number): void {
    const width = this.#width;
    if (width === undefined) throw new Error("byte arrays in the encoding BYTE_STREAM_SPLIT");
    need(bytes, start, count * width);
    const values = new Uint8Array(count * width);
    for (let k = 0; k < width; k++) {
      for (let i = 0; i < count; i++) values[i * width + k] = bytes[start + k * count + i];
    }
    this.#appendFixed(values, count);
  }

  #appendFixed(values: Uint8Array, count: number): void {
    this.#reserve(values.length, count);
    this.#bytes.set(values, this.#size);
    this.#size += values.length;
    this.#count += count;
  }

  #appendArrays(values: readonly Uint8Array[]): void {
    const size = values.reduce((sum, { length }) => sum + length, 0);
    this.#reserve(size, values.length);
    const ends = new Int32Array(this.#ends.buffer, 0, this.#ends.length >> 2);
    for (const value of values) {
      if (this.#width !== undefined && value.length !== this.#width) {
        throw new Error(`a value of ${value.length} bytes, expected ${this.#width}`);
      }
      this.#bytes.set(value, this.#size);
      this.#size += value.length;
      if (this.#width === undefined) ends[this.#count] = this.#size;
      this.#count++;
    }
  }
}

// Below this many bytes a loop beats the call of `set`.
const SHORT = 48;

function need(bytes: Uint8Array, start: number, size: number): void {
  if (start + size > bytes.length)
    throw new Error(`${size} bytes of values at byte ${start} of a page of ${bytes.length}`);
}
