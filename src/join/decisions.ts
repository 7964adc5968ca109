import type { ExactTexts } from "../exact/exact.js";
import { reasonOf } from "../exact/exact.js";
import { longSort } from "../exact/long-sort.js";
import type { RowOrder } from "../exact/priority.js";
import type { JoinResult } from "./judge.js";

/** Why a row was removed: equal text as received, equal after normalisation, or a near vector. */
export type Reason = "exact" | "normalized" | "semantic";

/** What becomes of each row. Rows are numbers of records; a method says for which rows it is defined. */
export interface Decisions {
  /** The kept row on whose account this row is removed; the row itself where kept; -1 where it was rejected. */
  keptRow(row: number): number;
  /** Why a removed row was removed. */
  reason(row: number): Reason;
  /** Similarity of a removed row to the row that replaces it: 1 for equal texts, else the measured cosine. */
  similarity(row: number): number;
  /** Vector of a row that was not rejected; -1 where its text has no direction. */
  vector(row: number): number;
  /** Rows that a kept row stands for: itself and the rows removed on its account. */
  groupSize(row: number): number;
  /** For a kept row, the kept row that only a guard keeps apart from it; -1 where there is none. */
  guardedFrom(row: number): number;
}

/**
 * Puts vectors in priority order. The priority of a vector is that of its group's winner.
 * @param winner winning row of each group
 * @param groupOfVector group of each vector
 * @param pause awaited now and then while sorting; may throw to stop
 * @returns the vectors, first in priority first
 */
export async function vectorPriority(
  winner: Int32Array,
  groupOfVector: Int32Array,
  order: RowOrder,
  pause: () => Promise<void>,
): Promise<Uint32Array> {
  const positions = Uint32Array.from({ length: groupOfVector.length }, (_, position) => position);
  // Under `first` the winner is a group's first row, and groups are numbered by their first rows.
  if (order.policy.kind === "first") return positions;
  return longSort(positions, (a, b) => order.compare(winner[groupOfVector[a]], winner[groupOfVector[b]]), pause);
}

/**
 * Combines the outcome of the exact stage with that of the self-join, without chains: every removed row names a kept
 * row.
 *
 * Where the vector of a group is kept, the group's winner is kept and the other rows go on account of the winner. Where
 * the vector was removed, all rows of the group, the winner too, go on account of the winner of the kept vector's
 * group, with the cosine measured for their common vector. Holds 4 bytes a group; the arrays stay the caller's and must
 * not change.
 */
export function decisionsFrom(options: {
  exact: ExactTexts;
  /** Winning row of each group. */
  winner: Int32Array;
  /** Vector of each group, -1 where its text has no direction. */
  vectorOfGroup: Int32Array;
  /** Group of each vector. */
  groupOfVector: Int32Array;
  /** Outcome of the self-join, by vector. */
  join: JoinResult;
}): Decisions {
  const { exact, winner, vectorOfGroup, groupOfVector, join } = options;
  /**
   * The group whose winner stands for the rows of a group: itself, or the group of the vector that replaced its own.
   */
  const keptGroup = (group: number) => {
    const vector = vectorOfGroup[group];
    const keeper = vector < 0 ? -1 : join.keptBy[vector];
    return keeper < 0 ? group : groupOfVector[keeper];
  };
  const sizes = new Uint32Array(winner.length);
  for (let row = 0; row < exact.counts.rows; row++) {
    const group = exact.groupOf(row);
    if (group >= 0) sizes[keptGroup(group)]++;
  }
  return {
    keptRow(row) {
      const group = exact.groupOf(row);
      return group < 0 ? -1 : winner[keptGroup(group)];
    },
    reason(row) {
      const group = exact.groupOf(row);
      return keptGroup(group) === group ? reasonOf(exact, row, winner[group]) : "semantic";
    },
    similarity(row) {
      const group = exact.groupOf(row);
      return keptGroup(group) === group ? 1 : join.similarity[vectorOfGroup[group]];
    },
    vector: (row) => vectorOfGroup[exact.groupOf(row)],
    groupSize: (row) => sizes[exact.groupOf(row)],
    guardedFrom(row) {
      const vector = vectorOfGroup[exact.groupOf(row)];
      const other = vector < 0 ? -1 : join.guardedFrom[vector];
      return other < 0 ? -1 : winner[groupOfVector[other]];
    },
  };
}
