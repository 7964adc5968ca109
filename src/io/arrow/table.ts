import type { FileHandle } from "node:fs/promises";
import { DataType, type Field, type RecordBatch, Schema } from "apache-arrow";
import type { RecordBatch as RecordBatchHeader } from "apache-arrow/ipc/metadata/message";
import { batchOf } from "../columns/take.js";
import { pieceLimit } from "../file-options.js";
import { readRangeNow } from "../read-exact.js";
import { unreadable } from "../unreadable.js";
import { openPath, readDictionaries } from "./batches.js";
import type { DictionaryVectors } from "./body.js";
import { readColumn } from "./column.js";
import { type StoredColumn, storedColumns } from "./layout.js";
import { type ArrowMessage, type ArrowMessages, findMessages, readHeader } from "./messages.js";
import { plainField } from "./stored-types.js";
import { validateBatch } from "./validate.js";

/** Most rows of a batch of `scan`. */
const SCAN_ROWS = 65_536;

/**
 * An open table of this program, read at random: a question costs only the bytes of the rows and columns that it asks
 * for, whatever the size of the file. Rows are counted from 0 in the order of the file.
 */
export interface ArrowTable {
  readonly path: string;
  readonly schema: Schema;
  readonly rows: number;
  /** Some columns of one row, as a batch whose schema has these columns alone, in the order given. */
  row(columns: readonly string[], at: number): Promise<RecordBatch>;
  /**
   * Some columns of the rows [start, end), by default of all, up to 65,536 rows at a time; `first` is the first row of
   * the batch.
   */
  scan(
    columns: readonly string[],
    start?: number,
    end?: number,
  ): AsyncGenerator<{ readonly first: number; readonly batch: RecordBatch }>;
  /** Number of rows in which a uint64 column is smaller than `value`. The column must ascend and have no null. */
  countBelow(column: string, value: number): number;
  close(): Promise<void>;
}

/** A record batch and the place of its rows in the table. */
interface Part {
  readonly first: number;
  readonly message: ArrowMessage;
  readonly header: RecordBatchHeader;
}

/**
 * Opens an Arrow IPC file as this program writes it: uncompressed, so that single values can be found. Only the footer
 * and the headers of the record batches are read; dictionaries when a column first needs them.
 * @throws InputError where the file is missing, corrupt or compressed; the methods throw it too
 */
export async function openArrowTable(path: string): Promise<ArrowTable> {
  const file = await openPath(path, path);
  try {
    const limit = pieceLimit();
    const found = await findMessages(file, (await file.stat()).size, limit, 0);
    if (found.schema.fields.some((field) => plainField(field) !== field)) {
      throw new Error("its columns are not laid out as bge-dedup writes them");
    }
    const parts = await findParts(file, found);
    return tableOf({ path, file, found, parts, limit });
  } catch (error) {
    await file.close();
    throw unreadable(error, path, "Arrow");
  }
}

async function findParts(file: FileHandle, { messages }: ArrowMessages): Promise<Part[]> {
  const parts: Part[] = [];
  let first = 0;
  for (const message of messages) {
    const header = await readHeader(file, message);
    if ("data" in header || header.length === 0) continue;
    if (header.compression !== null) throw new Error("it is compressed, expected it as bge-dedup writes it");
    parts.push({ first, message, header });
    first += header.length;
  }
  return parts;
}

interface Opened {
  readonly path: string;
  readonly file: FileHandle;
  readonly found: ArrowMessages;
  readonly parts: readonly Part[];
  readonly limit: number;
}

function tableOf({ path, file, found, parts, limit }: Opened): ArrowTable {
  const { schema, version } = found;
  const last = parts.at(-1);
  const rows = last === undefined ? 0 : last.first + last.header.length;
  const none: DictionaryVectors = new Map();
  let dictionaries: Promise<DictionaryVectors> | undefined;

  async function loadDictionaries(): Promise<DictionaryVectors> {
    const loaded: DictionaryVectors = new Map();
    for await (const { id, dictionary } of readDictionaries({ path, name: path, found, schema, limit })) {
      loaded.set(id, dictionary);
    }
    return loaded;
  }

  const indicesOf = (names: readonly string[]) =>
    names.map((name) => {
      const index = schema.fields.findIndex((field) => field.name === name);
      if (index < 0) throw new Error(`no column ${name}; name a folder that bge-dedup wrote`);
      return index;
    });

  const columnsOf = ({ header, message }: Part, known: DictionaryVectors): StoredColumn[] =>
    storedColumns(schema.fields, header, message, known, version);

  async function readPart(part: Part, indices: readonly number[], start: number, length: number): Promise<RecordBatch> {
    const fields = indices.map((index) => schema.fields[index]);
    const coded = fields.some(holdsDictionary);
    if (coded) dictionaries ??= loadDictionaries();
    const columns = columnsOf(part, coded ? ((await dictionaries) ?? none) : none);
    const data = [];
    for (const index of indices) data.push(await readColumn(file, columns[index], start, length));
    const batch = batchOf(new Schema(fields), data, length);
    validateBatch(batch);
    return batch;
  }

  return {
    path,
    schema,
    rows,
    async row(names, at) {
      try {
        const part = partOf(parts, at);
        return await readPart(part, indicesOf(names), at - part.first, 1);
      } catch (error) {
        throw unreadable(error, path, "Arrow");
      }
    },
    async *scan(names, start = 0, end = rows) {
      try {
        const indices = indicesOf(names);
        for (const part of parts) {
          const partEnd = Math.min(part.first + part.header.length, end);
          for (let first = Math.max(part.first, start); first < partEnd; first += SCAN_ROWS) {
            const length = Math.min(SCAN_ROWS, partEnd - first);
            yield { first, batch: await readPart(part, indices, first - part.first, length) };
          }
        }
      } catch (error) {
        throw unreadable(error, path, "Arrow");
      }
    },
    countBelow(name, value) {
      try {
        const [index] = indicesOf([name]);
        const buffers = new Map<Part, number>();
        const valueAt = (at: number) => {
          const part = partOf(parts, at);
          const start = buffers.get(part) ?? wordsOf(columnsOf(part, none)[index], name);
          buffers.set(part, start);
          const bytes = readRangeNow(file, start + 8 * (at - part.first), 8);
          return Number(new DataView(bytes.buffer).getBigUint64(0, true));
        };
        let [low, high] = [0, rows];
        while (low < high) {
          const middle = Math.floor((low + high) / 2);
          if (valueAt(middle) < value) low = middle + 1;
          else high = middle;
        }
        return low;
      } catch (error) {
        throw unreadable(error, path, "Arrow");
      }
    },
    close: () => file.close().catch(() => {}),
  };
}

/** The part that holds a row. */
function partOf(parts: readonly Part[], at: number): Part {
  let [low, high] = [0, parts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (parts[middle].first <= at) low = middle;
    else high = middle - 1;
  }
  const part = parts[low];
  if (!(at >= 0 && at < (part?.first ?? 0) + (part?.header.length ?? 0))) throw new Error(`it has no row ${at}`);
  return part;
}

/** Where the values of a uint64 column without nulls begin in the file. @throws Error for any other column */
function wordsOf({ type, length, validity, values }: StoredColumn, name: string): number {
  const fits = DataType.isInt(type) && type.bitWidth === 64 && validity === undefined;
  if (fits && values !== undefined && values.length >= 8 * length) return values.at;
  throw new Error(`column ${name} is ${type}, expected uint64 without nulls`);
}

function holdsDictionary({ type }: Field): boolean {
  return DataType.isDictionary(type) || ((type.children ?? []) as Field[]).some(holdsDictionary);
}
