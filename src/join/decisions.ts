import type { ExactTexts } from "../exact/exact.js";
import { longSort } from "../exact/long-sort.js";
import type { RowOrder } from "../exact/priority.js";
import { reasonOf } from "../exact/winners.js";
import { type GroupFates, type GroupFatesOptions, groupFates } from "./group-fates.js";

/** Why a row was removed: equal text as received, equal after normalisation, or a near vector. */
export type Reason = "exact" | "normalized" | "semantic";

/** What becomes of each row. Rows are numbers of records; a method says for which rows it is defined. */
export interface Decisions {
  /** Whether a row is kept. */
  isKept(row: number): boolean;
  /**
   * The kept row on whose account this row is removed, counted in the folder that `keptIn` names; the row itself where
   * kept; -1 where it was rejected.
   */
  keptRow(row: number): number;
  /** Number of the folder, of a reference, that holds the kept row; -1 for this run. */
  keptIn(row: number): number;
  /** Why a removed row was removed. */
  reason(row: number): Reason;
  /** Similarity of a removed row to the row that replaces it: 1 for equal texts, else the measured cosine. */
  similarity(row: number): number;
  /** Vector of a row that was not rejected; -1 where its text has no direction. */
  vector(row: number): number;
  /** Rows that a kept row stands for: itself and the rows removed on its account. */
  groupSize(row: number): number;
  /** For a kept row, the kept row that only a guard keeps apart from it, as `keptRow`; -1 where there is none. */
  guardedFrom(row: number): number;
  /** Number of the folder, of a reference, that holds that row; -1 for this run. */
  guardedIn(row: number): number;
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

/** The group of each row, and how its text is related to that of the kept row. */
export interface RowTexts {
  /** Group of a row; -1 where it was rejected. */
  groupOf(row: number): number;
  /**
   * Whether the text of a row equals, as received, that of the row on whose account it goes. Only for rows whose texts
   * are equal after normalisation: those of groups of the fate `own` or `known`.
   */
  equalsKept(row: number): boolean;
}

/** The fate of each row, which is that of its group. */
export function decisionsOf({ groupOf, equalsKept }: RowTexts, fates: GroupFates): Decisions {
  return {
    isKept(row) {
      const group = groupOf(row);
      return group >= 0 && fates.fate(group) === "own" && fates.keptRow(group) === row;
    },
    keptRow(row) {
      const group = groupOf(row);
      return group < 0 ? -1 : fates.keptRow(group);
    },
    keptIn(row) {
      const group = groupOf(row);
      return group < 0 ? -1 : fates.keptIn(group);
    },
    reason(row) {
      if (fates.fate(groupOf(row)) === "near") return "semantic";
      return equalsKept(row) ? "exact" : "normalized";
    },
    similarity: (row) => fates.similarity(groupOf(row)),
    vector: (row) => fates.vector(groupOf(row)),
    groupSize: (row) => fates.size(groupOf(row)),
    guardedFrom: (row) => fates.guardedFrom(groupOf(row)),
    guardedIn: (row) => fates.guardedIn(groupOf(row)),
  };
}

/** The fate of each row of a run on one machine; see `groupFates` for the rules. */
export function decisionsFrom(options: Omit<GroupFatesOptions, "entryOf"> & { readonly exact: ExactTexts }): Decisions {
  const { exact, winner } = options;
  const texts: RowTexts = {
    groupOf: (row) => exact.groupOf(row),
    equalsKept(row) {
      const group = exact.groupOf(row);
      if (exact.entryOf(group) >= 0) return exact.equalsKnown(row);
      return reasonOf(exact, row, winner[group]) === "exact";
    },
  };
  return decisionsOf(texts, groupFates({ ...options, entryOf: (group) => exact.entryOf(group) }));
}
