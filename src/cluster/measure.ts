import { squaredDistance } from "./assign.js";
import type { Rows } from "./rows.js";

/** Squared distance in float64 of every row to its own centroid, one number a row; reads the vectors once. */
export async function squaredDistances(options: {
  readonly rows: Rows;
  readonly centroids: Float32Array;
  readonly assignment: Int32Array;
  /** Called after each tile with the rows measured so far; may throw to stop. */
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

/** Row nearest to each of k centroids among its own rows, the lowest among equals; −1 where a cluster has no row. */
export function medoids(assignment: Int32Array, squared: Float64Array, k: number): Int32Array {
  const rows = new Int32Array(k).fill(-1);
  for (let r = 0; r < assignment.length; r++) {
    const j = assignment[r];
    if (rows[j] < 0 || squared[r] < squared[rows[j]]) rows[j] = r;
  }
  return rows;
}

/**
 * Numbers the clusters from the heaviest to the lightest, equal ones by their first row: a person looks at the first numbers
 * first, and the numbers do not depend on the order of the start.
 * Takes the cluster of each row, k × dim centroids and each cluster's weight; returns fresh arrays.
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
