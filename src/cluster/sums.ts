import type { RowMemory } from "./row-memory.js";

/**
 * Sums of the vectors of each cluster, exact whatever the order of additions: components are rounded once to a fixed
 * grid, and float64 adds integers below 2^53 without error. So moving a row from one cluster to another costs one
 * subtraction and one addition, and the result depends neither on tile size nor on history.
 */
export interface Totals {
  /** k × stride sums in grid units, zero after the first `dim` of each. */
  readonly sums: Float64Array;
  /** Components of a vector, and those filled up to a multiple of 16. */
  readonly dim: number;
  readonly stride: number;
  /** Grid units in 1. */
  readonly scale: number;
  /** Summed weight of each cluster's rows. */
  readonly weight: Float64Array;
  /** Number of rows of each cluster. */
  readonly members: Uint32Array;
  /** Weighted sum of the rows' squared norms in grid units. */
  squaredNorms: number;
}

/** Sums that rows can be added to. */
export interface ClusterSums extends Totals {
  readonly memory: RowMemory;
  /** Where the kernels put the squared norm of the row added last. */
  readonly squaredNorm: Float64Array;
}

/** Room for sums of k clusters and a squared norm, in the kernels' memory: 8 bytes for each of k × width. */
export function sumsRoom(memory: RowMemory, k: number): Float64Array {
  return memory.doubles(k * memory.width + 1);
}

/**
 * Empty sums in a room, which they take over. The grid is the finest for which `totalWeight` unit vectors stay exact: 2^-31 for a
 * million rows, finer than the float32 rounding of a component of a 1024-dimensional unit vector.
 */
export function createSums(memory: RowMemory, room: Float64Array, totalWeight: number): ClusterSums {
  const { dim, width } = memory;
  const sums = room.subarray(0, room.length - 1).fill(0);
  const k = sums.length / width;
  return {
    sums,
    dim,
    stride: width,
    scale: 2 ** Math.min(50, 51 - Math.ceil(Math.log2(totalWeight))),
    weight: new Float64Array(k),
    members: new Uint32Array(k),
    squaredNorms: 0,
    memory,
    squaredNorm: room.subarray(room.length - 1),
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
export function addRow(into: ClusterSums, to: number, rows: Float32Array, rowAt: number, weight: number): number {
  const { sums, stride, scale, memory, squaredNorm } = into;
  const row = memory.address(rows, rowAt);
  const at = sums.byteOffset + 8 * to * stride;
  memory.kernels.add(row, 4 * stride, at, scale, weight, squaredNorm.byteOffset);
  into.weight[to] += weight;
  into.members[to]++;
  into.squaredNorms += weight * Math.round(squaredNorm[0] * scale);
  return squaredNorm[0];
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
  const { sums, stride, scale, memory } = into;
  const row = memory.address(rows, rowAt);
  const at = sums.byteOffset;
  memory.kernels.move(row, 4 * stride, at + 8 * from * stride, at + 8 * to * stride, scale, weight);
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
  const { sums, scale, weight, dim, stride } = from;
  const centroids = old.slice();
  for (let j = 0; j < weight.length; j++) {
    if (weight[j] === 0) continue;
    const unit = spherical ? lengthOf(sums, j * stride, dim) : scale * weight[j];
    if (unit === 0) continue;
    for (let i = 0; i < dim; i++) centroids[j * dim + i] = sums[j * stride + i] / unit;
  }
  return centroids;
}

function lengthOf(values: Float64Array, at: number, dim: number): number {
  let sum = 0;
  for (let i = at; i < at + dim; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

/** Mean over components of the variance of all rows added. */
export function meanVariance({ sums, scale, weight, dim, stride, squaredNorms }: Totals): number {
  const total = weight.reduce((sum, w) => sum + w, 0);
  const mean = new Float64Array(stride);
  for (let at = 0; at < sums.length; at++) mean[at % stride] += sums[at];
  const squaredMean = mean.reduce((sum, units) => sum + (units / (scale * total)) ** 2, 0);
  return Math.max(0, squaredNorms / (scale * total) - squaredMean) / dim;
}
