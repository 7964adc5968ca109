/** Centroids in groups of neighbours by number, which share a bound. */
export interface Grouping {
  /** Centroids of a group; the last one may have fewer. */
  readonly groupSize: number;
  readonly groups: number;
}

/** Most bounds of a row: with more of them they would cost more than the rows that fewer leave open. */
const MOST_GROUPS = 256;

/** Groups for k centroids: one for each where they are few. */
export function groupingOf(k: number): Grouping {
  const groupSize = Math.ceil(k / MOST_GROUPS);
  return { groupSize, groups: Math.ceil(k / groupSize) };
}
