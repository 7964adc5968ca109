import type { Engine } from "../onnx/engine.js";
import { iterate } from "./lloyd.js";
import { planRows } from "./plan.js";
import { type StartOptions, startSample } from "./seed/start.js";
import { localShard } from "./shard.js";
import { openShards } from "./shards.js";

/** Largest number of iterations over the sample. */
const ROUNDS = 5;

/** Bytes of sample vectors that stay in memory, and of their bounds. The vectors beyond them are read again in each iteration. */
const SAMPLE_MEMORY = 2 ** 26;

/**
 * Improves a start by up to five of Lloyd's iterations in full dimension, over the sample that `startCentroids` used.
 * The sample is small, so they cost little, and they save iterations over all rows. Where the sample holds all rows
 * nothing would be saved: then the given array is returned as it is. Otherwise the caller owns the array returned.
 */
export async function refineStart(
  options: StartOptions & {
    readonly engine: Engine;
    readonly centroids: Float32Array;
    readonly pause: () => Promise<void>;
    /** Called after each tile; may throw to stop. */
    readonly onTile: () => void;
  },
): Promise<Float32Array> {
  const { vectors, positions, k, centroids, tileRows, spherical = false, onTile } = options;
  const sample = startSample(options);
  if (sample.length === positions.length) return centroids;
  const { dim } = vectors;
  const shard = localShard({ ...options, onRows: onTile });
  try {
    const plan = { tileRows, ...planRows({ memory: SAMPLE_MEMORY, tileRows, dim, k }) };
    const shards = await openShards([shard], { positions: sample, k, dim, plan, totalWeight: sample.length });
    const run = { shards, vectors, positions: sample, centroids };
    await iterate(run, { iterations: ROUNDS, tolerance: 1e-4, spherical });
    return run.centroids;
  } finally {
    await shard.close();
  }
}
