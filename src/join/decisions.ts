import type { ExactTexts } from "../exact/exact.js";
import { reasonOf } from "../exact/exact.js";
import { longSort } from "../exact/long-sort.js";
import type { RowOrder } from "../exact/priority.js";
import type { JoinResult } from "./judge.js";

/** Why a row was removed. */
export type Reason = "exact" | "normalized" | "semantic";

/** What happens to each row. */
export interface Decisions {
  /** The kept row on whose account this one is removed; the row itself where it is kept; -1 where it was rejected. */
  keptRow(row: number): number;
  /** Of a removed row. */
  reason(row: number): Reason;
  /** Of a removed row: 1 for equal texts, else the measured cosine. */
  similarity(row: number): number;
  /** Position of the row's vector, -1 where its text has none. */
  vector(row: number): number;
  /** Of a kept row: itself and the rows removed on its account. */
  groupSize(row: number): number;
  /** Of a kept row: the kept row that only a guard keeps apart from it, -1 where there is none. */
  guardedFrom(row: number): number;
}

/**
 * Positions of vectors in priority order: that of the row which stands for each group of equal texts.
 * @param pause awaited now and then in the sorting; may throw to stop
 */
export async function vectorPriority(
  winner: Int32Array,
  groupOfVector: Int32Array,
  order: RowOrder,
  pause: () => Promise<void>,
): Promise<Uint32Array> {
  const positions = Uint32Array.from({ length: groupOfVector.length }, (_, position) => position);
  // Groups are numbered by their first row, which is the winner under `first`.
  if (order.policy.kind === "first") return positions;
  return longSort(positions, (a, b) => order.compare(winner[groupOfVector[a]], winner[groupOfVector[b]]), pause);
}

/**
 * Joins what the exact stage and the self-join found. A row equal to a kept one goes on account of it; the rows of a group
 * whose text was removed all go on account of the vector that is kept, with the cosine that was measured for their common
 * vector, so that every removed row names a kept one.
 */
export function decisionsFrom(options: {
  exact: ExactTexts;
  winner: Int32Array;
  /** Vector position of each group, -1 where its text has no direction. */
  vectorOfGroup: Int32Array;
  groupOfVector: Int32Array;
  join: JoinResult;
}): Decisions {
  const { exact, winner, vectorOfGroup, groupOfVector, join } = options;
  /** Group whose winner is kept on behalf of a group. */
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
