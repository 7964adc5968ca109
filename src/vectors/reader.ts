/**
 * Unit vectors by position, read by tile. Implemented by the embeddings.arrow store and, in tests, by an array;
 * kernels see nothing but this.
 */
export interface VectorReader {
  /** Number of vectors. */
  readonly count: number;
  /** Components of each vector, float32. */
  readonly dim: number;
  /**
   * Copies vectors `positions[0..n)` into `into` (n × dim, row-major). Runs of adjacent positions are read at once.
   * The caller owns `into`.
   */
  gather(positions: ArrayLike<number>, into: Float32Array): Promise<void>;
}
