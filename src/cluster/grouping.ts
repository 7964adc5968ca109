/** Centroids in groups of neighbours by number, which share a bound. */
export interface Grouping {
  /** Centroids of a group; the last one may have fewer. */
  readonly groupSize: number;
  readonly groups: number;
  /** Groups filled up to a multiple of four. */
  readonly stride: number;
  /** Columns of a product with all centroids: a stride of the first ones of all groups, then one of the second ones, and so on. */
  readonly columns: number;
}

/** Groups for k centroids, at most so many: one for each where they are few. */
export function groupingOf(k: number, most: number): Grouping {
  const groupSize = Math.ceil(k / most);
  const groups = Math.ceil(k / groupSize);
  const stride = Math.ceil(groups / 4) * 4;
  return { groupSize, groups, stride, columns: groupSize * stride };
}

/** Column of a centroid. */
export function columnOf({ groupSize, stride }: Grouping, centroid: number): number {
  return (centroid % groupSize) * stride + Math.floor(centroid / groupSize);
}

/** Centroid of a column; k or more where the column fills up. */
export function centroidOf({ groupSize, stride }: Grouping, column: number): number {
  return (column % stride) * groupSize + Math.floor(column / stride);
}
