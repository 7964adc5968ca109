import { createBreaks } from "../breaks.js";
import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import { inertiaOf } from "./measure.js";
import { planMemory, planShards } from "./plan.js";
import { openShards, type ShardWorkers, startShards } from "./shards.js";
import { gainOf, means } from "./sums.js";

/** Rows in the clusters of given centroids. The caller owns all arrays. */
export interface Assigned {
  /** The cluster of each row: the number of its nearest centroid by float64 distance, the lowest among equals. */
  readonly assignment: Int32Array;
  /** Squared distance of each row to that centroid. */
  readonly squared: Float64Array;
  /** Summed weight of the rows of each cluster; 0 where no row is nearest to the centroid. */
  readonly sizes: Uint32Array;
  /** k × dim float32: the mean of the rows of each cluster, of unit length where `spherical`; else the centroid. */
  readonly means: Float32Array;
  /** Sum of weight times squared distance, added up in the order of the rows as `kmeans` does. */
  readonly inertia: number;
  /** The part of the inertia that moving the centroids to `means` would save, from 0 to 1. */
  readonly gain: number;
}

/**
 * Puts each row into the cluster of its nearest centroid and moves no centroid. The vectors are read once: a tile is
 * read while the one before it is assigned and measured. The result depends neither on shards nor on memory.
 *
 * Memory: the centroids, a few tiles for each shard, and 12 bytes a row.
 * @throws InputError where a vector has not unit length
 */
export async function assignRows(options: {
  /** Vectors of unit length. */
  readonly vectors: VectorReader;
  /** Store position of each row, ascending. */
  readonly positions: Uint32Array;
  /** How many times each row counts; default: once. */
  readonly weights?: Uint32Array;
  /** k × dim float32, which must not be written to meanwhile. */
  readonly centroids: Float32Array;
  readonly spherical?: boolean;
  readonly engine: Engine;
  readonly workers?: ShardWorkers;
  readonly memory: number;
  /** Number of shards; default: as `planShards` says. The result does not depend on it. */
  readonly shards?: number;
  /** Called with the number of rows done so far. */
  readonly onProgress?: (rows: number) => void;
  /** Stops the work: the promise is then rejected with the reason of the signal. */
  readonly signal?: AbortSignal;
}): Promise<Assigned> {
  const { vectors, positions, weights, centroids, spherical, signal, workers, memory, onProgress } = options;
  const { dim } = vectors;
  const k = centroids.length / dim;
  const dealt = planShards({ memory, dim, k, rows: positions.length, threads: workers?.threads ?? 1 });
  const count = options.shards ?? workers?.shards?.({ k, dim }) ?? dealt.shards;
  // Each vector is needed once, so neither vectors nor bounds stay in memory.
  const plan = { ...planMemory({ memory: dealt.memory, dim, k }), resident: 0, bounded: 0 };
  const doneBy = new Float64Array(count);
  const members = startShards({
    ...options,
    count,
    onTile: () => signal?.throwIfAborted(),
    pause: createBreaks(signal),
    onRows(shard, rows) {
      signal?.throwIfAborted();
      doneBy[shard] = rows;
      onProgress?.(doneBy.reduce((sum, done) => sum + done, 0));
    },
  });
  try {
    const totalWeight = weights ? weights.reduce((sum, weight) => sum + weight, 0) : positions.length;
    const shards = await openShards(members, { positions, weights, k, dim, plan, totalWeight });
    await shards.pass(centroids, true);
    const squared = await shards.distances();
    const after = means(shards.totals, centroids, spherical);
    return {
      assignment: await shards.assignment(),
      squared,
      sizes: Uint32Array.from(shards.totals.weight),
      means: after,
      inertia: inertiaOf(squared, weights),
      gain: gainOf(shards.totals, centroids, after),
    };
  } finally {
    await Promise.all(members.map((shard) => shard.close()));
  }
}
