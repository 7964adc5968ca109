import { createBreaks } from "../breaks.js";
import { UsageError } from "../errors.js";
import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import { countDistinct } from "./distinct.js";
import { iterate, type Run, settle } from "./lloyd.js";
import { medoids, numberBySize } from "./measure.js";
import { planMemory, planShards } from "./plan.js";
import { refineStart } from "./refine.js";
import { startCentroids } from "./seed/start.js";
import { localShard, type Shard } from "./shard.js";
import { openShards, type Shards } from "./shards.js";

/** Bytes where the caller does not say how many. */
const DEFAULT_MEMORY = 2 ** 30;

/** Where `kmeans` stands. */
export interface KMeansProgress {
  /** `seed`, then `assign` in each iteration, then `measure`; again for each start. */
  readonly stage: "seed" | "assign" | "measure";
  /** 1-based number of the start. */
  readonly start: number;
  /** 1-based; 0 while seeding. The pass after the last update counts as part of it. */
  readonly iteration: number;
  /** Rows done of the `total` of this stage. */
  readonly done: number;
  readonly total: number;
}

/** Shards of the rows in other threads. */
export interface ShardWorkers {
  /** Threads in all, the caller's among them. */
  readonly threads: number;
  /** An engine of so many threads for the caller's own shard. */
  engine(threads: number): Engine;
  /** Starts workers with an engine of so many threads each; they load while the caller goes on, and end when their shard is closed. */
  start(count: number, threads: number, onRows: (shard: number, rows: number) => void): Shard[];
}

/** What to cluster and how. */
export interface KMeansOptions {
  /** Unit vectors; read by tile, in the order of `positions`. */
  readonly vectors: VectorReader;
  /** Positions of the vectors to cluster, ascending; all where absent. A *row* below is an index into this array. */
  readonly positions?: Uint32Array;
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
  /** Starting centroids, k × dim, in place of seeded ones; of unit length where spherical. Leave them alone until the end. */
  readonly start?: Float32Array;
  /** Runs the tile product; it must multiply in true float32. */
  readonly engine: Engine;
  /** Shares the work with other threads; without them `engine` does all of it here. */
  readonly workers?: ShardWorkers;
  /** Number of shards, chosen from data, memory and threads where absent; the result does not depend on it. */
  readonly shards?: number;
  /** Rows of a tile; the result does not depend on it. */
  readonly tileRows?: number;
  /** Bytes for centroids, vectors and tiles (1 GiB); the result does not depend on it. */
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
 * Lloyd's k-means on data of any size: seed, then assign and update until the centroids rest, then measure. Each assignment equals that of
 * a plain float64 scan of the float32 centroids, so the result depends on nothing but data, k, seed, starts, iterations and tolerance.
 * Of centroids at the same distance the one started first wins; the clusters get their final numbers afterwards.
 * Rows are dealt to shards in worker threads where there are any; the sums of clusters are exact, so many shards give the result of one.
 * Memory: `memory` and 24 bytes a row; at least the centroids and a few tiles (see plan.ts).
 * Throws UsageError where k is no count or exceeds the number of distinct vectors.
 */
export async function kmeans(options: KMeansOptions): Promise<KMeansResult> {
  const { vectors, weights, k, workers, signal } = options;
  const { iterations = 50, tolerance = 1e-4, seed = 0, starts = 1, spherical = false } = options;
  const positions = options.positions ?? Uint32Array.from({ length: vectors.count }, (_, position) => position);
  const total = positions.length;
  const { dim } = vectors;
  const size = { dim, k: Math.max(1, k), memory: options.memory ?? DEFAULT_MEMORY };
  const dealt = planShards({ ...size, rows: total, threads: workers?.threads ?? 1 });
  const count = options.shards ?? dealt.shards;
  const share = options.shards ? size.memory / count : dealt.memory;
  const plan = planMemory({ ...size, memory: share, tileRows: options.tileRows });
  const { tileRows } = plan;
  await check({ ...options, positions, starts }, tileRows);

  const progress = createProgress(options, total, count);
  const hooks = { onTile: () => signal?.throwIfAborted(), pause: createBreaks(signal) };
  progress.enter("seed", 1, 0);
  const members = startShards(options, count, hooks, progress.onRows);
  let shards: Shards | null = null;

  async function runFrom(start: number): Promise<KMeansResult> {
    const from = { ...options, ...hooks, positions, seed: seed + start - 1, tileRows, spherical };
    const centroids = options.start ?? (await refineStart({ ...from, centroids: await startCentroids(from) }));
    const totalWeight = weights ? weights.reduce((sum, weight) => sum + weight, 0) : total;
    shards ??= await openShards(members, { positions, weights, k, dim, plan, totalWeight });
    const run: Run = { shards, vectors, positions, centroids };
    let updates = 0;
    const onIteration = (iteration: number): void => {
      updates = iteration;
      progress.enter("assign", start, iteration);
    };
    progress.enter("assign", start, 0);
    const converged = await iterate(run, { iterations, tolerance, spherical, onIteration });
    await settle(run);
    progress.enter("measure", start, updates);
    return { ...(await measure(run, weights)), iterations: updates, converged };
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

/** Tells the caller where the run stands, and throws once the signal is aborted. */
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

/** Starts the workers first, so that they are at work when the caller's own shard begins. */
function startShards(
  { workers, engine, vectors }: KMeansOptions,
  count: number,
  hooks: { readonly onTile: () => void; readonly pause: () => Promise<void> },
  onRows: (shard: number, rows: number) => void,
): Shard[] {
  const own = (on: Engine, shard: number) =>
    localShard({ ...hooks, engine: on, vectors, onRows: (rows) => onRows(shard, rows) });
  if (!workers) return Array.from({ length: count }, (_, shard) => own(engine, shard));
  const threads = Math.max(1, Math.floor(workers.threads / count));
  return [...workers.start(count - 1, threads, onRows), own(workers.engine(threads), count - 1)];
}

/** Throws UsageError where the rows cannot make k clusters or the options contradict each other. */
async function check(
  options: KMeansOptions & { readonly positions: Uint32Array; readonly starts: number },
  tileRows: number,
): Promise<void> {
  const { vectors, positions, k, start, starts, weights, iterations = 1, tolerance = 0, seed = 0 } = options;
  for (const [name, value, least] of [
    ["starts", starts, 1],
    ["iterations", iterations, 1],
    ["seed", seed, 0],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least) {
      throw new UsageError(`${name} is ${value}, expected a whole number from ${least} up`);
    }
  }
  if (!(tolerance >= 0)) throw new UsageError(`tolerance is ${tolerance}, expected a number from 0 up`);
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

/** Distances, inertia and medoids of the final assignment, in the final numbering. */
async function measure(
  { shards, centroids }: Run,
  weights: Uint32Array | undefined,
): Promise<Omit<KMeansResult, "iterations" | "converged">> {
  const squared = await shards.distances();
  let inertia = 0;
  for (let row = 0; row < squared.length; row++) inertia += (weights ? weights[row] : 1) * squared[row];
  const assignment = await shards.assignment();
  const numbered = numberBySize({ assignment, centroids, weight: shards.totals.weight });
  return {
    ...numbered,
    distances: Float32Array.from(squared, Math.sqrt),
    medoids: medoids(numbered.assignment, squared, numbered.sizes.length),
    inertia,
  };
}
