import { type Data, DataType, type Field, type RecordBatch, type Schema, type Vector } from "apache-arrow";
import { BATCH_ROWS } from "../column-source.js";
import { rowBytes } from "../columns/coalesce.js";
import type { ColumnBuilder } from "../columns/column-builder.js";
import { columnBuilder } from "../columns/create-builder.js";
import { isValid } from "../columns/layout.js";
import { nullData } from "../columns/null-data.js";
import { oneRun, type Runs, runsOf } from "../columns/runs.js";
import { batchOf } from "../columns/take.js";
import { ListViewBuilder } from "./list-view-builder.js";
import { isListView, plainType, RunEndEncoded } from "./stored-types.js";

/** Bytes of the rows that are decoded at once. A single row may take more. */
const TARGET_BYTES = 8 * 2 ** 20;

/**
 * Decodes a validated batch whose schema has types that `plainField` replaces, some rows at a time: at most 8192 rows
 * and about 8 MiB, but at least one row. A few bytes of such a batch may stand for gigabytes, since runs and list views
 * repeat their values.
 * @param schema the schema of `plainField`
 * @throws Error that names the row where it takes more than `limit` bytes
 */
export function* plainBatches(batch: RecordBatch, schema: Schema, limit: number): Generator<RecordBatch> {
  const { numRows } = batch;
  const columns = batch.data.children;
  const size = (start: number, length: number, enough: number) => {
    let bytes = 0;
    for (const column of columns) if (bytes <= enough) bytes += plainBytes(column, start, length, enough - bytes);
    return bytes;
  };
  for (let start = 0, length = BATCH_ROWS; start < numRows; start += length) {
    length = Math.min(BATCH_ROWS, numRows - start, 2 * length);
    while (length > 1 && size(start, length, TARGET_BYTES) > TARGET_BYTES) length = Math.ceil(length / 2);
    if (length === 1 && size(start, 1, limit) > limit) {
      throw new Error(
        `row ${start + 1} of a record batch takes more than ${limit} bytes, half of --memory: raise that`,
      );
    }
    const run = oneRun(start, length);
    const plain = columns.map((column) => copied(column, run));
    yield batchOf(schema, plain, length);
  }
}

/**
 * The values of a dictionary as one plain column.
 * @throws Error where they take more than `limit` bytes
 */
export function plainValues(values: Data, limit: number): Data {
  if (plainType(values.type) === values.type) return values;
  if (plainBytes(values, 0, values.length, limit) > limit) {
    throw new Error(`a dictionary takes more than ${limit} bytes, half of --memory: raise that`);
  }
  return copied(values, oneRun(0, values.length));
}

function copied(data: Data, runs: Runs): Data {
  const builder = plainBuilder(data.type);
  builder.append(data, runs);
  return builder.take();
}

/** The builder that takes columns of the type `stored` and makes one of its plain type. */
function plainBuilder(stored: DataType): ColumnBuilder {
  const plain = plainType(stored);
  if (plain === stored) return columnBuilder(plain);
  if (stored instanceof RunEndEncoded) return new RunEndDecoder(plainBuilder(stored.children[1].type));
  if (DataType.isDictionary(stored)) return new DictionaryDecoder(plain);
  const children = (stored.children as Field[]).map(({ type }) => plainBuilder(type));
  if (isListView(stored)) return new ListViewBuilder(plain, children[0]);
  return columnBuilder(plain, undefined, children);
}

/** Builds the values of run-end encoded columns, one for each row. */
class RunEndDecoder implements ColumnBuilder {
  readonly #values: ColumnBuilder;

  constructor(values: ColumnBuilder) {
    this.#values = values;
  }

  get byteLength(): number {
    return this.#values.byteLength;
  }

  append({ children: [ends, values] }: Data, runs: Runs): void {
    const rows = new Uint32Array(runs.rows);
    let filled = 0;
    for (let r = 0; r < runs.length; r++) {
      const stop = runs.starts[r] + runs.counts[r];
      let run = runAt(ends, runs.starts[r]);
      for (let row = runs.starts[r]; row < stop; run++) {
        const end = Math.min(stop, Number(ends.values[run]));
        rows.fill(run, filled, filled + end - row);
        filled += end - row;
        row = end;
      }
    }
    this.#values.append(values, runsOf(rows));
  }

