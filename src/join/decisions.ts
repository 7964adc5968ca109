import type { ExactTexts } from "../exact/exact.js";
import { longSort } from "../exact/long-sort.js";
import type { RowOrder } from "../exact/priority.js";
import type { ReferenceFate } from "../exact/reference-texts.js";
import { reasonOf } from "../exact/winners.js";
import type { JoinResult } from "./judge.js";

/** Why a row was removed: equal text as received, equal after normalisation, or a near vector. */
export type Reason = "exact" | "normalized" | "semantic";

/** A kept row of a reference. */
export interface ReferenceRow {
  /** Number of the folder that holds the row. */
  readonly folder: number;
  readonly row: number;
}

/** The rows of references on whose account rows of a run go. */
export interface ReferenceRows {
  /** The fate that rows with a known text share, by the number of its entry. */
  fate(entry: number): ReferenceFate;
  /** The kept row that has a vector of the references, by the vector's position. */
  rowAt(position: number): ReferenceRow;
}

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

/**
 * Combines the outcome of the exact stage with that of the self-join, without chains: every removed row names a kept
 * row.
 *
 * Where the vector of a group is kept, the group's winner is kept and the other rows go on account of the winner. Where
 * the vector was removed, all rows of the group, the winner too, go on account of the winner of the kept vector's
 * group, with the cosine measured for their common vector.
 *
 * Rows of a group whose text the references have share the fate of the references' rows, and rows of a group whose
 * vector a reference vector replaces go on account of the row of that vector. Holds 4 bytes a group; the arrays stay the
 * caller's and must not change.
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
  /** Where there are references. */
  references?: ReferenceRows;
}): Decisions {
  const { exact, winner, vectorOfGroup, groupOfVector, join, references } = options;
  /**
   * The group whose winner stands for the rows of a group: itself, or the group of the vector that replaced its own.
   */
  const keptGroup = (group: number) => {
    const vector = vectorOfGroup[group];
    const keeper = vector < 0 ? -1 : join.keptBy[vector];
    return keeper < 0 ? group : groupOfVector[keeper];
  };
  /** The fate of a group whose text the references have. */
  const knownFate = (group: number) => {
    const entry = exact.entryOf(group);
    return entry < 0 ? undefined : references?.fate(entry);
  };
  /** The reference's row on whose account the rows of a group go, if there is one. */
  const accountOf = (group: number): ReferenceRow | undefined => {
    const vector = vectorOfGroup[group];
    const position = vector < 0 ? -1 : (join.keptByReference?.[vector] ?? -1);
    return position < 0 ? knownFate(group) : references?.rowAt(position);
  };
  /** The reference's row from which only a guard keeps a row apart, if there is one. */
  const guardOf = (row: number): ReferenceRow | undefined => {
    const vector = vectorOfGroup[exact.groupOf(row)];
    const position = vector < 0 ? -1 : (join.guardedFromReference?.[vector] ?? -1);
    return position < 0 ? undefined : references?.rowAt(position);
  };
  const sizes = new Uint32Array(winner.length);
  for (let row = 0; row < exact.counts.rows; row++) {
    const group = exact.groupOf(row);
    if (group >= 0 && accountOf(group) === undefined) sizes[keptGroup(group)]++;
  }
  return {
    isKept(row) {
      const group = exact.groupOf(row);
      return group >= 0 && winner[keptGroup(group)] === row && accountOf(group) === undefined;
    },
    keptRow(row) {
      const group = exact.groupOf(row);
      return group < 0 ? -1 : (accountOf(group)?.row ?? winner[keptGroup(group)]);
    },
    keptIn(row) {
      const group = exact.groupOf(row);
      return group < 0 ? -1 : (accountOf(group)?.folder ?? -1);
    },
    reason(row) {
      const group = exact.groupOf(row);
      const fate = knownFate(group);
      if (fate !== undefined) return fate.similarity > 0 ? "semantic" : exact.equalsKnown(row) ? "exact" : "normalized";
      if (accountOf(group) !== undefined || keptGroup(group) !== group) return "semantic";
      return reasonOf(exact, row, winner[group]);
    },
    similarity(row) {
      const group = exact.groupOf(row);
      const fate = knownFate(group);
      if (fate !== undefined) return fate.similarity || 1;
      if (accountOf(group) !== undefined || keptGroup(group) !== group) return join.similarity[vectorOfGroup[group]];
      return 1;
    },
    vector: (row) => vectorOfGroup[exact.groupOf(row)],
    groupSize: (row) => sizes[exact.groupOf(row)],
    guardedFrom(row) {
      const vector = vectorOfGroup[exact.groupOf(row)];
      const other = vector < 0 ? -1 : join.guardedFrom[vector];
      return guardOf(row)?.row ?? (other < 0 ? -1 : winner[groupOfVector[other]]);
    },
    guardedIn: (row) => guardOf(row)?.folder ?? -1,
  };
}
