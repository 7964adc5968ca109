import { type Data, makeData, RecordBatch, type Schema, Struct } from "apache-arrow";
import { columnBuilder } from "./create-builder.js";
import { runsOf } from "./runs.js";

/**
 * A new batch of the given rows in the given order, for every Arrow type: compact buffers with offset 0, copied without
 * decoding a value. Rows may repeat. The result shares no buffer with `batch`, only dictionaries.
 * @throws Error for a row that the batch does not have.
 */
export function takeRows(batch: RecordBatch, rows: Uint32Array): RecordBatch {
  for (let i = 0; i < rows.length; i++) {
    if (rows[i] >= batch.numRows) throw new Error(`row ${rows[i]} of a batch of ${batch.numRows} rows`);
  }
  const runs = runsOf(rows);
  const columns = batch.data.children.map((data, c) => {
    const builder = columnBuilder(batch.schema.fields[c].type);
    builder.append(data, runs);
    return builder.take();
  });
  return batchOf(batch.schema, columns, rows.length);
}

/** A record batch from its columns: one Data of `length` rows for each field, whose buffers the batch shares. */
export function batchOf(schema: Schema, columns: readonly Data[], length: number): RecordBatch {
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length, nullCount: 0, children: [...columns] }));
}
