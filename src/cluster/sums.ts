/**
 * Sums of the vectors of each cluster, exact whatever the order of additions: components are rounded once to a fixed
 * grid, and float64 adds integers below 2^53 without error. So moving a row from one cluster to another costs one
 * subtraction and one addition, and the result depends neither on tile size nor on history.
 */
export interface Totals {
  readonly dim: number;
  /** k × dim sums in grid units. */
  readonly sums: Float64Array;
  /** Grid units in 1. */
  readonly scale: number;
  /** Summed weight of each cluster's rows. */
  readonly weight: Float64Array;
  /** Number of rows of each cluster. */
  readonly members: Uint32Array;
  /** Weighted sum of the rows' squared norms in grid units. */
  squaredNorms: number;
}

/** Adding and then subtracting this number rounds a float64 below 2^51 to the nearest integer, of two equally near ones to the even one. */
const ROUND = 1.5 * 2 ** 52;

/**
 * Empty sums of k clusters. The grid is the finest for which `totalWeight` unit vectors stay exact: 2^-31 for a
 * million rows, finer than the float32 rounding of a component of a 1024-dimensional unit vector.
 */
export function createSums(k: number, dim: number, totalWeight: number): Totals {
  return {
    dim,
    sums: new Float64Array(k * dim),
    scale: 2 ** Math.min(50, 51 - Math.ceil(Math.log2(totalWeight))),
    weight: new Float64Array(k),
    members: new Uint32Array(k),
    squaredNorms: 0,
  };
}

/** Fills `into` with the sum of all `parts`, of the same grid. */
export function addTotals(into: Totals, parts: readonly Totals[]): void {
  for (const name of ["sums", "weight", "members"] as const) {
    const target = into[name];
    target.set(parts[0][name]);
    for (const part of parts.slice(1)) {
      const source = part[name];
      for (let at = 0; at < target.length; at++) target[at] += source[at];
    }
  }
  into.squaredNorms = parts.reduce((sum, part) => sum + part.squaredNorms, 0);
}

/** Adds the vector at element `rowAt` of `rows` to a cluster with its weight; returns the vector's squared norm. */
export function addRow(into: Totals, to: number, rows: Float32Array, rowAt: number, weight: number): number {
  const { sums, dim, scale } = into;
  const from = to * dim;
  // Four sums side by side: a processor need not wait for one addition to begin the next.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 3 < dim; i += 4) {
    const w = rows[rowAt + i];
    const x = rows[rowAt + i + 1];
    const y = rows[rowAt + i + 2];
    const z = rows[rowAt + i + 3];
    a += w * w;
    b += x * x;
    c += y * y;
    d += z * z;
    sums[from + i] += weight * (w * scale + ROUND - ROUND);
    sums[from + i + 1] += weight * (x * scale + ROUND - ROUND);
    sums[from + i + 2] += weight * (y * scale + ROUND - ROUND);
    sums[from + i + 3] += weight * (z * scale + ROUND - ROUND);
  }
  for (; i < dim; i++) {
    const x = rows[rowAt + i];
    if (i % 4 === 0) a += x * x;
    else if (i % 4 === 1) b += x * x;
    else c += x * x;
    sums[from + i] += weight * (x * scale + ROUND - ROUND);
  }
  const squaredNorm = a + c + (b + d);
  into.weight[to] += weight;
  into.members[to]++;
  into.squaredNorms += weight * Math.round(squaredNorm * scale);
  return squaredNorm;
}

/** Moves a vector that `addRow` added to `from` to another cluster. */
export function moveRow(
  into: Totals,
  from: number,
  to: number,
  rows: Float32Array,
  rowAt: number,
  weight: number,
): void {
  const { sums, dim, scale } = into;
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

/**
 * Mean of each cluster, rounded to float32, k × dim; an empty cluster keeps its old one. Scaled to unit length where
 * `spherical`, unless it is zero. The caller owns the result.
 */
export function means(from: Totals, old: Float32Array, spherical = false): Float32Array {
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

/** Mean over components of the variance of all rows added. */
export function meanVariance({ sums, scale, weight, dim, squaredNorms }: Totals): number {
  const total = weight.reduce((sum, w) => sum + w, 0);
  const mean = new Float64Array(dim);
  for (let at = 0; at < sums.length; at++) mean[at % dim] += sums[at];
  const squaredMean = mean.reduce((sum, units) => sum + (units / (scale * total)) ** 2, 0);
  return Math.max(0, squaredNorms / (scale * total) - squaredMean) / dim;
}
