import { type FileHandle, open } from "node:fs/promises";
import { type Data, type DataType, type RecordBatch, type Schema, Vector } from "apache-arrow";
import type { DictionaryBatch as DictionaryBatchHeader } from "apache-arrow/ipc/metadata/message";
import { InputError } from "../../errors.js";
import { batchOf } from "../columns/take.js";
import { readRange } from "../read-exact.js";
import { reasonOf, unreadable } from "../unreadable.js";
import { type DictionaryVectors, loadBody } from "./body.js";
import { storedColumns } from "./layout.js";
import { type ArrowMessage, type ArrowMessages, readHeader } from "./messages.js";
import { plainBatches, plainValues } from "./plain.js";
import { readRows } from "./rows.js";
import { validateBatch, validateColumn } from "./validate.js";

/** An Arrow file whose messages have been found. */
export interface ArrowContents {
  readonly path: string;
  /** Name in messages. */
  readonly name: string;
  readonly found: ArrowMessages;
  /** The schema of `found`, or what `plainField` makes of it; the batches have this one. */
  readonly schema: Schema;
  /** As for `openArrowFile`. */
  readonly limit: number;
}

/** What is needed to load the body of a message. */
interface Loading {
  readonly file: FileHandle;
  readonly contents: ArrowContents;
  /** The dictionaries so far, by their ids. */
  readonly dictionaries: DictionaryVectors;
}

/**
 * Yields all rows of a file in order, see `ArrowFile.batches`.
 * @throws InputError that names the file, the rows and the column
 */
export async function* readBatches(
  contents: ArrowContents,
): AsyncGenerator<{ readonly batch: RecordBatch; readonly bytesRead: number }> {
  const { path, name, found, limit } = contents;
  const { schema, version, messages } = found;
  const file = await openPath(path, name);
  const loading = { file, contents, dictionaries: new Map() };
  const types = schema.fields.map(({ type }) => type);
  let row = 0;
  try {
    for (const message of messages) {
      const header = await readHeader(file, message);
      const { bodyAt, bodyLength, large } = message;
      if ("data" in header) {
        await loadDictionary(loading, message, header);
      } else if (header.length > 0 && large) {
        const columns = storedColumns(schema.fields, header, message, loading.dictionaries, version);
        let done = 0;
        for await (const batch of readRows({ file, schema, columns, rows: header.length, limit })) {
          validateBatch(batch);
          done += batch.numRows;
          row += batch.numRows;
          yield { batch, bytesRead: bodyAt + Math.floor((bodyLength * done) / header.length) };
        }
      } else if (header.length > 0) {
        const batch = batchOf(schema, await load(loading, message, header, types), header.length);
        validateBatch(batch);
        const bytesRead = bodyAt + bodyLength;
        if (contents.schema === schema) yield { batch, bytesRead };
        else for (const plain of plainBatches(batch, contents.schema, limit)) yield { batch: plain, bytesRead };
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

/**
 * Yields every state of every dictionary of a file: after a delta the whole of it.
 * @throws InputError that names the file
 */
export async function* readDictionaries(
  contents: ArrowContents,
): AsyncGenerator<{ readonly id: number; readonly dictionary: Vector }> {
  const { path, name, found } = contents;
  const file = await openPath(path, name);
  const loading = { file, contents, dictionaries: new Map() };
  try {
    for (const message of found.messages) {
      const header = await readHeader(file, message);
      if ("data" in header) yield { id: header.id, dictionary: await loadDictionary(loading, message, header) };
    }
  } catch (error) {
    throw unreadable(error, name, "Arrow");
  } finally {
    await file.close();
  }
}

async function load(
  { file, contents, dictionaries }: Loading,
  { bodyAt, bodyLength }: ArrowMessage,
  header: Parameters<typeof loadBody>[1],
  types: readonly DataType[],
): Promise<Data[]> {
  return loadBody(await readRange(file, bodyAt, bodyLength), header, types, dictionaries, contents.found.version);
}

/** Loads a dictionary batch: a delta is appended to the dictionary of the same id, any other batch replaces it. */
async function loadDictionary(
  loading: Loading,
  message: ArrowMessage,
  { id, data, isDelta }: DictionaryBatchHeader,
): Promise<Vector> {
  const { contents, dictionaries } = loading;
  const type = contents.found.schema.dictionaries.get(id);
  if (type === undefined) throw new Error(`a dictionary of the unknown id ${id}`);
  const [stored] = await load(loading, message, data, [type]);
  validateColumn(stored, data.length, "(a dictionary)");
  const values = new Vector([plainValues(stored, contents.limit)]);
  const before = dictionaries.get(id);
  const dictionary = (isDelta && before !== undefined ? before.concat(values) : values).memoize();
  dictionaries.set(id, dictionary);
  return dictionary;
}

/** Opens a file for reading. @throws InputError that names the file */
export async function openPath(path: string, name: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (error) {
    throw new InputError(`${name}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
