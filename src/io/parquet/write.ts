import { type RecordBatch, Schema } from "apache-arrow";
import { ByteWriter, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { ARROW_SCHEMA, encodeSchema } from "../arrow/schema-message.js";
import { Coalescer } from "../columns/coalesce.js";
import { createFile, type TableOptions, type TableWriter } from "../table-writer.js";
import { holdsNegativeZero, parquetColumn } from "./cells.js";
import { elementsOf, storedField } from "./elements.js";

/**
 * Opens a Parquet file for writing. Pages are compressed by Snappy; a row group has 65,536 rows or about 16 MiB (64 MiB
 * where rows are large). The same rows and schema give the same bytes, however the rows are batched. `storedField`
 * defines the types. The Arrow schema is stored in the metadata, where pyarrow finds time zones and durations. Memory:
 * one row group, as Arrow and as JavaScript values.
 */
export async function openParquetWriter({ path, schema }: TableOptions<Schema>): Promise<TableWriter> {
  const stored = schema.fields.map(storedField);
  const root: SchemaElement = { name: "schema", num_children: stored.length, repetition_type: "REQUIRED" };
  const bytes = new ByteWriter(1 << 20);
  const writer = new ParquetWriter({
    writer: bytes,
    schema: [root, ...stored.flatMap(elementsOf)],
    codec: "SNAPPY",
    createdBy: "bge-dedup",
    kvMetadata: [
      ...Array.from(schema.metadata, ([key, value]) => ({ key, value })),
      { key: ARROW_SCHEMA, value: encodeSchema(new Schema(stored)) },
    ],
  });
  const coalescer = new Coalescer(schema);
  const file = await createFile(path);

  async function writeGroup(batch: RecordBatch): Promise<void> {
    const columnData = schema.fields.map((field, c) => ({
      name: field.name,
      data: parquetColumn(batch.data.children[c], field, stored[c]) as unknown[],
      // The dictionaries of the library take 0 and -0 for one value.
      encoding: holdsNegativeZero(batch.data.children[c]) ? ("PLAIN" as const) : undefined,
    }));
    await writer.write({ columnData, rowGroupSize: batch.numRows });
    await drain();
  }

  // Appends the bytes written so far to the file. The writer counts file offsets separately, so its buffer may start
  // anew.
  async function drain(): Promise<void> {
    await file.append([new Uint8Array(bytes.buffer, 0, bytes.index)]);
    bytes.index = 0;
  }

  return {
    async write(batch) {
      for (const full of coalescer.push(batch)) await writeGroup(full);
    },
    async finish() {
      const rest = coalescer.flush();
      if (rest !== undefined) await writeGroup(rest);
      await writer.finish();
      await drain();
      await file.finish();
    },
    abort: () => file.abort(),
  };
}
