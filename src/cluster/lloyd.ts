import type { VectorReader } from "../vectors/reader.js";
import { hashVector } from "./distinct.js";
import type { Shards } from "./shards.js";
import { means, meanVariance, type Totals } from "./sums.js";

/** A run of Lloyd's iterations. */
export interface Run {
  readonly shards: Shards;
  readonly vectors: VectorReader;
  /** Position of each row's vector, in the order in which the shards number the rows. */
  readonly positions: Uint32Array;
  /** k × dim; the run replaces this array and never writes to it. */
  centroids: Float32Array;
}

/**
 * Alternates assignment and update. It ends when an update moves the centroids by a summed squared distance of at most `tolerance`
 * times the mean variance of a component, or after `iterations` updates; returns whether the tolerance was met.
 * Source: S. Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28 (1982).
 */
export async function iterate(
  run: Run,
  options: {
    readonly iterations: number;
    readonly tolerance: number;
    readonly spherical: boolean;
    /** Called before each iteration with its number, from 1 on. */
    readonly onIteration?: (iteration: number) => void;
  },
): Promise<boolean> {
  const { iterations, tolerance, spherical, onIteration } = options;
  const { shards } = run;
  let allowed = 0;
  for (let iteration = 1; iteration <= iterations; iteration++) {
    onIteration?.(iteration);
    await shards.pass(run.centroids);
    await refillEmpty(run);
    // The variance of all rows together, which no iteration changes.
    if (iteration === 1) allowed = tolerance * meanVariance(shards.totals);
    const before = run.centroids;
    run.centroids = means(shards.totals, before, spherical);
    if (squaredShift(before, run.centroids, shards.dim) <= allowed) return true;
  }
  return false;
}

/** Assigns the rows to the present centroids so that no cluster is empty; needs k distinct vectors. */
export async function settle(run: Run): Promise<void> {
  do await run.shards.pass(run.centroids);
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

/** Gives each empty cluster the row farthest from its centroid. */
async function refillEmpty(run: Run): Promise<void> {
  const empty = emptyClusters(run.shards.totals);
  if (empty.length === 0) return;
  const found = await farthestRows(run, empty.length);
  for (let e = 0; e < found.length; e++) await run.shards.move(found[e].row, empty[e]);
}

/** Puts the centroid of each empty cluster on the row farthest from its own centroid; false where no cluster is empty. */
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
 * Up to `wanted` rows farthest from their centroids and copies of their vectors, the lowest row first among equals. The vectors are
 * distinct and off their centroids, and no row is the last one of its cluster.
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