  take(): Data {
    return this.#values.take();
  }
}

/** The run that holds a row: the first whose end is greater. */
function runAt({ values, length }: Data, row: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Number(values[middle]) > row) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Builds the values of dictionary-encoded columns, one for each row. The dictionaries are plain already. */
class DictionaryDecoder implements ColumnBuilder {
  readonly #values: ColumnBuilder;
  readonly #null: Data;

  constructor(values: DataType) {
    this.#values = columnBuilder(values);
    this.#null = nullData(values, 1);
  }

  get byteLength(): number {
    return this.#values.byteLength;
  }

  append(data: Data, runs: Runs): void {
    for (let r = 0; r < runs.length; r++) {
      for (let i = 0; i < runs.counts[r]; i++) {
        const [chunk, at] = dictionaryValue(data, runs.starts[r] + i) ?? [this.#null, 0];
        this.#values.append(chunk, oneRun(at, 1));
      }
    }
  }

  take(): Data {
    return this.#values.take();
  }
}

/** The chunk of the dictionary that holds the value of a row, and the value's position there; undefined for a null. */
function dictionaryValue(data: Data, row: number): [Data, number] | undefined {
  if (!isValid(data, row)) return undefined;
  let at = Number(data.values[row]);
  for (const chunk of (data.dictionary as Vector).data) {
    if (at < chunk.length) return [chunk, at];
    at -= chunk.length;
  }
  return undefined;
}

/**
 * An upper bound of the bytes that rows take once decoded. Once the sum exceeds `enough` it is returned as it stands,
 * so the time is bounded by `enough` too, however often values are repeated.
 */
function plainBytes(data: Data, start: number, length: number, enough: number): number {
  const { type, children } = data;
  if (length === 0) return 0;
  if (plainType(type) === type) return rowBytes(data, start, length);
  let bytes = length / 8 + 1;
  const add = (child: Data, from: number, rows: number, times = 1) => {
    if (bytes <= enough) bytes += times * plainBytes(child, from, rows, (enough - bytes) / times);
  };
  if (type instanceof RunEndEncoded) {
    const [ends, values] = children;
    let run = runAt(ends, start);
    for (let row = start; row < start + length && bytes <= enough; run++) {
      const end = Math.min(start + length, Number(ends.values[run]));
      add(values, run, 1, end - row);
      row = end;
    }
  } else if (isListView(type)) {
    bytes += 8 * length;
    for (let row = start; row < start + length && bytes <= enough; row++) {
      if (isValid(data, row)) add(children[0], Number(data.valueOffsets[row]), Number(data.values[row]));
    }
  } else if (DataType.isDictionary(type)) {
    for (let row = start; row < start + length && bytes <= enough; row++) {
      const [chunk, at] = dictionaryValue(data, row) ?? [undefined, 0];
      bytes += chunk === undefined ? 1 : rowBytes(chunk, at, 1);
    }
  } else {
    addNested(data, start, length, add);
    bytes += 9 * length;
  }
  return bytes;
}

/** Adds the children of a struct, list, map or union for some rows. */
function addNested(
  data: Data,
  start: number,
  length: number,
  add: (child: Data, from: number, rows: number) => void,
): void {
  const { type, children, valueOffsets } = data;
  if (DataType.isFixedSizeList(type)) add(children[0], start * type.listSize, length * type.listSize);
  else if (DataType.isStruct(type) || (DataType.isUnion(type) && valueOffsets === undefined)) {
    for (const child of children) add(child, start, length);
  } else if (DataType.isUnion(type)) {
    for (let row = start; row < start + length; row++) {
      add(children[type.typeIdToChildIndex[data.typeIds[row]]], Number(valueOffsets[row]), 1);
    }
  } else {
    const first = Number(valueOffsets[start]);
    add(children[0], first, Number(valueOffsets[start + length]) - first);
  }
}
