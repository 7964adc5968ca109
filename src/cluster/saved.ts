/** How far a start of k-means has come: with the same rows and settings, everything after it follows from these. */
export interface SavedStart {
  /** 1-based number of the start. */
  readonly start: number;
  /** Number of the iteration that assigns to these centroids; once the iterations have ended, of the last one. */
  readonly iteration: number;
  /** k × dim float32. */
  readonly centroids: Float32Array;
  /** Whether the tolerance was met; absent while the iterations go on. */
  readonly converged?: boolean;
}

/**
 * Where k-means saves its starts. The assignment, the sums and the distances follow from the centroids, and the sums are
 * exact, so a run that goes on from saved centroids ends with the bits of a run that was never interrupted.
 */
export interface SavedStarts {
  /** The latest state of a start; undefined where none is saved. The array is the caller's, who does not write to it. */
  load(start: number): Promise<SavedStart | undefined>;
  /** Saves a state, or passes over it where one was saved a moment ago. The array is not written to afterwards. */
  save(state: SavedStart): Promise<void>;
}
