import type { VectorReader } from "../vectors/reader.js";
import { refillEmpty, restartEmpty } from "./empty.js";
import type { Shards } from "./shards.js";
import { means, meanVariance } from "./sums.js";

/** A run of Lloyd's iterations. */
export interface Run {
  readonly shards: Shards;
  /** Of the rows, which are numbered as in the shards. */
  readonly vectors: Pick<VectorReader, "dim" | "gather">;
  /** k × dim; replaced, never written to. */
  centroids: Float32Array;
  /** Whether rows have a cluster yet. */
  assigned: boolean;
}

/** Lloyd's iterations over rows not assigned yet; returns whether the tolerance was met. */
export async function iterate(
  run: Run,
  options: {
    readonly iterations: number;
    readonly tolerance: number;
    readonly spherical: boolean;
    readonly onIteration?: (iteration: number) => void;
  },
): Promise<boolean> {
  const { iterations, tolerance, spherical, onIteration } = options;
  let allowed = 0;
  for (let iteration = 1; iteration <= iterations; iteration++) {
    onIteration?.(iteration);
    await assign(run);
    await refillEmpty(run);
    // That of all rows together, so the same after each iteration.
    if (iteration === 1) allowed = tolerance * meanVariance(run.shards.totals);
    const before = run.centroids;
    run.centroids = means(run.shards.totals, before, spherical);
    if (squaredShift(before, run.centroids, run.shards.dim) <= allowed) return true;
  }
  return false;
}

/** Assigns the rows to the present centroids in such a way that none is left without; needs k distinct vectors. */
export async function settle(run: Run): Promise<void> {
  do await assign(run);
  while (await restartEmpty(run));
}

async function assign(run: Run): Promise<void> {
  await run.shards.pass(run.centroids, !run.assigned);
  run.assigned = true;
}

function squaredShift(before: Float32Array, after: Float32Array, dim: number): number {
  let shift = 0;
  for (let at = 0; at < after.length; at += dim) {
    let sum = 0;
    for (let i = at; i < at + dim; i++) sum += (after[i] - before[i]) ** 2;
    shift += sum;
  }
  return shift;
}
