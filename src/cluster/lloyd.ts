import type { VectorReader } from "../dedup/vectors.js";
import { UsageError } from "../errors.js";
import type { Engine } from "../onnx/engine.js";
import { createAssigner } from "./assign.js";
import { createBreaks } from "./breaks.js";
import { countDistinct } from "./distinct.js";
import { createFewRivals } from "./few.js";
import { iterate, newState, refineStart, settle, type Workspace } from "./iterate.js";
import { medoids, squaredDistances } from "./measure.js";
import { numberBySize } from "./numbering.js";
import { planMemory } from "./plan.js";
import type { State } from "./reassign.js";
import { createRowMemory, type RowMemory } from "./row-memory.js";
import { openRows, type Rows } from "./rows.js";
import { startCentroids } from "./seed.js";
import { sumsRoom } from "./sums.js";
import { createTracker } from "./track.js";

/** Bytes unless the caller says otherwise. */
const DEFAULT_MEMORY = 2 ** 30;

/** Where `kmeans` stands. */
export interface KMeansProgress {
  /** `seed`, then `assign` in each iteration, then `measure`; again for each start. */
  readonly stage: "seed" | "assign" | "measure";
  /** 1-based number of the start. */
  readonly start: number;
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
  /** Runs with seeds from `seed` up; the least inertia wins, of equal ones the first (1). */
  readonly starts?: number;
  /** Centroids of unit length, so that rows go where their cosine is largest (false). */
  readonly spherical?: boolean;
  /** Starting centroids, k × dim, in place of seeded ones; of unit length where spherical. */
  readonly start?: Float32Array;
  /** Runs the tile product; it must multiply in true float32. */
  readonly engine: Engine;
  /** Rows of a tile; the result does not depend on it. */
  readonly tileRows?: number;
  /** Bytes for centroids, bounds, vectors and tiles (1 GiB); the result does not depend on it. */
  readonly memory?: number;
  readonly onProgress?: (progress: KMeansProgress) => void;
  readonly signal?: AbortSignal;
}

/** Clusters numbered from the largest to the smallest, equal ones by their first row. The caller owns the arrays. */
export interface KMeansResult {
  /** k × dim plain means, or those scaled to unit length where spherical, float32. */
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
 * result depends on nothing but data, k, seed, starts, iterations and tolerance. After the first iteration only rows whose
 * nearest centroid may have changed are looked at in full: those that fit in `memory` are told by 8-bit products with the
 * centroids' moves (see track.ts), the others by the triangle inequality (G. Hamerly, Making k-means even faster, SDM 2010).
 * Of centroids at the same distance the one started first wins; the final numbers are given after that.
 * Memory: `memory` and 24 bytes a row; at least what the centroids and a few tiles take (see plan.ts).
 * Throws UsageError where k is no count or exceeds the number of distinct vectors.
 */
export async function kmeans(options: KMeansOptions): Promise<KMeansResult> {
  const { vectors, positions, weights, k, onProgress, signal } = options;
  const { iterations = 50, tolerance = 1e-4, seed = 0, starts = 1, spherical = false } = options;
  const total = positions.length;
  const sizes = { rows: total, dim: vectors.dim, k: Math.max(1, k) };
  const plan = planMemory({ ...options, ...sizes, memory: options.memory ?? DEFAULT_MEMORY });
  const { tileRows, tracked } = plan;
  await checkCount(options, tileRows);

  let stage: KMeansProgress["stage"] = "seed";
  let start = 1;
  let iteration = 0;
  const onRows = (done: number): void => {
    signal?.throwIfAborted();
    onProgress?.({ stage, start, iteration, done, total });
  };
  const onTile = (): void => signal?.throwIfAborted();
  const pause = createBreaks(signal);
  onRows(0);
  const memory = createRowMemory(vectors.dim, plan.kernelVectors, plan.kernelRest);
  const rows = await openRows({
    vectors,
    positions,
    tileRows,
    memory: plan.resident,
    allocate: memory.floats,
    onTile,
  });
  const everyRow = Uint32Array.from(positions.keys());
  let work: Workspace | null = null;
  let best: KMeansResult | null = null;
  try {
    for (; start <= starts; start++) {
      stage = "seed";
      iteration = 0;
      onRows(0);
      const from = {
        vectors: rows,
        positions: everyRow,
        weights,
        k,
        seed: seed + start - 1,
        tileRows,
        spherical,
        pause,
      };
      let centroids = options.start ?? (await startCentroids(from));
      work ??= await openWorkspace(options, memory, rows, tracked, centroids);
      if (!options.start) centroids = await refineStart({ ...from, work, centroids, names: positions, onTile });
      onRows(0);
      const state = newState({ work, positions, weights, centroids, onRows });
      stage = "assign";
      const onIteration = (now: number): void => {
        iteration = now;
      };
      const converged = await iterate(state, { iterations, tolerance, spherical, onIteration });
      await settle(state);
      stage = "measure";
      const found = { ...(await measure(state, pause)), iterations: iteration, converged };
      if (best === null || found.inertia < best.inertia) best = found;
    }
  } finally {
    await rows.close();
    await work?.assigner.release();
    await work?.tracker?.release();
  }
  if (best === null) throw new UsageError(`starts is ${starts}, expected a whole number from 1 up`);
  return best;
}

async function openWorkspace(
  { engine, k }: KMeansOptions,
  memory: RowMemory,
  rows: Rows,
  tracked: number,
  centroids: Float32Array,
): Promise<Workspace> {
  const { dim, tileRows } = rows;
  const centre = new Float32Array(dim);
  for (let at = 0; at < centroids.length; at++) centre[at % dim] += centroids[at] / k;
  const assigner = await createAssigner({ engine, dim, k, tileRows });
  const sums = sumsRoom(memory, k);
  const tracker = tracked > 0 ? await createTracker({ engine, memory, centre, k, tileRows, rows: tracked }) : null;
  const few = tracker ? createFewRivals(memory, k, tileRows) : null;
  const open = { rows: new Uint32Array(tileRows), vectors: memory.floats(tileRows * dim) };
  return { rows, assigner, tracker, few, open, memory, sumsRoom: sums };
}

/** Refuses a k that cannot be had. */
async function checkCount({ vectors, positions, k, start }: KMeansOptions, tileRows: number): Promise<void> {
  if (!Number.isSafeInteger(k) || k < 1) {
    throw new UsageError(`k is ${k}, expected a whole number of clusters from 1 up`);
  }
  if (start && start.length !== k * vectors.dim) {
    throw new UsageError(`start has ${start.length} numbers, expected ${k} centroids of ${vectors.dim}`);
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
async function measure(
  state: State,
  pause: () => Promise<void>,
): Promise<Omit<KMeansResult, "iterations" | "converged">> {
  const { rows, weights, centroids, assignment, sums, onRows } = state;
  const squared = await squaredDistances({ rows, centroids, assignment, onRows, pause });
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
