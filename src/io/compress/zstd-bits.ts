const PAD = 16;

/**
 * Room for bit streams that are read from their end, as both of Zstandard's entropy coders are. It is followed and preceded by
 * zeros, so that a loop may look (and, at the start, read) a little beyond the stream and check afterwards.
 */
export class ReverseBits {
  readonly #bytes: Uint8Array;
  /** Over all of the room, for `getUint32((bit >> 3), true) >>> (bit & 7)`: at least 25 bits from `bit` on. */
  readonly view: DataView;
  /** The first bit of the streams: reading below it is reading beyond their end. */
  readonly floor = PAD * 8;

  /** @param most bytes of the longest stream */
  constructor(most: number) {
    this.#bytes = new Uint8Array(PAD + most + PAD);
    this.view = new DataView(this.#bytes.buffer);
  }

  /**
   * Takes the stream from byte `start` to `stop`; valid until the next one is loaded. Returns the bit behind its last one:
   * reading `n` bits means to subtract `n` from it and to take those from there on.
   * @throws Error where it is empty or does not end in the bit that marks the end
   */
  load(bytes: Uint8Array, start: number, stop: number): number {
    const last = stop > start ? bytes[stop - 1] : 0;
    if (last === 0) throw new Error("a bit stream without an end");
    this.#bytes.set(bytes.subarray(start, stop), PAD);
    this.#bytes.fill(0, PAD + stop - start, PAD + stop - start + PAD);
    return (PAD + stop - start - 1) * 8 + (31 - Math.clz32(last));
  }
}
