import type { VectorReader } from "../dedup/vectors.js";
import { squaredDistance } from "./assign.js";
import { hashVector } from "./distinct.js";

/** Squared distance in float64 of every row to its own centroid, one number a row; reads the vectors once, by tile. */
export async function squaredDistances(options: {
  readonly vectors: VectorReader;
  readonly positions: Uint32Array;
  readonly centroids: Float32Array;
  readonly assignment: Int32Array;
  readonly tileRows: number;
  readonly onRows?: (rows: number) => void;
}): Promise<Float64Array> {
  const { vectors, positions, centroids, assignment, tileRows, onRows } = options;
  const { dim } = vectors;
  const rows = new Float32Array(tileRows * dim);
  const distances = new Float64Array(positions.length);
  for (let start = 0; start < positions.length; start += tileRows) {
    const tile = positions.subarray(start, start + tileRows);
    await vectors.gather(tile, rows.subarray(0, tile.length * dim));
    for (let r = 0; r < tile.length; r++) {
      distances[start + r] = squaredDistance(rows, r * dim, centroids, assignment[start + r] * dim, dim);
    }
    onRows?.(start + tile.length);
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
  readonly vectors: VectorReader;
  readonly positions: Uint32Array;
  readonly squared: Float64Array;
  readonly assignment: Int32Array;
  readonly members: Uint32Array;
  readonly wanted: number;
}): Promise<FarRow[]> {
  const { vectors, positions, squared, assignment, wanted } = options;
  const left = options.members.slice();
  const order = Uint32Array.from(squared.keys()).sort((a, b) => squared[b] - squared[a] || a - b);
  const seen = new Set<number>();
  const found: FarRow[] = [];
  for (const row of order) {
    if (found.length === wanted || squared[row] === 0) break;
    if (left[assignment[row]] < 2) continue;
    const vector = new Float32Array(vectors.dim);
    await vectors.gather([positions[row]], vector);
    const hash = hashVector(new Int32Array(vector.buffer), 0, vectors.dim);
    if (seen.has(hash)) continue;
    seen.add(hash);
    left[assignment[row]]--;
    found.push({ row, vector });
  }
  return found;
}
