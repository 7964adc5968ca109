import { createBreaks } from "../breaks.js";
import { UsageError } from "../errors.js";
import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import { countDistinct } from "./distinct.js";
import { assignFinally, iterate, type Run } from "./lloyd.js";
import { inertiaOf, medoids, numberBySize } from "./measure.js";
import { planMemory, planShards } from "./plan.js";
import { refineStart } from "./refine.js";
import type { SavedStarts } from "./saved.js";
import { startCentroids } from "./seed/start.js";
import { openShards, type Shards, type ShardWorkers, startShards } from "./shards.js";

/** Default of `memory`, in bytes. */
const DEFAULT_MEMORY = 2 ** 30;

/** A report of how far `kmeans` has come. */
export interface KMeansProgress {
  /** `seed` first, then `assign` in each iteration, then `measure`; each further start begins again with `seed`. */
  readonly stage: "seed" | "assign" | "measure";
  /** 1-based number of the start. */
  readonly start: number;
  /** 1-based number of the iteration; 0 while seeding. The pass after the last update belongs to the last iteration. */
  readonly iteration: number;
  /** Rows that this stage has finished, of `total`. */
  readonly done: number;
  readonly total: number;
}

/** The vectors to cluster, and the settings of `kmeans`. */
export interface KMeansOptions {
  /** Vectors of unit length, read in tiles in the order of `positions`. */
  readonly vectors: VectorReader;
  /** Store positions of the vectors, ascending; default: all. In this folder a *row* is an index into this array. */
  readonly positions?: Uint32Array;
  /** How many times each row counts, at least 1; default: once. */
  readonly weights?: Uint32Array;
  /** Number of clusters. */
  readonly k: number;
  /** Largest number of iterations of each start; default 50. */
  readonly iterations?: number;
  /**
   * An iteration is the last one where the squared shifts of the centroids add up to at most `tolerance` times the mean
   * variance of a component; default 1e-4. scikit-learn stops by the same rule.
   */
  readonly tolerance?: number;
  /**
   * The centroids come to rest also where an update would save less than this part of the inertia, and they then stay
   * where they are. So a start that is good enough is kept as it is. Default 0: no such rule.
   */
  readonly leastGain?: number;
  /** Seed of the random numbers for the sample, its projection and k-means++; default 0. */
  readonly seed?: number;
  /** Number of runs, with the seeds `seed`, `seed + 1` and so on; the first of least inertia wins. Default 1. */
  readonly starts?: number;
  /** Scale the centroids to unit length, so that a row joins the cluster of the largest cosine; default false. */
  readonly spherical?: boolean;
  /**
   * Starting centroids, k × dim, which replace the seeded ones; of unit length where `spherical`. The array is not
   * copied: do not write to it before `kmeans` has ended.
   */
  readonly start?: Float32Array;
  /** Number the clusters as the centroids of `start` in place of by size; default false. */
  readonly keepNumbers?: boolean;
  /** Computes the products of tiles and centroids; must multiply in true float32. */
  readonly engine: Engine;
  /** Other threads that share the work; default: `engine` does all the work on this thread. */
  readonly workers?: ShardWorkers;
  /** Where the centroids are saved on the way, so that a run which was killed goes on from there; default: nowhere. */
  readonly saved?: SavedStarts;
  /** Number of shards; default: as `planShards` says. The result does not depend on it. */
  readonly shards?: number;
  /** Rows of a tile; default: as `planMemory` says. The result does not depend on it. */
  readonly tileRows?: number;
  /** Bytes for centroids, vectors and tiles; default 1 GiB. The result does not depend on it. */
  readonly memory?: number;
  /** Called at the start of each stage and after each tile. */
  readonly onProgress?: (progress: KMeansProgress) => void;
  /** Stops the run: the promise is then rejected with the reason of the signal. */
  readonly signal?: AbortSignal;
}

/**
 * The clusters, numbered from the heaviest to the lightest, equal ones in the order of their first rows; or as the start
 * with `keepNumbers`. The caller owns all arrays.
 */
export interface KMeansResult {
  /** k × dim float32: the mean of each cluster, scaled to unit length where `spherical`. */
  readonly centroids: Float32Array;
  /** The cluster of each row, whose centroid is the nearest by float64 distance. */
  readonly assignment: Int32Array;
  /** Euclidean distance of each row to its centroid. */
  readonly distances: Float32Array;
  /** Summed weight of the rows of each cluster. */
  readonly sizes: Uint32Array;
  /** The row of each cluster that is nearest to the centroid, the lowest among equals. */
  readonly medoids: Int32Array;
  /** Sum over all rows of weight times squared distance to the centroid. */
  readonly inertia: number;
  /** Number of updates of the centroids. */
  readonly iterations: number;
  /** Whether an update met the tolerance; false where the iterations ran out. */
  readonly converged: boolean;
}

/**
 * Lloyd's k-means on data of any size: seed, alternate assignment and update until the centroids come to rest, measure.
 *
 * Each assignment equals that of a plain float64 scan of the float32 centroids, so the result depends only on the data,
 * k, `spherical`, seed, starts, iterations, tolerance and `leastGain`. Of centroids at the same distance the one with
 * the lower number in the start wins; the clusters get their final numbers at the end. Worker threads, where there are
 * any, hold the rows in shards. The sums of the clusters are exact, so any number of shards gives the same bits as one.
 *
 * Memory: `memory` and 24 bytes a row; at least the centroids and a few tiles (see plan.ts).
 * @throws UsageError where k is no whole number from 1 up or exceeds the number of distinct vectors, or where `starts`
 * or the length of `start` is wrong
 * @throws Error where a vector cannot be read or has not unit length
 */
