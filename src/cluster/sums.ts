/**
 * Sums of the vectors of each cluster, which are exact in any order of additions. Each component is rounded once to a
 * whole number of grid units, and float64 adds whole numbers below 2^53 without error. So a row moves to another
 * cluster by one subtraction and one addition, and the sums depend neither on the size of tiles nor on earlier
 * assignments.
 */
export interface Totals {
  readonly dim: number;
  /** k × dim sums in grid units. */
  readonly sums: Float64Array;
  /** Number of grid units in 1, a power of two. */
  readonly scale: number;
  /** Summed weight of each cluster's rows. */
  readonly weight: Float64Array;
  /** Number of rows of each cluster. */
  readonly members: Uint32Array;
  /** Weighted sum of the rows' squared norms in grid units. */
  squaredNorms: number;
}

/**
 * Sums of k empty clusters. A component is at most 1, so a sum is at most totalWeight · scale. The scale is the largest
 * power of two for which this product is at most 2^51. A million rows get a grid of 2^-31; half of it is the rounding
 * error of a component. A typical component of a unit vector of 1,024 components is 2^-5 and has a float32 rounding
 * error of 2^-30, which is larger.
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

/** Overwrites `into` with the sum of all `parts`, which must have the same grid. */
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

/**
 * The mean of each cluster as k × dim float32; where `spherical`, scaled to unit length. A cluster that is empty, or
 * whose mean has no direction, keeps its centroid of `old`. The caller owns the array returned; `old` stays as it is.
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

/**
 * The inertia of the rows behind the sums if each cluster had this centroid, in grid units: Σ|x|² + Σ (w·|c|² − 2·s·c)
 * over the clusters with weight w and sum s.
 */
function inertiaAt({ sums, scale, weight, dim, squaredNorms }: Totals, centroids: Float32Array): number {
  let inertia = squaredNorms;
  for (let j = 0; j < weight.length; j++) {
    let [squared, product] = [0, 0];
    for (let i = j * dim; i < (j + 1) * dim; i++) {
      squared += centroids[i] * centroids[i];
      product += sums[i] * centroids[i];
    }
    inertia += scale * weight[j] * squared - 2 * product;
  }
  return inertia;
}

/**
 * The part of the inertia that an update of the centroids saves, from 0 to 1.
 * @param before centroids, k × dim float32, and `after` the updated ones
 */
export function gainOf(totals: Totals, before: Float32Array, after: Float32Array): number {
  const inertia = inertiaAt(totals, before);
  return inertia > 0 ? (inertia - inertiaAt(totals, after)) / inertia : 0;
}

function lengthOf(values: Float64Array, at: number, dim: number): number {
  let sum = 0;
  for (let i = at; i < at + dim; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

/** The variance of each component over all rows, averaged over the components: (mean of |x|² − |mean of x|²) / dim. */
export function meanVariance({ sums, scale, weight, dim, squaredNorms }: Totals): number {
  const total = weight.reduce((sum, w) => sum + w, 0);
  const mean = new Float64Array(dim);
  for (let at = 0; at < sums.length; at++) mean[at % dim] += sums[at];
  const squaredMean = mean.reduce((sum, units) => sum + (units / (scale * total)) ** 2, 0);
  return Math.max(0, squaredNorms / (scale * total) - squaredMean) / dim;
}
