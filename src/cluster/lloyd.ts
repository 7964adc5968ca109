import type { VectorReader } from "../vectors/reader.js";
import { hashVector } from "./distinct.js";
import type { Shards } from "./shards.js";
import { gainOf, means, meanVariance, type Totals } from "./sums.js";

/** The rows and centroids of a run of Lloyd's iterations. */
export interface Run {
  readonly shards: Shards;
  readonly vectors: VectorReader;
  /** Store position of each row's vector, ascending. */
  readonly positions: Uint32Array;
  /**
   * k × dim float32. The run replaces this array and never writes into it, so shards may keep the array they were
   * given.
   */
  centroids: Float32Array;
}

/**
 * Alternates assignment and update, from iteration `first` on. The last update is the one that moves the centroids by a summed squared distance of
 * at most `tolerance` times the mean variance of a component, or update number `iterations`. Returns whether the
 * tolerance or `leastGain` was met. `run.centroids` are then the means of the last assignment, to which no row has been
 * assigned yet.
 * Source: S. Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28 (1982).
 */
export async function iterate(
  run: Run,
  options: {
    /** Number of the first iteration; default 1. A run that goes on from saved centroids starts with a later one. */
    readonly first?: number;
    readonly iterations: number;
    readonly tolerance: number;
    readonly spherical: boolean;
    /** Ends before an update that would save less than this part of the inertia; default 0. See `KMeansOptions`. */
    readonly leastGain?: number;
    /** Awaited before each iteration with its number, counted from 1. */
    readonly onIteration?: (iteration: number) => void | Promise<void>;
  },
): Promise<boolean> {
  const { first = 1, iterations, tolerance, spherical, leastGain = 0, onIteration } = options;
  const { shards } = run;
  let allowed = 0;
  for (let iteration = first; iteration <= iterations; iteration++) {
    await onIteration?.(iteration);
    await shards.pass(run.centroids);
    const refilled = await refillEmpty(run);
    // The variance of all rows is the same in every iteration.
    if (iteration === first) allowed = tolerance * meanVariance(shards.totals);
    const before = run.centroids;
    const after = means(shards.totals, before, spherical);
    // A cluster that has just been refilled has no centroid yet.
    if (leastGain > 0 && !refilled && gainOf(shards.totals, before, after) < leastGain) return true;
    run.centroids = after;
    if (squaredShift(before, run.centroids, shards.dim) <= allowed) return true;
  }
  return false;
}

/**
 * Assigns each row to the nearest centroid and moves the centroids of empty clusters until no cluster is empty. There
 * must be k distinct vectors. The last pass measures the distances.
 */
export async function assignFinally(run: Run): Promise<void> {
  do await run.shards.pass(run.centroids, true);
  while (await restartEmpty(run));
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

/**
 * Moves into each empty cluster the row that is farthest from its own centroid, as scikit-learn does. The next update
 * then puts the centroid on this row. Returns false if none is empty.
 */
async function refillEmpty(run: Run): Promise<boolean> {
  const empty = emptyClusters(run.shards.totals);
  if (empty.length === 0) return false;
  const found = await farthestRows(run, empty.length);
  for (let e = 0; e < found.length; e++) await run.shards.move(found[e].row, empty[e]);
  return true;
}

/**
 * Puts the centroid of each empty cluster on the row that is farthest from its own centroid. Returns false if none is
 * empty.
 */
async function restartEmpty(run: Run): Promise<boolean> {
  const empty = emptyClusters(run.shards.totals);
  if (empty.length === 0) return false;
  const found = await farthestRows(run, empty.length);
  const next = run.centroids.slice();
  for (let e = 0; e < found.length; e++) next.set(found[e].vector, empty[e] * run.shards.dim);
  run.centroids = next;
  return true;
}

function emptyClusters({ members }: Totals): number[] {
  const empty: number[] = [];
  for (let j = 0; j < members.length; j++) if (members[j] === 0) empty.push(j);
  return empty;
}

/**
 * Up to `wanted` rows with copies of their vectors, the row farthest from its centroid first, the lowest row first
 * among equals. The vectors are distinct and differ from their centroids, and no cluster loses its last row.
 */
async function farthestRows(
  { shards, vectors, positions }: Run,
  wanted: number,
): Promise<{ row: number; vector: Float32Array }[]> {
  const squared = await shards.distances();
  const assignment = await shards.assignment();
  const left = shards.totals.members.slice();
  const order = Uint32Array.from(squared.keys()).sort((a, b) => squared[b] - squared[a] || a - b);
  const seen = new Set<number>();
  const found: { row: number; vector: Float32Array }[] = [];
  for (const row of order) {
    if (found.length === wanted || squared[row] === 0) break;
    if (left[assignment[row]] < 2) continue;
    const vector = new Float32Array(vectors.dim);
    await vectors.gather([positions[row]], vector);
    const hash = hashVector(new Int32Array(vector.buffer), 0, vectors.dim);
    if (seen.has(hash)) continue;
    seen.add(hash);
    left[assignment[row]]--;
    found.push({ row, vector });
  }
  return found;
}
