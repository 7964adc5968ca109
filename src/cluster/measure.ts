import type { VectorReader } from "../vectors/reader.js";
import { squaredDistance } from "./assign.js";
import { hashVector } from "./distinct.js";
import type { Rows } from "./rows.js";

/** Squared distance in float64 of every row to its own centroid, one number a row; passes over the vectors once. */
export async function squaredDistances(options: {
  readonly rows: Rows;
  readonly centroids: Float32Array;
  readonly assignment: Int32Array;
  readonly onRows?: (rows: number) => void;
  /** Awaited after each tile; may throw to stop. */
  readonly pause?: () => Promise<void>;
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
    onRows?.(start + count);
    await pause?.();
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

/** A row that is to start a cluster anew. */
export interface FarRow {
  readonly row: number;
  /** Its vector, a copy. */
  readonly vector: Float32Array;
}

/**
 * Up to `wanted` rows farthest from their centroids, the lowest row first among equals: with distinct vectors, off their
 * centroid, and never the last row of a cluster.
 */
export async function farthestRows(options: {
  readonly vectors: Pick<VectorReader, "dim" | "gather">;
  readonly squared: Float64Array;
  readonly assignment: Int32Array;
  readonly members: Uint32Array;
  readonly wanted: number;
}): Promise<FarRow[]> {
  const { vectors, squared, assignment, wanted } = options;
  const left = options.members.slice();
  const order = Uint32Array.from(squared.keys()).sort((a, b) => squared[b] - squared[a] || a - b);
  const seen = new Set<number>();
  const found: FarRow[] = [];
  for (const row of order) {
    if (found.length === wanted || squared[row] === 0) break;
    if (left[assignment[row]] < 2) continue;
    const vector = new Float32Array(vectors.dim);
    await vectors.gather(Uint32Array.of(row), vector);
    const hash = hashVector(new Int32Array(vector.buffer), 0, vectors.dim);
    if (seen.has(hash)) continue;
    seen.add(hash);
    left[assignment[row]]--;
    found.push({ row, vector });
  }
  return found;
}
