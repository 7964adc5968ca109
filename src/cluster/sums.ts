/**
 * Sums of the vectors of each cluster, exact whatever the order of additions: components are rounded once to a fixed
 * grid, and float64 adds integers below 2^53 without error. So moving a row from one cluster to another costs one
 * subtraction and one addition, and the result depends neither on tile size nor on history.
 */
export interface ClusterSums {
  /** k × dim sums in grid units. */
  readonly sums: Float64Array;
  /** Grid units in 1. */
  readonly scale: number;
  /** Summed weight of each cluster's rows. */
  readonly weight: Float64Array;
  /** Number of rows of each cluster. */
  readonly members: Uint32Array;
  /** Components of a vector. */
  readonly dim: number;
}

/** Adding and subtracting this rounds a float64 of magnitude below 2^51 to an integer. */
const ROUND = 1.5 * 2 ** 52;

/**
 * Empty sums. The grid is the finest for which `totalWeight` unit vectors stay exact: 2^-31 for a million rows, finer
 * than the float32 rounding of a component of a 1024-dimensional unit vector.
 */
export function createSums(k: number, dim: number, totalWeight: number): ClusterSums {
  return {
    sums: new Float64Array(k * dim),
    scale: 2 ** Math.min(50, 51 - Math.ceil(Math.log2(totalWeight))),
    weight: new Float64Array(k),
    members: new Uint32Array(k),
    dim,
  };
}

/** Adds the vector at element `rowAt` of `rows` to a cluster with its weight. */
export function addRow(into: ClusterSums, to: number, rows: Float32Array, rowAt: number, weight: number): void {
  const { sums, scale, dim } = into;
  const base = to * dim;
  for (let i = 0; i < dim; i++) sums[base + i] += weight * (rows[rowAt + i] * scale + ROUND - ROUND);
  into.weight[to] += weight;
  into.members[to]++;
}

/** Moves a vector that `addRow` added to `from` to another cluster. */
export function moveRow(
  into: ClusterSums,
  from: number,
  to: number,
  rows: Float32Array,
  rowAt: number,
  weight: number,
): void {
  const { sums, scale, dim } = into;
  const source = from * dim;
  const target = to * dim;
  for (let i = 0; i < dim; i++) {
    const units = weight * (rows[rowAt + i] * scale + ROUND - ROUND);
    sums[source + i] -= units;
    sums[target + i] += units;
  }
  into.weight[from] -= weight;
  into.weight[to] += weight;
  into.members[from]--;
  into.members[to]++;
}

/** Mean of each cluster, rounded to float32, k × dim; an empty cluster keeps its old one. The caller owns the result. */
export function means({ sums, scale, weight, dim }: ClusterSums, old: Float32Array): Float32Array {
  const centroids = old.slice();
  for (let j = 0; j < weight.length; j++) {
    if (weight[j] === 0) continue;
    const unit = scale * weight[j];
    for (let i = j * dim; i < (j + 1) * dim; i++) centroids[i] = sums[i] / unit;
  }
  return centroids;
}

/** Mean over components of the variance of all rows added, given their weighted mean squared norm. */
export function meanVariance({ sums, scale, weight, dim }: ClusterSums, meanSquaredNorm: number): number {
  let total = 0;
  for (const w of weight) total += w;
  let squaredMean = 0;
  for (let i = 0; i < dim; i++) {
    let sum = 0;
    for (let at = i; at < sums.length; at += dim) sum += sums[at];
    squaredMean += (sum / (scale * total)) ** 2;
  }
  return Math.max(0, meanSquaredNorm - squaredMean) / dim;
}
