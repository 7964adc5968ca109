import type { ExactTexts } from "./exact.js";

/** Which row of each group wins, and how many rows the group has. The caller owns both arrays. */
export interface ExactDecisions {
  /** Winning row of each group. */
  readonly winner: Int32Array;
  /** Rows of each group, the winner among them. */
  readonly size: Uint32Array;
}

/**
 * Finds the winner of each group in O(rows), 8 bytes a group. `compare(a, b)` is negative where row a has priority over
 * row b; of rows that compare as 0 the lower one wins, and so it does without `compare`. `reasonOf` says why the others
 * go.
 */
export function exactDecisions(
  exact: ExactTexts,
  compare: (a: number, b: number) => number = (a, b) => a - b,
): ExactDecisions {
  const { rows, groups } = exact.counts;
  const winner = new Int32Array(groups);
  const size = new Uint32Array(groups);
  for (let row = 0; row < rows; row++) {
    const group = exact.groupOf(row);
    if (group < 0) continue;
    if (size[group]++ === 0 || compare(row, winner[group]) < 0) winner[group] = row;
  }
  return { winner, size };
}

/** Why a row was removed for another row of its group: the texts are equal as received, or only after normalisation. */
export function reasonOf(exact: ExactTexts, row: number, keptRow: number): "exact" | "normalized" {
  return exact.rawOf(row) === exact.rawOf(keptRow) ? "exact" : "normalized";
}