export async function kmeans(options: KMeansOptions): Promise<KMeansResult> {
  const { vectors, weights, k, workers, saved, signal } = options;
  const { iterations = 50, tolerance = 1e-4, leastGain, seed = 0, starts = 1, spherical = false } = options;
  const positions = options.positions ?? Uint32Array.from({ length: vectors.count }, (_, position) => position);
  const total = positions.length;
  const { dim } = vectors;
  const size = { dim, k: Math.max(1, k), memory: options.memory ?? DEFAULT_MEMORY };
  const dealt = planShards({ ...size, rows: total, threads: workers?.threads ?? 1 });
  const count = options.shards ?? workers?.shards?.({ k, dim }) ?? dealt.shards;
  const share = options.shards ? size.memory / count : dealt.memory;
  const plan = planMemory({ ...size, memory: share, tileRows: options.tileRows });
  const { tileRows } = plan;
  await check({ ...options, positions, starts }, tileRows);

  const progress = createProgress(options, total, count);
  const hooks = { onTile: () => signal?.throwIfAborted(), pause: createBreaks(signal) };
  progress.enter("seed", 1, 0);
  const members = startShards({ ...options, ...hooks, count, onRows: progress.onRows });
  let shards: Shards | null = null;

  async function runFrom(start: number): Promise<KMeansResult> {
    const from = { ...options, ...hooks, positions, seed: seed + start - 1, tileRows, spherical };
    const state = await saved?.load(start);
    const centroids =
      state?.centroids ?? options.start ?? (await refineStart({ ...from, centroids: await startCentroids(from) }));
    const totalWeight = weights ? weights.reduce((sum, weight) => sum + weight, 0) : total;
    shards ??= await openShards(members, { positions, weights, k, dim, plan, totalWeight });
    const run: Run = { shards, vectors, positions, centroids };
    let updates = state?.iteration ?? 0;
    const onIteration = async (iteration: number): Promise<void> => {
      updates = iteration;
      progress.enter("assign", start, iteration);
      await saved?.save({ start, iteration, centroids: run.centroids });
    };
    progress.enter("assign", start, updates);
    const settings = { first: state?.iteration, iterations, tolerance, leastGain, spherical, onIteration };
    const converged = state?.converged ?? (await iterate(run, settings));
    await saved?.save({ start, iteration: updates, centroids: run.centroids, converged });
    await assignFinally(run);
    progress.enter("measure", start, updates);
    return { ...(await measure(run, options)), iterations: updates, converged };
  }

  try {
    let best = await runFrom(1);
    for (let start = 2; start <= starts; start++) {
      progress.enter("seed", start, 0);
      const found = await runFrom(start);
      if (found.inertia < best.inertia) best = found;
    }
    return best;
  } finally {
    await Promise.all(members.map((shard) => shard.close()));
  }
}

/** Reports the progress of all shards to the caller, and throws once the signal is aborted. */
function createProgress({ onProgress, signal }: KMeansOptions, total: number, shards: number) {
  let at: Pick<KMeansProgress, "stage" | "start" | "iteration"> = { stage: "seed", start: 1, iteration: 0 };
  const doneBy = new Float64Array(shards);
  const report = (): void => {
    signal?.throwIfAborted();
    onProgress?.({ ...at, done: doneBy.reduce((sum, rows) => sum + rows, 0), total });
  };
  return {
    enter(stage: KMeansProgress["stage"], start: number, iteration: number): void {
      at = { stage, start, iteration };
      doneBy.fill(0);
      report();
    },
    onRows(shard: number, rows: number): void {
      doneBy[shard] = rows;
      report();
    },
  };
}

/** @throws UsageError where the rows cannot make k clusters or the options contradict each other */
async function check(
  options: KMeansOptions & { readonly positions: Uint32Array; readonly starts: number },
  tileRows: number,
): Promise<void> {
  const { vectors, positions, k, start, starts, weights, iterations = 1, tolerance = 0, seed = 0 } = options;
  for (const [name, value, least] of [
    ["starts", starts, 1],
    ["iterations", iterations, 0],
    ["seed", seed, 0],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least) {
      throw new UsageError(`${name} is ${value}, expected a whole number from ${least} up`);
    }
  }
  // A tolerance below 0 is never met: all iterations run.
  if (!Number.isFinite(tolerance)) throw new UsageError(`tolerance is ${tolerance}, expected a number`);
  if (weights && (weights.length !== positions.length || weights.includes(0))) {
    const wrong = weights.length === positions.length ? "one of them is 0" : `${weights.length} of them`;
    throw new UsageError(`weights: ${wrong}; expected a weight of 1 or more for each of ${positions.length} rows`);
  }
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

/** The final assignment with its distances, inertia and medoids, in the final numbering of the clusters. */
async function measure(
  { shards, centroids }: Run,
  { weights, keepNumbers = false }: KMeansOptions,
): Promise<Omit<KMeansResult, "iterations" | "converged">> {
  const squared = await shards.distances();
  const assignment = await shards.assignment();
  const { weight } = shards.totals;
  const numbered = keepNumbers
    ? { assignment: assignment.slice(), centroids, sizes: Uint32Array.from(weight) }
    : numberBySize({ assignment, centroids, weight });
  return {
    ...numbered,
    distances: Float32Array.from(squared, Math.sqrt),
    medoids: medoids(numbered.assignment, squared, numbered.sizes.length),
    inertia: inertiaOf(squared, weights),
  };
}
