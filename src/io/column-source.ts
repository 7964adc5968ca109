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
import type { BatchVectors, ReadBatch, ReadOptions, Reject, ScannedBatch, ScanOptions } from "./source.js";

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
    const { texts, vectors, faults } = inspect(batch, options, source, dim);
    dim = vectors?.dim ?? dim;
    const rejects: Reject[] = [];
    if (faults.size > 0) {
      let start = 0;
      for await (const rows of whole?.() ?? [batch]) {
        const raw = rowText(rows);
        for (let row = start; row < start + rows.numRows; row++) {
          const error = faults.get(row);
          const record = firstRecord + row;
          if (error !== undefined) rejects.push({ record, line: record + 1, error, raw: raw(row - start) });
        }
        start += rows.numRows;
      }
    }
    const order =
      orderField === undefined ? undefined : orderValues(batch, resolveOrderColumn(batch.schema, orderField, source));
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
    const whole =
      records.length < numRows
        ? takeRows(
            batch,
            records.map((record) => record - first),
          )
        : batch;
    refuseInvalidUtf8(whole, source);
    yield { records, columns: castBatch(whole, schema), bytesRead };
    firstRecord += numRows;
  }
  rejected?.requireAll(firstRecord);
}

// Arrow promises that string columns are UTF-8, and all later code relies on the promise; a broken file is refused
// here.
function refuseInvalidUtf8({ schema, data }: RecordBatch, source: string): void {
  for (let c = 0; c < schema.fields.length; c++) {
    const column = invalidUtf8(data.children[c], schema.fields[c]);
    if (column === undefined) continue;
    throw new InputError(
      `${source}: column ${JSON.stringify(column)} is a string but holds bytes that are not UTF-8: make it binary`,
    );
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
