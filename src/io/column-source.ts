import type { RecordBatch, Schema } from "apache-arrow";
import { InputError } from "../errors.js";
import { invalidUtf8 } from "./columns/strings.js";
import { batchOf, takeRows } from "./columns/take.js";
import { rowText } from "./jsonl/json-text.js";
import { castBatch } from "./schema/cast.js";
import { type ColumnPath, hasColumns } from "./schema/column-paths.js";
import { orderValues, resolveOrderColumn } from "./schema/order-columns.js";
import { batchTexts, resolveTextColumns } from "./schema/text-columns.js";
import { batchVectors, resolveVectorColumn } from "./schema/vector-columns.js";
import type { BatchVectors, RawRecord, ReadBatch, ReadOptions, Reject, ScannedBatch, ScanOptions } from "./source.js";
import { reasonOf } from "./unreadable.js";

/** Largest number of rows in a batch of a columnar source. */
export const BATCH_ROWS = 8192;

/** Consecutive rows of a columnar file. */
export interface ColumnBatch {
  readonly batch: RecordBatch;
  /** Bytes of the file consumed so far. */
  readonly bytesRead: number;
  /** The same rows with every column, in one or more batches, where `batch` holds only some. */
  readonly whole?: () => AsyncIterable<RecordBatch>;
}

/** Texts, vectors and faults of a batch. */
interface Inspected {
  /** One entry a row: null where it is rejected, undefined where it has no text but a vector. */
  readonly texts: (string | null | undefined)[];
  readonly vectors?: BatchVectors;
  /** Row to reason. */
  readonly faults: ReadonlyMap<number, string>;
}

/**
 * The columns that a scan needs: those of the text, of the order and of the vectors.
 * @throws InputError where one is missing or of another type
 */
export function neededColumns(schema: Schema, options: ScanOptions, source: string): ColumnPath[] {
  const { textFields, orderField, vectorField } = options;
  const paths: ColumnPath[] = [];
  if (vectorField !== undefined) paths.push(resolveVectorColumn(schema, vectorField, source));
  if (vectorField === undefined || hasColumns(schema, textFields)) {
    paths.push(...resolveTextColumns(schema, textFields, source));
  }
  if (orderField !== undefined) paths.push(resolveOrderColumn(schema, orderField, source));
  return paths;
}

/** Finds texts, vectors and rejected rows of a batch; the second pass leaves out the rows that the scan rejected. */
function inspect(batch: RecordBatch, options: ScanOptions, source: string, dim: number): Inspected {
  const { textFields, vectorField } = options;
  if (vectorField === undefined) return batchTexts(batch, resolveTextColumns(batch.schema, textFields, source));
  const paths = hasColumns(batch.schema, textFields) ? resolveTextColumns(batch.schema, textFields, source) : [];
  const { texts, faults: bad } = batchTexts(batch, paths, true);
  const faults = new Map(bad);
  const vectors = batchVectors(batch, resolveVectorColumn(batch.schema, vectorField, source), dim, faults);
  return { texts: texts.map((text, row) => (faults.has(row) ? null : (text ?? undefined))), vectors, faults };
}

/**
 * The first pass over a columnar source, see `Source.scan`; `batches` may hold only the columns that the options name.
 */
export async function* scanColumns(
  batches: AsyncIterable<ColumnBatch>,
  options: ScanOptions & { readonly source: string },
): AsyncGenerator<ScannedBatch> {
  const { orderField, source, vectorDim = 0 } = options;
  let firstRecord = 0;
  let dim = vectorDim;
  for await (const { batch, bytesRead, whole } of batches) {
    const at = { source, first: firstRecord };
    const { texts, vectors, faults } = onBatch(batch, at, (rows) => inspect(rows, options, source, dim));
    dim = vectors?.dim ?? dim;
    const rejects: Reject[] = [];
    if (faults.size > 0) {
      let start = 0;
      for await (const rows of whole?.() ?? [batch]) {
        const raw = rowText(rows);
        for (let row = start; row < start + rows.numRows; row++) {
          const error = faults.get(row);
          const record = firstRecord + row;
          if (error === undefined) continue;
          const text = onBatch(rows, { source, first: record }, () => raw(row - start));
          rejects.push({ record, line: record + 1, error, raw: text });
        }
        start += rows.numRows;
      }
    }
    const order =
      orderField === undefined
        ? undefined
        : onBatch(batch, at, (rows) => orderValues(rows, resolveOrderColumn(rows.schema, orderField, source)));
    yield { firstRecord, texts, vectors, order, rejects, bytesRead };
    firstRecord += batch.numRows;
  }
}

