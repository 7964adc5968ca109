import type { Data } from "apache-arrow";
import type { Runs } from "./runs.js";

/** True where bit `index` of an Arrow bitmap is set (least significant bit first). */
export function bitAt(bits: Uint8Array, index: number): boolean {
  return (bits[index >> 3] & (1 << (index & 7))) !== 0;
}

/**
 * Copies `count` bits from bit `from` of `source` to bit `to` of `target`. The target bits must be 0, because the
 * function sets bits and clears none. Where both positions are multiples of 8, it copies whole bytes.
 * @returns the number of copied bits that are set
 */
export function copyBits(source: Uint8Array, from: number, target: Uint8Array, to: number, count: number): number {
  let set = 0;
  let i = 0;
  if ((from & 7) === 0 && (to & 7) === 0) {
    for (; i + 8 <= count; i += 8) {
      const byte = source[(from + i) >> 3];
      target[(to + i) >> 3] = byte;
      set += SET_BITS[byte];
    }
  }
  for (; i < count; i++) {
    const at = from + i;
    if ((source[at >> 3] & (1 << (at & 7))) !== 0) {
      target[(to + i) >> 3] |= 1 << ((to + i) & 7);
      set++;
    }
  }
  return set;
}

/** Set bits of each byte value. */
const SET_BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/** Sets `count` bits of `target` from bit `to` on; whole bytes are filled at once. */
function setBits(target: Uint8Array, to: number, count: number): void {
  let i = to;
  const end = to + count;
  for (; i < end && (i & 7) !== 0; i++) target[i >> 3] |= 1 << (i & 7);
  const wholeEnd = i + ((end - i) & ~7);
  if (wholeEnd > i) target.fill(255, i >> 3, wholeEnd >> 3);
  for (i = Math.max(i, wholeEnd); i < end; i++) target[i >> 3] |= 1 << (i & 7);
}

/**
 * An array with the content of `bytes` and room for at least `size` bytes: `bytes` itself where it is large enough,
 * else a copy of at least twice the length, so that appending n bytes one by one costs O(n).
 * @throws Error for more than 2^31 - 1 bytes
 */
export function grown(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (size <= bytes.length) return bytes;
  if (size > MAX_BUFFER)
    throw new Error(
      `a column buffer of ${size} bytes exceeds the limit of ${MAX_BUFFER}; write smaller row groups or batches`,
    );
  const copy = new Uint8Array(Math.min(MAX_BUFFER, Math.max(size, bytes.length * 2, 64)));
  copy.set(bytes);
  return copy;
}

// The largest 32-bit value offset.
const MAX_BUFFER = 2 ** 31 - 1;

/**
 * A growing validity bitmap: bit i is set where row i holds a value. The bitmap is allocated when the first null
 * arrives, and the rows before that null are then marked as valid; most columns have no null and never allocate one.
 */
export class Validity {
  #bits: Uint8Array<ArrayBuffer> = NONE;
  #length = 0;
  #nulls = 0;

  /** Rows appended since the last `take`. */
  get length(): number {
    return this.#length;
  }

  /** Nulls among these rows. */
  get nullCount(): number {
    return this.#nulls;
  }

  /** Bytes that the bitmap takes in a file: 0 while there is no null. */
  get byteLength(): number {
    return this.#nulls === 0 ? 0 : (this.#length + 7) >> 3;
  }

  /** Appends the validity of the rows of `data` in `runs`. */
  append(data: Data, runs: Runs): void {
    if (data.nullCount === 0 || data.nullBitmap === undefined || data.nullBitmap.length === 0) {
      this.appendValid(runs.rows);
      return;
    }
    const bits = this.#reserve(runs.rows);
    const { starts, counts, length } = runs;
    for (let r = 0; r < length; r++) {
      const set = copyBits(data.nullBitmap, data.offset + starts[r], bits, this.#length, counts[r]);
      this.#length += counts[r];
      this.#nulls += counts[r] - set;
    }
  }

  /** Appends `count` rows that hold a value. */
  appendValid(count: number): void {
    if (this.#bits !== NONE) setBits(this.#reserve(count), this.#length, count);
    this.#length += count;
  }

  /** Appends `count` nulls. */
  appendNull(count: number): void {
    this.#reserve(count);
    this.#length += count;
    this.#nulls += count;
  }

  /** Hands the bitmap over to the caller, empty where there is no null, and starts again with no rows. */
  take(): { readonly nullBitmap: Uint8Array; readonly nullCount: number } {
    const nullCount = this.#nulls;
    const nullBitmap = nullCount === 0 ? NONE : this.#bits.subarray(0, (this.#length + 7) >> 3);
    this.#bits = NONE;
    this.#length = 0;
    this.#nulls = 0;
    return { nullBitmap, nullCount };
  }

  #reserve(count: number): Uint8Array<ArrayBuffer> {
    const bytes = (this.#length + count + 7) >> 3;
    if (this.#bits === NONE) {
      this.#bits = new Uint8Array(Math.max(64, bytes));
      setBits(this.#bits, 0, this.#length);
    } else {
      this.#bits = grown(this.#bits, bytes);
    }
    return this.#bits;
  }
}

const NONE = new Uint8Array(0);
