import type { RecordBatch, Schema } from "apache-arrow";
import type { Source } from "../../io/source.js";
import type { RowIndex } from "./read-texts.js";

/** The inputs as the first pass leaves them for the second. */
export interface ReadableInputs {
  readonly sources: readonly Source[];
  readonly index: Pick<RowIndex, "firstRows" | "rejected">;
  /** Unified schema of the sources. */
  readonly schema: Schema;
}

/** A batch of accepted rows with their columns. */
export interface RowBatch {
  /** Number of each row, ascending. */
  readonly rows: Float64Array;
  readonly columns: RecordBatch;
  /** Bytes of all inputs consumed so far. */
  readonly bytesRead: number;
}

/**
 * The second pass: yields every row that the first pass accepted, in order. A bitmap of the rejected records tells the
 * source what to leave out, so no row is judged twice.
 * @throws Error if an input has changed since the first pass
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