/** The second pass over a columnar source, see `Source.read`; `batches` hold every column. */
export async function* readColumns(
  batches: AsyncIterable<ColumnBatch>,
  options: ReadOptions & { readonly source: string },
): AsyncGenerator<ReadBatch> {
  const { schema, rejected, source } = options;
  let firstRecord = 0;
  for await (const { batch, bytesRead } of batches) {
    const { numRows } = batch;
    const first = firstRecord;
    const records =
      rejected?.accepted(first, numRows) ?? Uint32Array.from({ length: numRows }, (_, row) => first + row);
    const at = { source, first };
    const take = (all: RecordBatch) =>
      takeRows(all, all === batch ? records.map((record) => record - first) : rowsOf(all));
    const rows = records.length === numRows ? batch : onBatch(batch, at, take);
    const columns = onBatch(rows, { source, first, records }, (all) => {
      refuseInvalidUtf8(all);
      return castBatch(all, schema);
    });
    yield { records, columns, bytesRead };
    firstRecord += numRows;
  }
  rejected?.requireAll(firstRecord);
}

/**
 * Works on a batch; an error becomes the InputError that names the file and the row. Where `work` fails for one row on
 * its own, that is the row; this search is slow, but it comes once.
 * @param at.first record of the first row. @param at.records record of each row, where they do not follow one another
 */
function onBatch<T>(
  batch: RecordBatch,
  at: { readonly source: string; readonly first: number; readonly records?: Uint32Array },
  work: (batch: RecordBatch) => T,
): T {
  try {
    return work(batch);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const row = failingRow(batch, work);
    const record = at.records?.[row ?? 0] ?? at.first + (row ?? 0);
    const where = row === undefined ? `rows from ${record + 1}` : `row ${record + 1}`;
    throw new InputError(`${at.source}: ${where}: ${reasonOf(error)}`, { cause: error });
  }
}

function failingRow(batch: RecordBatch, work: (batch: RecordBatch) => unknown): number | undefined {
  // What fails for no rows at all is not the fault of a row.
  const failsFor = (...rows: number[]) => fails(() => work(takeRows(batch, Uint32Array.from(rows))));
  if (failsFor()) return undefined;
  for (let row = 0; row < batch.numRows; row++) if (failsFor(row)) return row;
  return undefined;
}

function fails(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}

function rowsOf({ numRows }: RecordBatch): Uint32Array {
  return Uint32Array.from({ length: numRows }, (_, row) => row);
}

/** Reads rows once more, see `Source.reread`; `batches` hold every column. */
export async function* rereadColumns(
  batches: AsyncIterable<ColumnBatch>,
  records: readonly number[],
): AsyncGenerator<readonly RawRecord[]> {
  let next = 0;
  let firstRecord = 0;
  for await (const { batch } of batches) {
    const raw = rowText(batch);
    const found: RawRecord[] = [];
    for (const end = firstRecord + batch.numRows; records[next] < end; next++) {
      const record = records[next];
      found.push({ record, line: record + 1, raw: raw(record - firstRecord) });
    }
    if (found.length > 0) yield found;
    if (next === records.length) return;
    firstRecord += batch.numRows;
  }
}

// Arrow promises that string columns are UTF-8, and all later code relies on the promise; a broken file is refused
// here.
function refuseInvalidUtf8({ schema, data }: RecordBatch): void {
  for (let c = 0; c < schema.fields.length; c++) {
    const column = invalidUtf8(data.children[c], schema.fields[c]);
    if (column === undefined) continue;
    throw new Error(`column ${JSON.stringify(column)} is a string but holds bytes that are not UTF-8: make it binary`);
  }
}

/** Cuts a batch into batches of at most `BATCH_ROWS` rows that share its buffers. */
export function* slices(batch: RecordBatch): Generator<RecordBatch> {
  if (batch.numRows <= BATCH_ROWS) {
    if (batch.numRows > 0) yield batch;
    return;
  }
  for (let start = 0; start < batch.numRows; start += BATCH_ROWS) {
    yield sliceBatch(batch, start, Math.min(BATCH_ROWS, batch.numRows - start));
  }
}

/** `length` rows of a batch from `start` on, without a copy. */
export function sliceBatch(batch: RecordBatch, start: number, length: number): RecordBatch {
  const columns = batch.data.children.map((column) => column.slice(start, length));
  return batchOf(batch.schema, columns, length);
}
