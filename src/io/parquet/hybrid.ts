/**
 * Reads integers of up to 32 bits in Parquet's hybrid of run lengths and bit packing, some at a time. So a run of a
 * thousand million integers takes no room by itself.
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 *
 *     repeated run   varint 2·n        | one value in ⌈width / 8⌉ bytes, which counts n times
 *     packed run     varint 2·n + 1    | 8·n values of `width` bits, n·width bytes
 */
export class HybridReader {
  readonly #bytes: Uint8Array;
  readonly #width: number;
  #at = 0;
  /** Integers of the current run that have not been read. */
  #left = 0;
  /** The integer that the current run repeats; undefined where the run is packed. */
  #value: number | undefined;
  /** Position of the next bit of a packed run, counted from the start of the bytes. */
  #bit = 0;

  /**
   * @param width bits of an integer; at width 0 all integers are 0 and take no bytes.
   * @throws Error where it is above 32
   */
  constructor(bytes: Uint8Array, width: number) {
    if (width > 32) throw new Error(`integers of ${width} bits, expected at most 32`);
    this.#bytes = bytes;
    this.#width = width;
  }

  /** Writes the next `count` integers to `target` from index `to` on. @throws Error where the bytes end before them */
  read(target: Uint8Array | Uint32Array, to: number, count: number): void {
    if (this.#width === 0) {
      target.fill(0, to, to + count);
      return;
    }
    for (let done = 0; done < count; ) {
      if (this.#left === 0) this.#startRun(count - done);
      const n = Math.min(this.#left, count - done);
      if (this.#value !== undefined) target.fill(this.#value, to + done, to + done + n);
      else {
        // The last group of eight may be cut after its last value, so only the values read here must be complete.
        if (this.#bit + n * this.#width > this.#bytes.length * 8) throw new Error("packed integers are cut short");
        unpackBits(this.#bytes, this.#bit, this.#width, target, to + done, n);
        this.#bit += n * this.#width;
      }
      this.#left -= n;
      done += n;
    }
  }

  #startRun(missing: number): void {
    const bytes = this.#bytes;
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= bytes.length || shift > 28) throw new Error(`${missing} integers are missing`);
      const byte = bytes[this.#at++];
      header += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    const packed = header % 2 === 1;
    const count = Math.floor(header / 2);
    const start = this.#at;
    this.#at += packed ? count * this.#width : Math.ceil(this.#width / 8);
    this.#left = packed ? 8 * count : count;
    this.#bit = start * 8;
    this.#value = undefined;
    if (packed) return;
    if (this.#at > bytes.length) throw new Error("a run is cut short");
    this.#value = 0;
    for (let i = start; i < this.#at; i++) this.#value += bytes[i] * 2 ** (8 * (i - start));
  }
}

/**
 * Unpacks `count` integers of `width` bits, 1 to 32, least significant bit first. Reads from bit `bit` of `bytes` and
 * writes to `target` from index `to` on. The caller has checked that the bits exist.
 */
export function unpackBits(
  bytes: Uint8Array,
  bit: number,
  width: number,
  target: Uint8Array | Uint32Array,
  to: number,
  count: number,
): void {
  const mask = width === 32 ? -1 : (1 << width) - 1;
  let at = Math.floor(bit / 8);
  let shift = bit & 7;
  for (let i = 0; i < count; i++) {
    let word = bytes[at] >>> shift;
    for (let bits = 8 - shift, k = at + 1; bits < width; bits += 8) word |= bytes[k++] << bits;
    target[to + i] = word & mask;
    shift += width;
    at += shift >> 3;
    shift &= 7;
  }
}

/** The number of bits of a level from 0 to `max`: 0 for 0, 1 for 1, 2 for 2 and 3. */
export function levelWidth(max: number): number {
  return 32 - Math.clz32(max);
}
