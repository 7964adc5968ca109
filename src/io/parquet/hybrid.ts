/**
 * Reads integers of up to 32 bits in Parquet's hybrid of run lengths and bit packing, some at a time, so that a run that
 * stands for a thousand million of them takes no room.
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 */
export class HybridReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #width: number;
  #at: number;
  /** Integers left of the present run. */
  #left = 0;
  /** The one that it repeats; undefined where it is packed. */
  #value: number | undefined;
  /** The next bit of a packed run. */
  #bit = 0;

  /** @throws Error where bytes `at` to `end` are not there or integers cannot have `width` bits */
  constructor(bytes: Uint8Array, at: number, end: number, width: number) {
    if (width > 32) throw new Error(`integers of ${width} bits, expected at most 32`);
    if (end > bytes.length) throw new Error(`levels end at byte ${end} of a page of ${bytes.length}`);
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
    this.#width = width;
  }

  /** The next `count` integers, to `target` from `to` on. @throws Error where the bytes end before them */
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
        // The last group may leave out the bytes of its padding.
        if (this.#bit + n * this.#width > this.#end * 8) throw new Error("packed integers are cut short");
        unpack(this.#bytes, this.#bit, this.#width, target, to + done, n);
        this.#bit += n * this.#width;
      }
      this.#left -= n;
      done += n;
    }
  }

  #startRun(missing: number): void {
    const bytes = this.#bytes;
    let header = 0;
    let shift = 0;
    for (;;) {
      if (this.#at >= this.#end || shift > 28) throw new Error(`${missing} integers are missing`);
      const byte = bytes[this.#at++];
      header += (byte & 127) * 2 ** shift;
      shift += 7;
      if (byte < 128) break;
    }
    if (header % 2 === 0) {
      let value = 0;
      for (let i = 0; i < this.#width; i += 8) value += bytes[this.#at++] * 2 ** i;
      if (this.#at > this.#end) throw new Error("a run is cut short");
      this.#left = header / 2;
      this.#value = value;
    } else {
      const groups = (header - 1) / 2;
      this.#left = groups * 8;
      this.#value = undefined;
      this.#bit = this.#at * 8;
      this.#at = Math.min(this.#end, this.#at + groups * this.#width);
    }
  }
}

function unpack(
  bytes: Uint8Array,
  bit: number,
  width: number,
  target: Uint8Array | Uint32Array,
  to: number,
  count: number,
): void {
  if (width <= 24) {
    const mask = (1 << width) - 1;
    let at = Math.floor(bit / 8);
    let bits = 8 - (bit & 7);
    let buffered = bytes[at++] >>> (bit & 7);
    for (let i = 0; i < count; i++) {
      while (bits < width) {
        buffered |= bytes[at++] << bits;
        bits += 8;
      }
      target[to + i] = buffered & mask;
      buffered >>>= width;
      bits -= width;
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    let value = 0;
    for (let k = 0; k < width; k++) {
      const at = bit + i * width + k;
      if ((bytes[Math.floor(at / 8)] >> (at & 7)) & 1) value += 2 ** k;
    }
    target[to + i] = value;
  }
}

/** Bits that hold a level from 0 to `max`. */
export function levelWidth(max: number): number {
  return 32 - Math.clz32(max);
}
