import type { RecordBatch, Schema } from "apache-arrow";
import type { Source } from "../../io/source.js";
import type { RowIndex } from "./read-texts.js";

/** The inputs as the first pass leaves them to the second. */
export interface ReadableInputs {
  readonly sources: readonly Source[];
  readonly index: Pick<RowIndex, "firstRows" | "rejected">;
  /** Unified schema of the sources. */
  readonly schema: Schema;
}

/** Accepted rows with their columns. */
export interface RowBatch {
  /** Number of each row, ascending. */
  readonly rows: Float64Array;
  readonly columns: RecordBatch;
  /** Bytes of all inputs consumed so far. */
  readonly bytesRead: number;
}

/**
 * The second pass: every row that the first pass has accepted, in order.
 * @throws Error where an input has changed since
 */
export async function* readRows({ sources, index, schema }: ReadableInputs): AsyncGenerator<RowBatch> {
  let bytesBefore = 0;
  for (const [s, source] of sources.entries()) {
    const firstRow = index.firstRows[s];
    for await (const { records, columns, bytesRead } of source.read({ schema, rejected: index.rejected[s] })) {
      const rows = new Float64Array(records.length);
      for (let i = 0; i < rows.length; i++) rows[i] = firstRow + records[i];
      yield { rows, columns, bytesRead: bytesBefore + bytesRead };
    }
    bytesBefore += source.byteLength;
  }
}
