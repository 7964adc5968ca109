import { grown } from "../columns/bits.js";

/** The values of a column without its nulls, one after another. */
export interface DenseValues {
  readonly count: number;
  /**
   * Fixed-width values, a boolean as one byte; or the bytes of all byte arrays. Bytes that a `ValueBuffer` hands over
   * lie at the start of their memory, so they can be viewed as numbers of any width.
   */
  readonly bytes: Uint8Array;
  /** For byte arrays, the end of each value within `bytes`; undefined for fixed-width values. */
  readonly ends?: Int32Array;
}

/** Bytes of a value of each physical type of fixed width. */
const WIDTHS: Readonly<Record<string, number>> = { BOOLEAN: 1, INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };

/** Bytes of a value of a physical type, as in `DenseValues`; undefined for byte arrays. */
export function physicalWidth(type: string, typeLength: number | undefined): number | undefined {
  return type === "FIXED_LEN_BYTE_ARRAY" ? typeLength : WIDTHS[type];
}

/**
 * A queue of dense values: pages append values at one end, batches take them from the other.
 *
 *     bytes   | taken | leftBytes: can be taken | reserved by the caller |
 *             0                                 size              bytes.length
 */
export class ValueBuffer {
  /** Bytes of a value; undefined for byte arrays. */
  readonly width: number | undefined;
  /** Memory of the values, filled up to `size`. `reserve` may replace it by a larger array. */
  bytes = new Uint8Array(0);
  /**
   * Ends of byte arrays, counted from the start of `bytes`, filled up to `count`. `reserve` may replace this array too.
   */
  ends = new Int32Array(0);
  /** Bytes and number of the values in memory, including values that were taken. */
  size = 0;
  count = 0;
  #taken = 0;
  #takenBytes = 0;

  constructor(width: number | undefined) {
    this.width = width;
  }

  /** Bytes of the values that can be taken. */
  get leftBytes(): number {
    return this.size - this.#takenBytes;
  }

  /**
   * Makes room for `count` more values of `bytes` bytes in all. The caller writes them to `bytes` and `ends`, and adds
   * them to `size` and `count`.
   */
  reserve(bytes: number, count: number): void {
    this.bytes = grown(this.bytes, this.size + bytes);
    if (this.width !== undefined || this.count + count <= this.ends.length) return;
    const ends = new Int32Array(Math.max(this.count + count, 2 * this.ends.length));
    ends.set(this.ends);
    this.ends = ends;
  }

  /** Adds `count` values of fixed width, and returns the place in `bytes` to which the caller must write them. */
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

  /**
   * Appends the dictionary values at the first `count` of `indices`. The caller has checked that these are in range.
   */
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

  /** The bytes that can be taken, as a view that is valid until the next call of another method. */
  peek(): Uint8Array {
    return this.bytes.subarray(this.#takenBytes, this.size);
  }

  /** Hands over the next `count` values, which the caller then owns. */
  take(count: number): DenseValues {
    const first = this.#taken;
    const from = this.#takenBytes;
    const last = first + count;
    const to = this.width !== undefined ? last * this.width : count === 0 ? from : this.ends[last - 1];
    const all = last === this.count;
    // Where all values are taken at once the caller gets the buffer itself, and `#clear` makes a new one.
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
    // The next batch is likely to be as large, so its buffer starts at this size.
    this.bytes = new Uint8Array(this.size);
    this.ends = new Int32Array(this.width === undefined ? this.count : 0);
    this.size = 0;
    this.count = 0;
    this.#taken = 0;
    this.#takenBytes = 0;
  }
}

/** Up to this many bytes a loop copies faster than a call of `set`. */
export const SHORT = 48;
