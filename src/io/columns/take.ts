import { type Data, makeData, RecordBatch, type Schema, Struct } from "apache-arrow";
import { columnBuilder } from "./create-builder.js";
import { runsOf } from "./runs.js";

/**
 * The given rows of a batch in the given order, as a batch of its own: compact buffers with offset 0, every Arrow type, no
 * value decoded. Rows may repeat. The result shares nothing with `batch` but dictionaries.
 * @throws RangeError for a row that the batch does not have.
 */
export function takeRows(batch: RecordBatch, rows: Uint32Array): RecordBatch {
  for (let i = 0; i < rows.length; i++) {
    if (rows[i] >= batch.numRows) throw new RangeError(`row ${rows[i]} of a batch of ${batch.numRows} rows`);
  }
  const runs = runsOf(rows);
  const columns = batch.data.children.map((data, c) => {
    const builder = columnBuilder(batch.schema.fields[c].type);
    builder.append(data, runs);
    return builder.take();
  });
  return batchOf(batch.schema, columns, rows.length);
}

/** A record batch from its columns, one Data of `length` rows for each field. */
export function batchOf(schema: Schema, columns: readonly Data[], length: number): RecordBatch {
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length, nullCount: 0, children: [...columns] }));
}
