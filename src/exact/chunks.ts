/** Entries of a chunk: 256 KiB of int32, 512 KiB of float64. A power of two, so that shift and mask split an index. */
const CHUNK_BITS = 16;
const CHUNK = 1 << CHUNK_BITS;

/**
 * Growable list of int32 that never copies on growth: it adds chunks of 65,536 entries. Memory is 4 bytes an entry plus
 * at most one chunk; old and new storage never lie side by side. Up to 2^31 entries.
 */
export class Int32Chunks {
  readonly #chunks: Int32Array[] = [];
  #length = 0;

  /** Number of entries. */
  get length(): number {
    return this.#length;
  }

  /** Appends a value. Its index is the length before the call. */
  push(value: number): void {
    const at = this.#length;
    if ((at & (CHUNK - 1)) === 0) this.#chunks.push(new Int32Array(CHUNK));
    this.#chunks[at >>> CHUNK_BITS][at & (CHUNK - 1)] = value;
    this.#length = at + 1;
  }

  /** Value at an index in [0, length); the index is not checked. */
  get(at: number): number {
    return this.#chunks[at >>> CHUNK_BITS][at & (CHUNK - 1)];
  }

  /** Overwrites the value at an index in [0, length); the index is not checked. */
  set(at: number, value: number): void {
    this.#chunks[at >>> CHUNK_BITS][at & (CHUNK - 1)] = value;
  }

  /** Bytes of all chunks. */
  get byteLength(): number {
    return this.#chunks.length * CHUNK * 4;
  }
}

/** Growable list of float64, like `Int32Chunks`. */
export class Float64Chunks {
  readonly #chunks: Float64Array[] = [];
  #length = 0;

  /** Appends a value. */
  push(value: number): void {
    const at = this.#length++;
    if ((at & (CHUNK - 1)) === 0) this.#chunks.push(new Float64Array(CHUNK));
    this.#chunks[at >>> CHUNK_BITS][at & (CHUNK - 1)] = value;
  }

  /** Value at an index in [0, length); the index is not checked. */
  get(at: number): number {
    return this.#chunks[at >>> CHUNK_BITS][at & (CHUNK - 1)];
  }

  /** Overwrites the value at an index in [0, length); the index is not checked. */
  set(at: number, value: number): void {
    this.#chunks[at >>> CHUNK_BITS][at & (CHUNK - 1)] = value;
  }
}
