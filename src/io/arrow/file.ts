import { type FileHandle, open } from "node:fs/promises";
import { type DataType, type RecordBatch, Schema, Vector } from "apache-arrow";
import type { DictionaryBatch as DictionaryBatchHeader } from "apache-arrow/ipc/metadata/message";
import { InputError } from "../../errors.js";
import { batchOf } from "../columns/take.js";
import { prepareZstd } from "../compress/zstd.js";
import { type FileOptions, LEAST_PIECE, pieceLimit } from "../file-options.js";
import { readRange } from "../read-exact.js";
import { duplicateName } from "../schema/unify.js";
import { reasonOf, unreadable } from "../unreadable.js";
import { type DictionaryVectors, loadBody } from "./body.js";
import { storedColumns } from "./layout.js";
import { type ArrowMessage, type ArrowMessages, findMessages, readHeader } from "./messages.js";
import { plainBatches, plainValues } from "./plain.js";
import { readRows } from "./rows.js";
import { plainField } from "./stored-types.js";
import { validateBatch, validateColumn, validateField } from "./validate.js";

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
    return { byteLength, schema, batches: () => readBatches({ path, name, found, schema, limit }) };
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

async function* readBatches(options: {
  path: string;
  name: string;
  found: ArrowMessages;
  schema: Schema;
  limit: number;
}): AsyncGenerator<{ batch: RecordBatch; bytesRead: number }> {
  const { path, name, found, limit } = options;
  const { schema, version, messages } = found;
  const file = await openPath(path, name);
  const dictionaries: DictionaryVectors = new Map();
  const load = async (at: ArrowMessage, header: Parameters<typeof loadBody>[1], types: readonly DataType[]) =>
    loadBody(await readRange(file, at.bodyAt, at.bodyLength), header, types, dictionaries, version);
  const types = schema.fields.map(({ type }) => type);
  let row = 0;
  try {
    for (const message of messages) {
      const header = await readHeader(file, message);
      const { bodyAt, bodyLength, large } = message;
      if ("data" in header) {
        const type = schema.dictionaries.get(header.id);
        if (type === undefined) throw new Error(`a dictionary of the unknown id ${header.id}`);
        const [values] = await load(message, header.data, [type]);
        validateColumn(values, header.data.length, "(a dictionary)");
        addDictionary(dictionaries, header, new Vector([plainValues(values, limit)]));
      } else if (header.length > 0 && large) {
        const columns = storedColumns(schema.fields, header, message, dictionaries, version);
        let done = 0;
        for await (const batch of readRows({ file, schema, columns, rows: header.length, limit })) {
          validateBatch(batch);
          done += batch.numRows;
          row += batch.numRows;
          yield { batch, bytesRead: bodyAt + Math.floor((bodyLength * done) / header.length) };
        }
      } else if (header.length > 0) {
        const batch = batchOf(schema, await load(message, header, types), header.length);
        validateBatch(batch);
        const bytesRead = bodyAt + bodyLength;
        if (options.schema === schema) yield { batch, bytesRead };
        else for (const plain of plainBatches(batch, options.schema, limit)) yield { batch: plain, bytesRead };
        row += batch.numRows;
      }
    }
  } catch (error) {
    const where = `rows from ${row + 1}: ${reasonOf(error)}`;
    throw unreadable(new Error(where, { cause: error }), name, "Arrow");
  } finally {
    await file.close();
  }
}

/** Adds a dictionary batch: a delta is appended to the dictionary of the same id, any other batch replaces it. */
function addDictionary(dictionaries: DictionaryVectors, { id, isDelta }: DictionaryBatchHeader, values: Vector): void {
  const before = dictionaries.get(id);
  dictionaries.set(id, (isDelta && before !== undefined ? before.concat(values) : values).memoize());
}

async function openPath(path: string, name: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw new InputError(`${name}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
