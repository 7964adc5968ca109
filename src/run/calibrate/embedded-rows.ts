import type { ModelSpec } from "../../models/spec.js";
import type { SharedOptions } from "../options.js";
import type { CalibratedRun } from "./next-run.js";
import type { TextEmbedder } from "./text-embedder.js";

/** The rows of the inputs by what the exact stage found. */
export interface CalibrationCounts {
  readonly read: number;
  readonly rejected: number;
  /** Distinct texts; every other row that is not rejected goes at any threshold, because it equals one of them. */
  readonly distinct: number;
}

/** What `CalibrationInputs` are made from: read and embedded files, or a folder that bge-dedup wrote. */
export interface EmbeddedRows {
  readonly counts: CalibrationCounts;
  /** What made the vectors. */
  readonly model: ModelSpec;
  /** Path of embeddings.arrow. */
  readonly storePath: string;
  /** Options of the run that wrote the folder, which a further run on it keeps; undefined for files. */
  readonly recorded?: Partial<CalibratedRun>;
  /** Starts the model that made the vectors; undefined where they came with the input. */
  readonly startModel?: () => Promise<TextEmbedder>;
  /** Reads all texts in order: the number of each row and its text, null where it has none. */
  texts(): AsyncGenerator<{ readonly row: number; readonly text: string | null }[]>;
  /** Gives up what the rows hold; their files may be removed from then on. */
  close(): Promise<void>;
}

/** Options of `openCalibration`. */
export interface CalibrationInputsOptions extends SharedOptions {
  /** Whether a person chose the model; a folder that bge-dedup wrote otherwise decides on it. */
  readonly modelChosen: boolean;
}
