import { squaredDistance } from "./assign/distance.js";
import type { Rows } from "./rows.js";

/**
 * The squared distance of each row to the centroid of its cluster, in float64. Reads the vectors once; the caller owns
 * the array.
 */
export async function squaredDistances(options: {
  readonly rows: Rows;
  readonly centroids: Float32Array;
  readonly assignment: Int32Array;
  /** Called after each tile with the number of rows measured so far; may throw to stop. */
  readonly onRows: (rows: number) => void;
  /** Awaited after each tile; may throw to stop. */
  readonly pause: () => Promise<void>;
}): Promise<Float64Array> {
  const { rows, centroids, assignment, onRows, pause } = options;
  const { dim, tileRows } = rows;
  const distances = new Float64Array(rows.count);
  for (let start = 0; start < rows.count; start += tileRows) {
    const tile = await rows.tile(start);
    const count = Math.min(tileRows, rows.count - start);
    for (let r = 0; r < count; r++) {
      distances[start + r] = squaredDistance(tile, r * dim, centroids, assignment[start + r] * dim, dim);
    }
    onRows(start + count);
    await pause();
  }
  return distances;
}

/** The inertia: weight times squared distance, summed over the rows in their order. Each row weighs 1 by default. */
export function inertiaOf(squared: Float64Array, weights?: Uint32Array): number {
  let inertia = 0;
  for (let row = 0; row < squared.length; row++) inertia += (weights ? weights[row] : 1) * squared[row];
  return inertia;
}

/** For each of k clusters the row nearest to its centroid, the lowest among equals; −1 for an empty cluster. */
export function medoids(assignment: Int32Array, squared: Float64Array, k: number): Int32Array {
  const rows = new Int32Array(k).fill(-1);
  for (let r = 0; r < assignment.length; r++) {
    const j = assignment[r];
    if (rows[j] < 0 || squared[r] < squared[rows[j]]) rows[j] = r;
  }
  return rows;
}

/**
 * Numbers the clusters from the heaviest to the lightest, equal ones in the order of their first rows. A reader meets
 * the large clusters first, and the numbers do not depend on the order of the starting centroids. The arrays given stay
 * as they are; the caller owns the arrays returned.
 * @param found.assignment cluster of each row
 * @param found.centroids k × dim
 * @param found.weight summed weight of each cluster
 */
export function numberBySize(found: {
  readonly assignment: Int32Array;
  readonly centroids: Float32Array;
  readonly weight: Float64Array;
}): { assignment: Int32Array; centroids: Float32Array; sizes: Uint32Array } {
  const { assignment, centroids, weight } = found;
  const k = weight.length;
  const dim = centroids.length / k;
  const firstRow = new Float64Array(k).fill(assignment.length);
  for (let row = assignment.length - 1; row >= 0; row--) firstRow[assignment[row]] = row;
  const order = Uint32Array.from({ length: k }, (_, j) => j).sort(
    (a, b) => weight[b] - weight[a] || firstRow[a] - firstRow[b],
  );
  const numberOf = new Int32Array(k);
  const ordered = new Float32Array(centroids.length);
  for (let j = 0; j < k; j++) {
    numberOf[order[j]] = j;
    ordered.set(centroids.subarray(order[j] * dim, (order[j] + 1) * dim), j * dim);
  }
  return {
    assignment: assignment.map((j) => numberOf[j]),
    centroids: ordered,
    sizes: Uint32Array.from(order, (j) => weight[j]),
  };
}
