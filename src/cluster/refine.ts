import type { Engine } from "../onnx/engine.js";
import { iterate, type Run } from "./iterate.js";
import { fixedBytes, planMemory } from "./plan.js";
import { type StartOptions, startSample } from "./seed.js";
import { localShard } from "./shard.js";
import { openShards } from "./shards.js";

/** Iterations over the sample that the start comes from. */
const ROUNDS = 5;

/** Bytes for the sample's vectors, and for its bounds where there is more. */
const SAMPLE_MEMORY = 2 ** 26;

/**
 * Lloyd's iterations in full dimension over the sample that a start was made from: they cost little, and spare the first ones over
 * all rows, where centroids move far and most rows have to be looked at. The caller owns the result.
 */
export async function refineStart(
  options: StartOptions & {
    readonly engine: Engine;
    readonly centroids: Float32Array;
    /** Bytes there are; without bounds where these and all else do not fit. */
    readonly memory: number;
    readonly pause: () => Promise<void>;
    /** Called after each tile; may throw to stop. */
    readonly onTile: () => void;
  },
): Promise<Float32Array> {
  const { vectors, positions, k, centroids, tileRows, spherical = false, onTile } = options;
  const sample = startSample(options);
  if (sample.length === positions.length) return centroids;
  const size = { rows: sample.length, dim: vectors.dim, k, tileRows };
  const wanted = fixedBytes(size) + SAMPLE_MEMORY;
  const untracked = { ...planMemory({ ...size, memory: 0 }), resident: SAMPLE_MEMORY };
  const plan = options.memory < wanted ? untracked : planMemory({ ...size, memory: wanted });
  const shard = localShard({ ...options, onRows: onTile });
  try {
    const shards = await openShards([shard], {
      positions: sample,
      k,
      dim: vectors.dim,
      plan,
      centre: centreOf(centroids, vectors.dim),
      totalWeight: sample.length,
    });
    const run: Run = { shards, vectors, centroids, assigned: false };
    await iterate(run, { iterations: ROUNDS, tolerance: 1e-4, spherical });
    return run.centroids;
  } finally {
    await shard.close();
  }
}

/** Mean of centroids. */
export function centreOf(centroids: Float32Array, dim: number): Float32Array {
  const centre = new Float32Array(dim);
  const k = centroids.length / dim;
  for (let at = 0; at < centroids.length; at++) centre[at % dim] += centroids[at] / k;
  return centre;
}
