import { type RecordBatch, Schema } from "apache-arrow";
import { type ColumnBatch, neededColumns, readColumns, scanColumns, slices } from "../column-source.js";
import { ownDictionaries } from "../schema/unify.js";
import type { Source } from "../source.js";
import { type ArrowOptions, openArrowFile } from "./file.js";

/**
 * Opens an Arrow IPC file or stream (`.arrow`, `.feather`) as a source. Types and values pass through as buffers, dictionaries
 * and extension metadata too. Batches have at most 8192 rows; memory as of `openArrowFile`.
 * @throws InputError where the file is missing, broken or of a kind that cannot be read.
 */
export async function openArrow(options: ArrowOptions): Promise<Source> {
  const { name } = options;
  const file = await openArrowFile(options);
  const schema = new Schema(
    file.schema.fields.map((field) => ownDictionaries(field)),
    file.schema.metadata,
  );
  async function* batches(): AsyncGenerator<ColumnBatch> {
    for await (const { batch, bytesRead } of file.batches()) {
      for (const slice of slices(batch)) yield { batch: slice, bytesRead };
    }
  }
  return {
    name,
    byteLength: file.byteLength,
    async *scan(options) {
      // A file without rows must still be told apart from one without the field.
      neededColumns(schema, options, name);
      yield* scanColumns(batches(), { ...options, source: name });
    },
    schema: () => Promise.resolve(schema),
    read: (options) => readColumns(batches(), { ...options, source: name }),
  };
}

/** The schema of an Arrow file that this program wrote. @throws InputError as `openArrow` does. */
export async function readSchema(path: string): Promise<Schema> {
  return (await openArrowFile({ path, name: path })).schema;
}

/**
 * The record batches of an Arrow file that this program wrote, as they are in the file.
 * @throws InputError as `openArrow` does.
 */
export async function* readTableBatches(path: string): AsyncGenerator<RecordBatch> {
  const file = await openArrowFile({ path, name: path });
  for await (const { batch } of file.batches()) yield batch;
}
