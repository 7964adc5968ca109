import { kmeansGenerator } from "ml-kmeans";
import { plusPlus } from "./plus-plus.js";

/**
 * Clusters a sample of points: k-means++ and a few rounds of Lloyd by ml-kmeans. For large k the points are split in a tree,
 * some clusters at a time, so that the cost grows with the sample and not with sample × k.
 */

/**
 * Points × clusters that one level of the tree may have; a set that is to have more clusters than that allows is first split
 * in FANOUT parts, each of which is then clustered alone. A round of Lloyd over as much takes a tenth of a second.
 */
const LEVEL_COST = 1_000_000;
const FANOUT = 32;

/** Rounds of Lloyd. */
const ROUNDS = 5;

/** Returns the cluster, from 0 to k − 1, of each point; clusters may stay empty where points repeat. */
export async function clusterSample(options: {
  readonly points: readonly number[][];
  readonly k: number;
  readonly random: () => number;
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

/** A few rounds of Lloyd. */
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

/** Sum of squared distances of points to their centre. */
function spreadOf(points: readonly number[][], rows: number[], centre: number[]): number {
  let sum = 0;
  for (const row of rows) {
    for (let i = 0; i < centre.length; i++) sum += (points[row][i] - centre[i]) ** 2;
  }
  return sum;
}

/**
 * Shares k clusters out among parts in proportion to their spread, as k-means++ would draw them: at least one for a part
 * with rows, at most one for each row. The sum is k where the rows allow it.
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
    // Shares all below one: the widest open part gets the next.
    if (left === before) {
      shares[open.indexOf(Math.max(...open))]++;
      left--;
    }
  }
  return shares;
}
