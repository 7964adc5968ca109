import type { ExactTexts } from "./exact.js";

/** Which row of each group, or distinct text, wins, and how many rows it has. The caller owns both arrays. */
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
  return decide({ rows, count: groups, numberOf: (row) => exact.groupOf(row), compare });
}

/** As `exactDecisions`, for each distinct text as received in place of each group. */
export function rawDecisions(exact: ExactTexts, compare: (a: number, b: number) => number): ExactDecisions {
  const { rows, rawTexts } = exact.counts;
  return decide({ rows, count: rawTexts, numberOf: (row) => exact.rawOf(row), compare });
}

/** Finds the winner among the rows of each number; rows of the number -1 are passed over. */
function decide(options: {
  readonly rows: number;
  readonly count: number;
  readonly numberOf: (row: number) => number;
  readonly compare: (a: number, b: number) => number;
}): ExactDecisions {
  const { rows, count, numberOf, compare } = options;
  const winner = new Int32Array(count);
  const size = new Uint32Array(count);
  for (let row = 0; row < rows; row++) {
    const number = numberOf(row);
    if (number < 0) continue;
    if (size[number]++ === 0 || compare(row, winner[number]) < 0) winner[number] = row;
  }
  return { winner, size };
}

/** Why a row was removed for another row of its group: the texts are equal as received, or only after normalisation. */
export function reasonOf(exact: ExactTexts, row: number, keptRow: number): "exact" | "normalized" {
  return exact.rawOf(row) === exact.rawOf(keptRow) ? "exact" : "normalized";
}
