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

/** Adds the vector at element `rowAt` of `rows` to a cluster with its weight; returns the vector's squared norm. */
export function addRow(into: ClusterSums, to: number, rows: Float32Array, rowAt: number, weight: number): number {
  const { sums, scale, dim } = into;
  const base = to * dim;
  let norm = 0;
  let i = 0;
  // Four at a time is a quarter faster.
  for (; i + 3 < dim; i += 4) {
    const a = rows[rowAt + i];
    const b = rows[rowAt + i + 1];
    const c = rows[rowAt + i + 2];
    const d = rows[rowAt + i + 3];
    norm += a * a + b * b + (c * c + d * d);
    sums[base + i] += weight * (a * scale + ROUND - ROUND);
    sums[base + i + 1] += weight * (b * scale + ROUND - ROUND);
    sums[base + i + 2] += weight * (c * scale + ROUND - ROUND);
    sums[base + i + 3] += weight * (d * scale + ROUND - ROUND);
  }
  for (; i < dim; i++) {
    const value = rows[rowAt + i];
    norm += value * value;
    sums[base + i] += weight * (value * scale + ROUND - ROUND);
  }
  into.weight[to] += weight;
  into.members[to]++;
  return norm;
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
  let i = 0;
  for (; i + 3 < dim; i += 4) {
    const a = weight * (rows[rowAt + i] * scale + ROUND - ROUND);
    const b = weight * (rows[rowAt + i + 1] * scale + ROUND - ROUND);
    const c = weight * (rows[rowAt + i + 2] * scale + ROUND - ROUND);
    const d = weight * (rows[rowAt + i + 3] * scale + ROUND - ROUND);
    sums[source + i] -= a;
    sums[source + i + 1] -= b;
    sums[source + i + 2] -= c;
    sums[source + i + 3] -= d;
    sums[target + i] += a;
    sums[target + i + 1] += b;
    sums[target + i + 2] += c;
    sums[target + i + 3] += d;
  }
  for (; i < dim; i++) {
    const units = weight * (rows[rowAt + i] * scale + ROUND - ROUND);
    sums[source + i] -= units;
    sums[target + i] += units;
  }
  into.weight[from] -= weight;
  into.weight[to] += weight;
  into.members[from]--;
  into.members[to]++;
}

/**
 * Mean of each cluster, rounded to float32, k × dim; an empty cluster keeps its old one. Scaled to unit length where
 * `spherical`, unless it is zero. The caller owns the result.
 */
export function means(from: ClusterSums, old: Float32Array, spherical = false): Float32Array {
  const { sums, scale, weight, dim } = from;
  const centroids = old.slice();
  for (let j = 0; j < weight.length; j++) {
    if (weight[j] === 0) continue;
    const unit = spherical ? lengthOf(sums, j * dim, dim) : scale * weight[j];
    if (unit === 0) continue;
    for (let i = j * dim; i < (j + 1) * dim; i++) centroids[i] = sums[i] / unit;
  }
  return centroids;
}

function lengthOf(values: Float64Array, at: number, dim: number): number {
  let sum = 0;
  for (let i = at; i < at + dim; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
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
