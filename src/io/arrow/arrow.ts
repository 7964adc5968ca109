import { type RecordBatch, Schema } from "apache-arrow";
import { type ColumnBatch, neededColumns, readColumns, rereadColumns, scanColumns, slices } from "../column-source.js";
import { ownDictionaries } from "../schema/unify.js";
import type { Source } from "../source.js";
import { type ArrowOptions, openArrowFile } from "./file.js";

/**
 * Opens an Arrow IPC file or stream (`.arrow`, `.feather`) as a source. Columns pass through as they are stored, with
 * their types, dictionaries and extension metadata. Batches have at most 8192 rows. Memory: see `openArrowFile`.
 * @throws InputError where the file is missing, corrupt or of a kind that cannot be read
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
      // Throws where the schema lacks the field. `scanColumns` would notice this only at the first row, and there may
      // be none.
      neededColumns(schema, options, name);
      yield* scanColumns(batches(), { ...options, source: name });
    },
    schema: () => Promise.resolve(schema),
    read: (options) => readColumns(batches(), { ...options, source: name }),
    reread: (records) => rereadColumns(batches(), records),
  };
}

/** Reads the schema of an Arrow file that this program wrote. @throws InputError as `openArrow` does */
export async function readSchema(path: string): Promise<Schema> {
  return (await openArrowFile({ path, name: path })).schema;
}

/**
 * Reads the record batches of an Arrow file that this program wrote; a batch in memory is a batch of the file.
 * @throws InputError as `openArrow` does
 */
export async function* readTableBatches(path: string): AsyncGenerator<RecordBatch> {
  const file = await openArrowFile({ path, name: path });
  for await (const { batch } of file.batches()) yield batch;
}
