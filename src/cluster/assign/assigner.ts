import type { Engine } from "../../onnx/engine.js";
import type { Totals } from "../sums.js";
import { assignByBounds } from "./by-bounds.js";
import { type ClustersSize, openClusters, type TileOfRows } from "./clusters.js";
import { compileProduct } from "./product.js";

/**
 * Finds the nearest centroid of each row, with the same answer as a plain float64 scan.
 *
 * For a row and each centroid a bound from below for their distance is kept. From pass to pass a centroid moves by some
 * distance, and by the triangle inequality the bound falls by no more than that. A centroid whose bound lies above the
 * distance to the row's own centroid is not the nearest; only the others are looked at:
 *
 *     own 0.702   bounds  0.731  0.715  0.699  0.840    only the third may be nearer: one dot product
 *
 * The first pass, and a tile in which many centroids come near, take a matrix product of all rows and centroids, which
 * is faster than many dot products. Products and dot products are float32, and their rounding is inside the bounds (see
 * scores.ts). Where the bounds leave two centroids or more, their float64 distances decide.
 *
 * Bounds from below for all centroids, and the order of the tests, are those of C. Elkan, Using the triangle inequality
 * to accelerate k-means, ICML 2003; the bounds here are whole numbers of 2^-15.
 */

/** Assigns tiles of rows to centroids and keeps the sums of the clusters. Only one call may run at a time. */
export interface Assigner {
  /** Cluster of each row, −1 before its first assignment. */
  readonly assignment: Int32Array;
  /** Room for the vectors of the first tiles. Tiles that lie there are not copied for the kernels. */
  readonly resident: Float32Array;
  /** Sums of the rows that have been assigned. The next call changes them. */
  readonly totals: Totals;
  /** Begins a pass. The array of k × dim float32 is not copied: do not write to it before the next call of `use`. */
  use(centroids: Float32Array): void;
  /**
   * Assigns each row of a tile to the nearest centroid, of equally near ones to that of the lowest number.
   * @throws InputError where a vector has not unit length
   */
  assign(tile: TileOfRows): Promise<void>;
  /** Moves one row to another cluster. The next pass assigns the row anew. */
  move(row: number, to: number, vector: Float32Array): void;
  /** Frees the engine's memory. */
  release(): Promise<void>;
}

/**
 * Compiles the product for k centroids of `dim` components. Memory: the scores of one tile, tileRows × k float32, and
 * the workspace. The engine must multiply in true float32, since TF32 or float16 products would exceed the rounding bound.
 */
export async function createAssigner(
  options: ClustersSize & { readonly engine: Engine; readonly tileRows: number },
): Promise<Assigner> {
  const clusters = openClusters(options);
  const { assignment, totals, bounded, use, move } = clusters;
  const product = await compileProduct(options.engine, clusters, options.tileRows);
  return {
    assignment,
    resident: clusters.space.arrays.resident,
    totals,
    use,
    async assign(tile) {
      const tracked = tile.start < bounded && assignment[tile.start] >= 0;
      if (!tracked || !assignByBounds(clusters, tile)) await product.assign(tile);
    },
    move,
    release: product.release,
  };
}
