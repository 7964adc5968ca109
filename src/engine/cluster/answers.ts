import { createSums, type Totals } from "../../cluster/sums.js";
import type { Columns } from "../../io/arrow/number-table.js";

/** Sums of a shard as columns, a row for each cluster. */
interface TotalsColumns extends Columns {
  readonly weight: Float64Array;
  readonly members: Uint32Array;
  /** The squared norms of all rows, in the row of the first cluster. */
  readonly squared_norms: Float64Array;
}

/** Sums as columns of an Arrow file. The arrays are not copied. */
export function totalsColumns({ dim, sums, weight, members, squaredNorms }: Totals): Columns {
  const norms = new Float64Array(weight.length);
  norms[0] = squaredNorms;
  return { [`sums:${dim}`]: sums, weight, members, squared_norms: norms };
}

/**
 * The sums behind columns that `totalsColumns` made.
 * @param grid.totalWeight summed weight of all rows of all shards, which decides the grid of the sums
 */
export function totalsOf(columns: Columns, grid: { readonly dim: number; readonly totalWeight: number }): Totals {
  const { weight, members, squared_norms } = columns as TotalsColumns;
  const { scale } = createSums(1, 1, grid.totalWeight);
  const sums = columns[`sums:${grid.dim}`] as Float64Array;
  return { dim: grid.dim, scale, sums, weight, members, squaredNorms: squared_norms[0] };
}

/** Centroids as a column, one after another. */
export interface CentroidColumns extends Columns {
  readonly centroid: Float32Array;
}
