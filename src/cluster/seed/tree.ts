import { kmeansGenerator } from "ml-kmeans";
import type { Random } from "../../random.js";
import { plusPlus } from "./plus-plus.js";

/**
 * Clusters a sample of points by k-means++ and a few rounds of Lloyd's iterations (ml-kmeans). For large k the points
 * are split in a tree, 32 parts at a time, so that the cost grows with the sample and not with sample × k:
 *
 *     50,000 points, k = 1,000
 *      ├─ part 0   1,700 points, 36 clusters   split again
 *      ├─ part 1   1,500 points, 28 clusters   clustered at once
 *      ┊  32 parts, whose clusters add up to 1,000
 */

/**
 * Largest product of sample size and clusters for clustering a set at once. A set with more clusters is split into
 * FANOUT parts first, and each part is clustered alone. One round of Lloyd's iterations of this size takes a tenth of a
 * second.
 */
const LEVEL_COST = 1_000_000;
const FANOUT = 32;

/** Rounds of Lloyd's iterations at each node of the tree. */
const ROUNDS = 5;

/**
 * Returns the cluster of each point, from 0 to k − 1. Clusters may stay empty where points repeat. The caller owns the
 * array.
 */
export async function clusterSample(options: {
  readonly points: readonly number[][];
  readonly k: number;
  readonly random: Random;
  /** Awaited between units of work; may throw to stop. */
  readonly pause: () => Promise<void>;
}): Promise<Int32Array> {
  const { points, k, random, pause } = options;
  const groups = new Int32Array(points.length);
  const most = Math.max(FANOUT, Math.floor(LEVEL_COST / points.length));
  const stack = [{ rows: Uint32Array.from(points.keys()), k, first: 0 }];
  for (let set = stack.pop(); set !== undefined; set = stack.pop()) {
    const { rows, first } = set;
    const few = Math.min(set.k, rows.length);
    if (few <= 1) {
      for (const row of rows) groups[row] = first;
      continue;
    }
    const direct = few <= most;
    const fanout = direct ? few : FANOUT;
    const own = Array.from(rows, (row) => points[row]);
    const { clusters, centroids } = await cluster(own, await plusPlus(own, fanout, random, pause), pause);
    if (direct) {
      for (let r = 0; r < rows.length; r++) groups[rows[r]] = first + clusters[r];
      continue;
    }
    const parts: number[][] = Array.from({ length: fanout }, () => []);
    for (let r = 0; r < rows.length; r++) parts[clusters[r]].push(rows[r]);
    const shares = shareOut(
      few,
      parts.map((part) => part.length),
      parts.map((part, j) => spreadOf(points, part, centroids[j])),
    );
    let next = first;
    for (let j = 0; j < fanout; j++) {
      if (parts[j].length > 0) stack.push({ rows: Uint32Array.from(parts[j]), k: shares[j], first: next });
      next += shares[j];
    }
  }
  return groups;
}

/** Lloyd's iterations from the given centres. @throws Error where ml-kmeans does none */
async function cluster(points: number[][], centres: number[][], pause: () => Promise<void>) {
  const rounds = kmeansGenerator(points, centres.length, { initialization: centres, maxIterations: ROUNDS });
  const first = rounds.next();
  if (first.done) throw new Error(`ml-kmeans did no round over ${points.length} points`);
  let found = first.value;
  for (const round of rounds) {
    found = round;
    await pause();
  }
  return found;
}

/** The sum of the squared distances of the points numbered `rows` to their centre. */
function spreadOf(points: readonly number[][], rows: number[], centre: number[]): number {
  let sum = 0;
  for (const row of rows) {
    for (let i = 0; i < centre.length; i++) sum += (points[row][i] - centre[i]) ** 2;
  }
  return sum;
}

/**
 * Divides k clusters among parts in proportion to their spread, as k-means++ would on average. A part with rows gets at
 * least one, and no part gets more clusters than it has rows. The shares add up to k unless there are fewer rows.
 */
function shareOut(k: number, sizes: number[], spreads: number[]): number[] {
  const shares: number[] = sizes.map((size) => Math.min(1, size));
  let left = k - shares.reduce((sum, share) => sum + share, 0);
  while (left > 0) {
    const open = sizes.map((size, j) => (shares[j] < size ? spreads[j] + Number.MIN_VALUE : 0));
    const total = open.reduce((sum, spread) => sum + spread, 0);
    if (total === 0) break;
    const before = left;
    const now = left;
    for (let j = 0; j < sizes.length && left > 0; j++) {
      const more = Math.min(sizes[j] - shares[j], Math.floor((now * open[j]) / total), left);
      shares[j] += more;
      left -= more;
    }
    // Where every share is below one, the part with the largest spread that has rows left gets one cluster.
    if (left === before) {
      shares[open.indexOf(Math.max(...open))]++;
      left--;
    }
  }
  return shares;
}
