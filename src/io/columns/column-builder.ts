import type { Data } from "apache-arrow";
import type { Runs } from "./runs.js";

/**
 * Gathers rows of one Arrow type from any number of Data into one compact Data with offset 0. A builder copies buffers
 * and turns no value into a JavaScript object. Its result depends on the rows alone, never on how they were batched.
 */
export interface ColumnBuilder {
  /** Copies the rows `runs` of `data`, which must have the builder's type. */
  append(data: Data, runs: Runs): void;
  /** Bytes gathered since the last `take`, without spare capacity. */
  readonly byteLength: number;
  /** Hands the gathered rows over to the caller and starts again with none. A dictionary stays, for the next rows. */
  take(): Data;
}
