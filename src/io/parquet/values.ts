import { grown } from "../columns/bits.js";

/** Values of a column that are not null, one after another. */
export interface DenseValues {
  readonly count: number;
  /**
   * Values of `width` bytes each (a boolean is one byte), or all byte arrays together. What a `ValueBuffer` hands over starts with
   * its buffer.
   */
  readonly bytes: Uint8Array;
  /** Of byte arrays: where each ends. */
  readonly ends?: Int32Array;
}

const WIDTHS: Readonly<Record<string, number>> = { BOOLEAN: 1, INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };

/** Bytes of one dense value of a physical type; undefined for byte arrays. */
export function physicalWidth(type: string, typeLength: number | undefined): number | undefined {
  return type === "FIXED_LEN_BYTE_ARRAY" ? typeLength : WIDTHS[type];
}

/** Gathers dense values at one end and hands them over at the other. */
export class ValueBuffer {
  /** Undefined for byte arrays. */
  readonly width: number | undefined;
  /** Room for the values that were reserved; those of before fill it up to `size`. Replaced by `reserve`. */
  bytes = new Uint8Array(0);
  /** The same for the ends of byte arrays, counted from the start of `bytes`. */
  ends = new Int32Array(0);
  /** Bytes and values in them, those that were taken included. */
  size = 0;
  count = 0;
  #taken = 0;
  #takenBytes = 0;

  constructor(width: number | undefined) {
    this.width = width;
  }

  /** Bytes of values that can be taken. */
  get leftBytes(): number {
    return this.size - this.#takenBytes;
  }

  /** Makes room for values whose bytes are known only as they come; whoever fills it counts `size` and `count` up. */
  reserve(bytes: number, count: number): void {
    this.bytes = grown(this.bytes, this.size + bytes);
    if (this.width !== undefined || this.count + count <= this.ends.length) return;
    const ends = new Int32Array(Math.max(this.count + count, 2 * this.ends.length));
    ends.set(this.ends);
    this.ends = ends;
  }

  /** Counts `count` values of a fixed width in and returns where in `bytes` they must be written. */
  extend(count: number): number {
    const at = this.size;
    this.reserve(count * (this.width as number), count);
    this.size += count * (this.width as number);
    this.count += count;
    return at;
  }

  /** Appends one value. */
  append(value: Uint8Array): void {
    this.reserve(value.length, 1);
    this.bytes.set(value, this.size);
    this.size += value.length;
    if (this.width === undefined) this.ends[this.count] = this.size;
    this.count++;
  }

  /** Appends the first `count` values that `indices` name; each must be in the dictionary. */
  gather({ bytes: source, ends }: DenseValues, indices: Uint32Array, count: number): void {
    if (ends !== undefined) {
      this.#gatherArrays(source, ends, indices, count);
      return;
    }
    const width = this.width as number;
    let to = this.extend(count);
    const { bytes: target } = this;
    for (let i = 0; i < count; i++) {
      const from = indices[i] * width;
      for (let k = 0; k < width; k++) target[to++] = source[from + k];
    }
  }

  #gatherArrays(source: Uint8Array, ends: Int32Array, indices: Uint32Array, count: number): void {
    let size = 0;
    for (let i = 0; i < count; i++) size += ends[indices[i]] - (indices[i] === 0 ? 0 : ends[indices[i] - 1]);
    this.reserve(size, count);
    const { bytes: target, ends: newEnds } = this;
    let to = this.size;
    for (let i = 0; i < count; i++) {
      const from = indices[i] === 0 ? 0 : ends[indices[i] - 1];
      const end = ends[indices[i]];
      if (end - from <= SHORT) for (let k = from; k < end; k++) target[to + k - from] = source[k];
      else target.set(source.subarray(from, end), to);
      to += end - from;
      newEnds[this.count++] = to;
    }
    this.size = to;
  }

  /** The bytes that can be taken. */
  peek(): Uint8Array {
    return this.bytes.subarray(this.#takenBytes, this.size);
  }

  /** Hands over the next `count` values. */
  take(count: number): DenseValues {
    const first = this.#taken;
    const from = this.#takenBytes;
    const last = first + count;
    const to = this.width !== undefined ? last * this.width : count === 0 ? from : this.ends[last - 1];
    const all = last === this.count;
    // What is all of it needs no copy.
    const bytes = all && from === 0 ? this.bytes.subarray(0, to) : this.bytes.slice(from, to);
    let ends: Int32Array | undefined;
    if (this.width === undefined) {
      ends = all && first === 0 ? this.ends.subarray(0, last) : this.ends.slice(first, last);
      if (from > 0) for (let i = 0; i < count; i++) ends[i] -= from;
    }
    this.#taken = last;
    this.#takenBytes = to;
    if (all) this.#clear();
    return { count, bytes, ends };
  }

  #clear(): void {
    // The next batch is likely to be as large.
    this.bytes = new Uint8Array(this.size);
    this.ends = new Int32Array(this.width === undefined ? this.count : 0);
    this.size = 0;
    this.count = 0;
    this.#taken = 0;
    this.#takenBytes = 0;
  }
}

/** Below this many bytes a loop beats the call of `set`. */
export const SHORT = 48;
