/** Entries of one chunk, 256 KiB of Int32. A power of two, so that a position splits by shift and mask. */
const CHUNK_BITS = 16;
const CHUNK = 1 << CHUNK_BITS;

/**
 * Growable list of int32 whose growth copies nothing: it adds chunks of 65,536, so memory is 4 bytes an entry plus at
 * most one chunk, with no moment at which the old and the new storage are held together. Up to 2^31 entries.
 */
export class Int32Chunks {
  readonly #chunks: Int32Array[] = [];
  #length = 0;

  /** Number of entries. */
  get length(): number {
    return this.#length;
  }

  /** Appends a value and returns nothing; its position is the length before. */
  push(value: number): void {
    const at = this.#length;
    if ((at & (CHUNK - 1)) === 0) this.#chunks.push(new Int32Array(CHUNK));
    this.#chunks[at >>> CHUNK_BITS][at & (CHUNK - 1)] = value;
    this.#length = at + 1;
  }

  /** Value at a position in [0, length); others are not checked. */
  get(at: number): number {
    return this.#chunks[at >>> CHUNK_BITS][at & (CHUNK - 1)];
  }

  /** Overwrites the value at a position in [0, length). */
  set(at: number, value: number): void {
    this.#chunks[at >>> CHUNK_BITS][at & (CHUNK - 1)] = value;
  }

  /** Bytes held. */
  get byteLength(): number {
    return this.#chunks.length * CHUNK * 4;
  }
}
