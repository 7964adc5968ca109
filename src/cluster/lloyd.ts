import type { VectorReader } from "../dedup/vectors.js";
import { UsageError } from "../errors.js";
import type { Engine } from "../onnx/engine.js";
import { createAssigner, tileRowsFor } from "./assign.js";
import { countDistinct } from "./distinct.js";
import { refillEmpty, restartEmpty } from "./empty.js";
import { medoids, squaredDistances } from "./measure.js";
import { numberBySize } from "./numbering.js";
import { assignRows, moveTo, type State } from "./reassign.js";
import { startCentroids } from "./seed.js";
import { createSums, means, meanVariance } from "./sums.js";

/** Where `kmeans` stands. */
export interface KMeansProgress {
  /** `seed` once, `assign` in each iteration, `measure` at the end. */
  readonly stage: "seed" | "assign" | "measure";
  /** 1-based; 0 while seeding. The pass after the last update counts as part of it. */
  readonly iteration: number;
  /** Rows done of the `total` of this stage; rows whose cluster is proved unchanged count as done. */
  readonly done: number;
  readonly total: number;
}

/** What to cluster and how. */
export interface KMeansOptions {
  /** Unit vectors; read by tile, in the order of `positions`. */
  readonly vectors: VectorReader;
  /** Positions of the vectors to cluster, ascending. A *row* below is an index into this array. */
  readonly positions: Uint32Array;
  /** How many times each row counts, at least 1; once where absent. */
  readonly weights?: Uint32Array;
  /** Number of clusters. */
  readonly k: number;
  /** Most iterations (50). */
  readonly iterations?: number;
  /** Stop when the centroids' summed squared shift is within this times the mean variance of a component (1e-4). */
  readonly tolerance?: number;
  /** Seed of the sample, of its projection and of k-means++ (0). */
  readonly seed?: number;
  /** Runs the tile product; it must multiply in true float32. */
  readonly engine: Engine;
  /** Rows of a tile; the result does not depend on it. */
  readonly tileRows?: number;
  readonly onProgress?: (progress: KMeansProgress) => void;
  readonly signal?: AbortSignal;
}

/** Clusters numbered from the largest to the smallest, equal ones by their first row. The caller owns the arrays. */
export interface KMeansResult {
  /** k × dim plain means (not normalised), float32. */
  readonly centroids: Float32Array;
  /** Cluster of each row: the nearest centroid by float64 distance. */
  readonly assignment: Int32Array;
  /** Euclidean distance of each row to its centroid. */
  readonly distances: Float32Array;
  /** Weight of each cluster. */
  readonly sizes: Uint32Array;
  /** Row nearest to each centroid among its own, the lowest among equals. */
  readonly medoids: Int32Array;
  /** Weighted sum of squared distances. */
  readonly inertia: number;
  /** Centroid updates done. */
  readonly iterations: number;
  /** False where the iterations ran out before the tolerance was met. */
  readonly converged: boolean;
}

/**
 * Lloyd's k-means on data of any size. Each assignment equals that of a plain float64 scan of the float32 centroids, so the
 * result depends on nothing but data, k, seed, iterations and tolerance. Rows whose nearest centroid cannot have changed,
 * by the triangle inequality, are neither read nor multiplied again (G. Hamerly, Making k-means even faster, SDM 2010).
 * Of centroids at the same distance the one started first wins; the final numbers are given after that.
 * Memory: 24 bytes a row, 20 bytes a centroid component, and a few tiles.
 * Throws UsageError where k is no count or exceeds the number of distinct vectors.
 */
export async function kmeans(options: KMeansOptions): Promise<KMeansResult> {
  const { vectors, positions, weights, k, engine, onProgress, signal } = options;
  const { iterations = 50, tolerance = 1e-4, seed = 0 } = options;
  const total = positions.length;
  const tileRows = options.tileRows ?? tileRowsFor(vectors.dim, Math.max(1, k));
  await checkCount(options, tileRows);

  let stage: KMeansProgress["stage"] = "seed";
  let iteration = 0;
  const onRows = (done: number): void => {
    signal?.throwIfAborted();
    onProgress?.({ stage, iteration, done, total });
  };
  onRows(0);
  const start = await startCentroids({ vectors, positions, weights, k, seed, tileRows });
  const totalWeight = weights ? weights.reduce((sum, weight) => sum + weight, 0) : total;
  const assigner = await createAssigner({ engine, dim: vectors.dim, k, tileRows });
  const state: State = {
    vectors,
    positions,
    weights,
    onRows,
    assigner,
    sums: createSums(k, vectors.dim, totalWeight),
    assignment: new Int32Array(total).fill(-1),
    gap: new Float32Array(total),
    squaredNorms: 0,
    centroids: start,
  };
  let converged = false;
  // Whether the assignment is that of the present centroids and leaves none of them empty.
  let settled = false;
  try {
    stage = "assign";
    while (!converged && iteration < iterations) {
      iteration++;
      await assignRows(state);
      await refillEmpty(state);
      const shift = moveTo(state, means(state.sums, state.centroids));
      settled = shift === 0;
      converged = shift <= tolerance * meanVariance(state.sums, state.squaredNorms / totalWeight);
    }
    while (!settled) {
      await assignRows(state);
      settled = !(await restartEmpty(state));
    }
  } finally {
    await assigner.release();
  }
  stage = "measure";
  return { ...(await measure(state)), iterations: iteration, converged };
}

/** Refuses a k that cannot be had. */
async function checkCount({ vectors, positions, k }: KMeansOptions, tileRows: number): Promise<void> {
  if (!Number.isSafeInteger(k) || k < 1) {
    throw new UsageError(`k is ${k}, expected a whole number of clusters from 1 up`);
  }
  const rows = positions.length;
  if (rows === 0) throw new UsageError(`cannot make ${k} clusters: there are no rows to cluster`);
  const distinct = k <= rows ? await countDistinct(vectors, positions, k, tileRows) : 0;
  if (distinct < k) {
    const have = k > rows ? `${rows} rows` : `${rows} rows with ${distinct} distinct vectors`;
    throw new UsageError(`cannot make ${k} clusters of ${have}: give a k of at most ${k > rows ? rows : distinct}`);
  }
}

/** Distances, inertia and medoids of the final assignment, in the final numbering. */
async function measure(state: State): Promise<Omit<KMeansResult, "iterations" | "converged">> {
  const { vectors, positions, weights, centroids, assignment, sums, onRows } = state;
  const { tileRows } = state.assigner;
  const squared = await squaredDistances({ vectors, positions, centroids, assignment, tileRows, onRows });
  let inertia = 0;
  for (let row = 0; row < squared.length; row++) inertia += (weights ? weights[row] : 1) * squared[row];
  const numbered = numberBySize({ assignment, centroids, weight: sums.weight });
  return {
    ...numbered,
    distances: Float32Array.from(squared, Math.sqrt),
    medoids: medoids(numbered.assignment, squared, numbered.sizes.length),
    inertia,
  };
}
