import type { DamageKind } from "../report/calibrate/damage.js";
import type { LengthClass } from "../report/calibrate/length-sample.js";
import type { ThresholdRow } from "../report/calibrate/table.js";
import type { CalibrationCounts } from "./calibrate/embedded-rows.js";
import type { SuggestedThreshold } from "./calibrate/suggested.js";

/** A pair of rows of the input, near to a threshold. */
export interface ExamplePair {
  readonly threshold: number;
  readonly rows: readonly [number, number];
  readonly texts: readonly [string, string];
  readonly cosine: number;
}

/** What `bge-dedup calibrate` finds. */
export interface Calibration {
  readonly command: "calibrate";
  readonly version: string;
  readonly model: {
    readonly name: string;
    readonly dim: number;
    readonly threshold: number;
    readonly threshold_source: string;
  };
  readonly counts: CalibrationCounts & {
    /** Rows that equal an earlier one and are removed at any threshold. */
    readonly copies: number;
    /** Distinct texts without a direction, which are always kept. */
    readonly undirected: number;
    readonly sampled: number;
  };
  /** The classes of length, in characters. */
  readonly lengths: readonly LengthClass[];
  /** Number of texts of the sample that offered a place for each damage; empty where no model can embed any. */
  readonly damages: Readonly<Partial<Record<DamageKind, number>>>;
  /** Cosines of the texts of the sample with their nearest other texts. */
  readonly background: Readonly<Record<"median" | "p90" | "p99" | "max", number>> | null;
  /** How the rows that go at each threshold were counted: exactly, or as an upper bound from the sample. */
  readonly removed_by: "all pairs" | "sample";
  readonly thresholds: readonly ThresholdRow[];
  readonly pairs: readonly ExamplePair[];
  readonly suggestion: SuggestedThreshold;
  /** Arguments with which bge-dedup follows the suggestion. */
  readonly next: readonly string[];
  readonly warnings: readonly string[];
  readonly seconds: Readonly<Record<string, number>>;
}
