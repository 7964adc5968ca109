import { type RecordBatch, Schema } from "apache-arrow";
import { prepareZstd } from "../compress/zstd.js";
import { type FileOptions, LEAST_PIECE, pieceLimit } from "../file-options.js";
import { duplicateName } from "../schema/unify.js";
import { unreadable } from "../unreadable.js";
import { openPath, readBatches } from "./batches.js";
import { widenIndices } from "./index-width.js";
import { findMessages } from "./messages.js";
import { plainField } from "./stored-types.js";
import { validateField } from "./validate.js";

/** An Arrow file and the settings to read it. */
export interface ArrowOptions extends FileOptions {
  /**
   * An uncompressed record batch of more bytes than this is read some rows at a time; default 64 MiB, for any `memory`.
   */
  readonly whole?: number;
}

/** An Arrow IPC file or stream whose messages have been found and checked. */
export interface ArrowFile {
  readonly byteLength: number;
  /** As the file has it, but with dictionary indices that are wide enough for all dictionaries of a stream together. */
  readonly schema: Schema;
  /**
   * Yields all rows in order, a record batch at a time, or some of its rows where it has more than `whole` bytes.
   * `bytesRead` is the position in the file after these rows. Every call reads the file anew.
   */
  batches(): AsyncGenerator<{ readonly batch: RecordBatch; readonly bytesRead: number }>;
}

/**
 * Opens an Arrow IPC file or stream, compressed or not; a Feather file of version 2 is such a file.
 *
 * Memory: the dictionaries and one record batch, of which only about 8 MiB are held where it is large and not
 * compressed. The limit for each of these is half of `memory`, or 64 MiB if that is more: dictionaries, a compressed
 * record batch or a single row that would take more are refused before they are read.
 * @throws InputError that names `name` where the file is missing, cut short, corrupt, too large, or of a kind that
 * cannot be read, such as Feather version 1
 */
export async function openArrowFile({ path, name, memory, whole = LEAST_PIECE }: ArrowOptions): Promise<ArrowFile> {
  const limit = pieceLimit(memory);
  await prepareZstd();
  const file = await openPath(path, name);
  try {
    const { size: byteLength } = await file.stat();
    const found = await findMessages(file, byteLength, limit, whole);
    const schema = plainSchema(found.schema);
    for (const field of found.schema.fields) {
      // A name may be absent in the format, but this program finds columns by name.
      if (typeof field.name !== "string") throw new Error("a column without a name");
      validateField(field);
    }
    const duplicate = duplicateName(schema.fields);
    if (duplicate !== undefined) throw new Error(duplicate);
    const contents = { path, name, found, schema, limit };
    return {
      byteLength,
      schema: await widenIndices(contents),
      batches: () => readBatches(contents),
    };
  } catch (error) {
    throw unreadable(error, name, "Arrow");
  } finally {
    await file.close();
  }
}

/** The schema of `plainField`; `stored` itself where it is plain. */
function plainSchema(stored: Schema): Schema {
  const fields = stored.fields.map(plainField);
  if (fields.every((field, i) => field === stored.fields[i])) return stored;
  return new Schema(fields, stored.metadata);
}
