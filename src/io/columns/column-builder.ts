import type { Data } from "apache-arrow";
import type { Runs } from "./runs.js";

/**
 * Gathers rows of one Arrow type from any number of Data into one compact Data with offset 0, at buffer level: no value passes
 * through JavaScript. What it builds depends on the rows alone, never on how they were batched.
 */
export interface ColumnBuilder {
  /** Appends the rows of `data` in `runs`; `data` must have the type that the builder was made for. */
  append(data: Data, runs: Runs): void;
  /** Bytes gathered since the last `take`, without spare capacity. */
  readonly byteLength: number;
  /** Hands the gathered rows over and starts anew; dictionaries stay. */
  take(): Data;
}
