import type { ReferenceFate } from "../exact/reference-texts.js";
import type { JoinResult } from "./judge.js";

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

/**
 * What becomes of the rows of a group:
 * - `own`: the winner stays, and the others go because their texts are equal to that of the winner,
 * - `known`: all go because their texts are equal to that of a row of the references,
 * - `near`: all go because their vector is near to that of a kept row, or their text equal to one that a reference
 *   removed for this reason.
 */
export type Fate = "own" | "known" | "near";

/** What the rows of each group have in common, by the group's number. */
export interface GroupFates {
  fate(group: number): Fate;
  /** The kept row on whose account rows go, counted in the folder that `keptIn` names; of an `own` group the winner. */
  keptRow(group: number): number;
  /** Number of the folder, of a reference, that holds the kept row; -1 for this run. */
  keptIn(group: number): number;
  /** Similarity to the kept row: 1 for equal texts, else the measured cosine. */
  similarity(group: number): number;
  /** Position of the group's vector; -1 where it has none. */
  vector(group: number): number;
  /** Rows that the winner of the group stands for, itself among them; 0 where the winner goes. */
  size(group: number): number;
  /** The kept row that only a guard keeps apart from the winner, as `keptRow`; -1 where there is none. */
  guardedFrom(group: number): number;
  /** Number of the folder, of a reference, that holds that row; -1 for this run. */
  guardedIn(group: number): number;
}

/** What `groupFates` needs. The arrays stay the caller's and must not change. */
export interface GroupFatesOptions {
  /** Winning row of each group. */
  readonly winner: ArrayLike<number>;
  /** Rows of each group; 0 where all of them were rejected. */
  readonly size: ArrayLike<number>;
  /** Entry of a group among the texts of the references; -1 where it has none. */
  readonly entryOf: (group: number) => number;
  /** Vector of each group, -1 where its text has no direction or is known. */
  readonly vectorOfGroup: Int32Array;
  /** Group of each vector. */
  readonly groupOfVector: ArrayLike<number>;
  /** Outcome of the self-join, by vector. */
  readonly join: JoinResult;
  /** Where there are references. */
  readonly references?: ReferenceRows;
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
 * vector a reference vector replaces go on account of the row of that vector. Holds 4 bytes a group.
 */
export function groupFates(options: GroupFatesOptions): GroupFates {
  const { winner, size, entryOf, vectorOfGroup, groupOfVector, join, references } = options;
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
    const entry = entryOf(group);
    return entry < 0 ? undefined : references?.fate(entry);
  };
  /** The reference's row on whose account the rows of a group go, if there is one. */
  const accountOf = (group: number): ReferenceRow | undefined => {
    const vector = vectorOfGroup[group];
    const position = vector < 0 ? -1 : (join.keptByReference?.[vector] ?? -1);
    return position < 0 ? knownFate(group) : references?.rowAt(position);
  };
  /** The reference's row from which only a guard keeps the winner apart, if there is one. */
  const guardOf = (group: number): ReferenceRow | undefined => {
    const vector = vectorOfGroup[group];
    const position = vector < 0 ? -1 : (join.guardedFromReference?.[vector] ?? -1);
    return position < 0 ? undefined : references?.rowAt(position);
  };
  const sizes = new Uint32Array(winner.length);
  for (let group = 0; group < sizes.length; group++) {
    if (accountOf(group) === undefined) sizes[keptGroup(group)] += size[group];
  }
  return {
    fate(group) {
      const known = knownFate(group);
      if (known !== undefined) return known.similarity > 0 ? "near" : "known";
      return accountOf(group) !== undefined || keptGroup(group) !== group ? "near" : "own";
    },
    keptRow: (group) => accountOf(group)?.row ?? winner[keptGroup(group)],
    keptIn: (group) => accountOf(group)?.folder ?? -1,
    similarity(group) {
      const known = knownFate(group);
      if (known !== undefined) return known.similarity || 1;
      return accountOf(group) !== undefined || keptGroup(group) !== group ? join.similarity[vectorOfGroup[group]] : 1;
    },
    vector: (group) => vectorOfGroup[group],
    size: (group) => sizes[group],
    guardedFrom(group) {
      const vector = vectorOfGroup[group];
      const other = vector < 0 ? -1 : join.guardedFrom[vector];
      return guardOf(group)?.row ?? (other < 0 ? -1 : winner[groupOfVector[other]]);
    },
    guardedIn: (group) => guardOf(group)?.folder ?? -1,
  };
}
