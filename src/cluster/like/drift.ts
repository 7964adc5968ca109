import { Lowest } from "../../lowest.js";

/** Of the former rows this share lies within the distance beyond which a row of today is far. */
const WITHIN = 0.99;

/** A centroid has moved where it went farther than this part of the root mean square distance of its rows. */
const MOVED = 0.1;

/**
 * The distance within which 99 % of the rows lie from their centroids. Rows beyond it are usual, one in a hundred; far
 * more of them are a sign of rows that the clusters do not know.
 * @param distances distance of each row to its centroid
 * @param weights how many times each row counts; default: once
 */
export function farDistance(distances: Float32Array, weights?: Uint32Array): number {
  const order = Uint32Array.from(distances.keys()).sort((a, b) => distances[a] - distances[b]);
  const total = weights ? weights.reduce((sum, weight) => sum + weight, 0) : distances.length;
  let within = 0;
  for (const row of order) {
    within += weights?.[row] ?? 1;
    if (within >= WITHIN * total) return distances[row];
  }
  return 0;
}

/** Rows that are farther from every former centroid than 99 % of the former rows were from their own. */
export interface FarRows {
  /** Their summed weight. */
  readonly count: number;
  /** The farthest of them, as rows; equal ones by their number. */
  readonly farthest: readonly number[];
}

/**
 * Finds the rows that are far from every centroid.
 * @param options.squared squared distance of each row to the nearest centroid
 * @param options.beyond distance beyond which a row is far
 * @param options.shown number of rows to name
 */
export function farRows(options: {
  readonly squared: Float64Array;
  readonly weights?: Uint32Array;
  readonly beyond: number;
  readonly shown: number;
}): FarRows {
  const { squared, weights, beyond, shown } = options;
  const farthest = new Lowest<number>(shown);
  let count = 0;
  for (let row = 0; row < squared.length; row++) {
    // As float32, which the former distances are.
    if (Math.fround(Math.sqrt(squared[row])) <= beyond) continue;
    count += weights?.[row] ?? 1;
    farthest.add(-squared[row], row);
  }
  return { count, farthest: farthest.entries };
}

/**
 * The Jensen-Shannon divergence of two distributions, to base 2: 0 where they are equal, 1 where nothing is in both.
 * Source: J. Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37 (1991).
 * @param p shares that add up to 1; `q` has as many
 */
export function jensenShannon(p: readonly number[], q: readonly number[]): number {
  let divergence = 0;
  for (let i = 0; i < p.length; i++) {
    const middle = (p[i] + q[i]) / 2;
    if (p[i] > 0) divergence += (p[i] * Math.log2(p[i] / middle)) / 2;
    if (q[i] > 0) divergence += (q[i] * Math.log2(q[i] / middle)) / 2;
  }
  return Math.min(1, Math.max(0, divergence));
}

/**
 * How far each centroid went.
 * @param options.before a centroid of `dim` components for each cluster, and `after` another one
 * @param options.spread root mean square distance of each cluster's rows to the centroid
 * @returns the Euclidean distances, and how many of them are more than a tenth of the spread
 */
export function centroidShifts(options: {
  readonly before: readonly Float32Array[];
  readonly after: readonly Float32Array[];
  readonly spread: readonly number[];
}): { readonly shifts: number[]; readonly moved: number } {
  const { before, after, spread } = options;
  const shifts = before.map((centroid, c) => {
    let sum = 0;
    for (let i = 0; i < centroid.length; i++) sum += (after[c][i] - centroid[i]) ** 2;
    return Math.sqrt(sum);
  });
  return { shifts, moved: shifts.filter((shift, c) => shift > MOVED * spread[c]).length };
}
