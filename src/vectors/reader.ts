/**
 * Unit vectors, read by their positions. Implemented by the store embeddings.arrow and by arrays; join, k-means and
 * proofs know nothing else of where vectors lie.
 */
export interface VectorReader {
  /** Number of vectors. */
  readonly count: number;
  /** Components of each vector, float32. */
  readonly dim: number;
  /**
   * Copies the vectors at `positions[0..n)` into `into` (n × dim, row-major, the caller's), in the order of
   * `positions`. Runs of adjacent positions are read at once.
   */
  gather(positions: ArrayLike<number>, into: Float32Array): Promise<void>;
}
