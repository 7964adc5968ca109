import type { Reason } from "../join/decisions.js";
import type { Verdict } from "../report/explain/verdict.js";
import type { GuardDifference } from "../text/guards.js";
import type { RejectedRecord } from "./read/rejected-row.js";

/** A row of a result as an explanation names it. */
export interface NamedRow {
  readonly row: number;
  /** Folder of a reference that holds the row, as `_kept_in` names it; absent for the folder that is explained. */
  readonly in?: string;
  /** Why nothing more is known of the row, where that folder is gone or was written anew. */
  readonly missing?: string;
  /** Its id; absent where no id field is known, null where the row has none. */
  readonly id?: string | null;
  /** Its text; null where it has only a vector. */
  readonly text: string | null;
}

/** Where a row came from. */
export interface RowOrigin {
  readonly input: string;
  /** Number of its record in this input, from 1. */
  readonly record: number;
}

/** The rows that one kept row stands for. */
export interface RowGroup {
  readonly kept_row: number;
  /** Folder of a reference that holds the kept row; absent for the folder that is explained. */
  readonly kept_in?: string;
  /** All rows of the group that lie in the folder, and the kept one. */
  readonly size: number;
  readonly exact: number;
  readonly normalized: number;
  readonly semantic: number;
  /** The first removed rows. */
  readonly first: readonly (NamedRow & { readonly reason: Reason; readonly similarity: number })[];
}

/** A kept row, with what a guard kept apart from it. */
export interface ExplainedKept extends NamedRow {
  readonly fate: "kept";
  readonly origin?: RowOrigin;
  /** False where its text has no direction, so that only equal texts are merged with it. */
  readonly directed: boolean;
  readonly group: RowGroup;
  /** The earliest kept row from which only a guard keeps it apart; absent where there is none. */
  readonly guarded_from?: NamedRow & { readonly cosine?: number; readonly differs: readonly GuardDifference[] };
}

/** A removed row and the kept row on whose account it goes. */
export interface ExplainedRemoved extends NamedRow {
  readonly fate: "removed";
  readonly origin?: RowOrigin;
  /** As for a kept row. */
  readonly directed: boolean;
  readonly reason: Reason;
  /**
   * Cosine of the stored vectors, measured anew in float64; absent where it cannot be, null without a direction and for a
   * text that a reference has, which is not embedded again.
   */
  readonly cosine?: number | null;
  /** As removed.arrow has it: 1 for equal texts. */
  readonly similarity: number;
  readonly kept: NamedRow;
  /** The guards that tell the two texts apart, of which the run had none. */
  readonly differs: readonly GuardDifference[];
  /**
   * Other removed rows whose text equals this one's after normalisation, so that they share its vector and go with it:
   * how many, and the first of them. Empty for a row that equals the kept one.
   */
  readonly copies: { readonly count: number; readonly rows: readonly number[] };
  readonly group: RowGroup;
}

/** A rejected row; without `record` where rejects.jsonl is missing. */
export interface ExplainedRejected {
  readonly row: number;
  readonly fate: "rejected";
  readonly origin?: RowOrigin;
  readonly record?: RejectedRecord;
}

/** What became of a row, and why. */
export type ExplainedRow = ExplainedKept | ExplainedRemoved | ExplainedRejected;

/** Why two rows were merged, or were not. */
export interface ExplainedPair {
  readonly verdict: Verdict;
  /** Their cosine; null where one has no vector, absent where it cannot be measured. */
  readonly cosine?: number | null;
  /** The guards that tell the two texts apart, whether the run used them or not. */
  readonly differs: readonly GuardDifference[];
}

/** A kept row near to the one asked for. */
export interface Neighbour extends NamedRow {
  readonly cosine: number;
  /** Distance to the threshold; negative where only a guard keeps the two apart. */
  readonly below: number;
  /** In what the texts differ for the guards; empty where the two are below the threshold. */
  readonly differs: readonly GuardDifference[];
}

/** The answer of `explain`. */
export interface Explanation {
  readonly command: "explain";
  readonly folder: string;
  readonly threshold: number;
  readonly keep: string;
  /** The guards of the run. */
  readonly guards: readonly string[];
  readonly id_field?: string;
  readonly rows: readonly ExplainedRow[];
  readonly pair?: ExplainedPair;
}
