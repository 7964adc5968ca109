import { type FileHandle, open } from "node:fs/promises";
import {
  type Data,
  DataType,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  makeData,
  RecordBatchFileWriter,
  Schema,
  Uint8,
  Uint32,
  Uint64,
} from "apache-arrow";
import { batchOf } from "../columns/take.js";
import { type ArrowTable, openArrowTable } from "./table.js";

/** Numbers of a column. */
export type Numbers = Int32Array | Uint32Array | Float32Array | Float64Array | Uint8Array | BigUint64Array;

/** Columns of numbers by name. A column `NAME:w` has w numbers a row, row after row; all have as many rows. */
export type Columns = Readonly<Record<string, Numbers>>;

/** Key of the schema's metadata that holds the first row of each part, followed by the number of rows. */
const STARTS = "bge-dedup:starts";

/**
 * Writes columns of numbers as an Arrow file, which any reader opens. A table that goes to many tasks of a later stage
 * is written in as many parts, of which `readColumns` reads one.
 * @param parts columns of the same names and types for each part, of which some may have no rows; they stay the caller's
 */
export async function writeColumns(path: string, ...parts: readonly Columns[]): Promise<void> {
  const file = await open(path, "w");
  try {
    await writeColumnsTo(file, ...parts);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Writes what `writeColumns` writes to an open file, which the caller closes. The file need not be durable then. */
export async function writeColumnsTo(file: FileHandle, ...parts: readonly Columns[]): Promise<void> {
  const starts = [0];
  for (const [i, part] of parts.entries()) starts.push(starts[i] + rowsOf(part));
  const fields = Object.entries(parts[0]).map(([name, values]) => new Field(name, typeOf(name, values), false));
  const schema = new Schema(fields, new Map([[STARTS, JSON.stringify(starts)]]));
  const writer = new RecordBatchFileWriter();
  writer.reset(undefined, schema);
  for (const { columns, rows } of batchesOf(parts)) {
    const data = fields.map(({ name, type }) => dataOf(type, columns[name], rows));
    writer.write(batchOf(schema, data, rows));
  }
  writer.finish();
  for await (const chunk of writer) await file.appendFile(chunk);
}

/**
 * Reads columns that `writeColumns` wrote.
 * @param part number of the part to read; all parts if absent
 * @param wanted columns to read; all of them if absent
 * @returns arrays of the caller's, of the types that were written
 * @throws InputError where the file is missing or damaged
 */
export async function readColumns<Kinds extends Columns>(
  path: string,
  part?: number,
  wanted?: readonly (keyof Kinds & string)[],
): Promise<Kinds> {
  const table = await openArrowTable(path);
  try {
    const starts = startsOf(table);
    const [first, end] = part === undefined ? [0, table.rows] : [starts[part], starts[part + 1]];
    return await readRange(table, first, end, wanted);
  } finally {
    await table.close();
  }
}

/** Reads all parts of a table, one after the other. @returns as `readColumns`, for each part @throws as `readColumns` */
export async function* readParts<Kinds extends Columns>(path: string): AsyncGenerator<Kinds> {
  const table = await openArrowTable(path);
  try {
    const starts = startsOf(table);
    for (let part = 0; part + 1 < starts.length; part++) yield await readRange(table, starts[part], starts[part + 1]);
  } finally {
    await table.close();
  }
}

/** Reads the rows [first, end) of a table, whatever its parts. @returns as `readColumns` @throws as `readColumns` */
export async function readRows<Kinds extends Columns>(path: string, first: number, end: number): Promise<Kinds> {
  const table = await openArrowTable(path);
  try {
    return await readRange(table, first, end);
  } finally {
    await table.close();
  }
}

function startsOf({ schema }: ArrowTable): readonly number[] {
  return JSON.parse(schema.metadata.get(STARTS) ?? "[]") as number[];
}

/** Reads the wanted columns, or all, of the rows [first, end). */
async function readRange<Kinds extends Columns>(
  table: ArrowTable,
  first: number,
  end: number,
  wanted?: readonly string[],
): Promise<Kinds> {
  const fields = table.schema.fields.filter(({ name }) => wanted?.includes(name) ?? true);
  const columns: Record<string, Numbers> = {};
  for (const { name, type } of fields) columns[name] = emptyOf(type, (end - first) * widthOf(name));
  const names = fields.map(({ name }) => name);
  for await (const { first: at, batch } of table.scan(names, first, end)) {
    for (const [c, { name }] of fields.entries()) {
      const data = batch.data.children[c];
      const width = widthOf(name);
      const { values } = width > 1 ? data.children[0] : data;
      // A column of one type cannot hold another one, so the arrays fit.
      (columns[name] as Uint32Array).set(values.subarray(0, batch.numRows * width), (at - first) * width);
    }
  }
  return columns as Kinds;
}

/**
 * Rows from which on a batch is written. Whoever opens a file reads the headers of all of its batches, so that small parts
 * share one: of 1,024 parts of 100 rows a batch each, it took 0.27 s of processor time to read one part.
 */
const BATCH_ROWS = 1 << 20;

/** The parts in order, small ones together; parts without rows are left out. */
function* batchesOf(parts: readonly Columns[]): Generator<{ readonly columns: Columns; readonly rows: number }> {
  let some: Columns[] = [];
  let rows = 0;
  for (const part of parts) {
    const count = rowsOf(part);
    for (const [name, values] of Object.entries(part)) requireLength(values, count * widthOf(name));
    if (count > 0) some.push(part);
    rows += count;
    if (rows < BATCH_ROWS) continue;
    yield { columns: concatenated(some), rows };
    some = [];
    rows = 0;
  }
  if (rows > 0) yield { columns: concatenated(some), rows };
}

function concatenated(parts: readonly Columns[]): Columns {
  if (parts.length === 1) return parts[0];
  const columns: Record<string, Numbers> = {};
  for (const [name, values] of Object.entries(parts[0])) {
    const Kind = values.constructor as new (length: number) => Uint32Array;
    const whole = new Kind(parts.reduce((length, part) => length + part[name].length, 0));
    let at = 0;
    for (const part of parts) {
      // A column has the same type in all parts.
      whole.set(part[name] as Uint32Array, at);
      at += part[name].length;
    }
    columns[name] = whole;
  }
  return columns;
}

/** Numbers of a row in a column of this name. */
function widthOf(name: string): number {
  const [, width = "1"] = name.split(":");
  return Number(width);
}

function rowsOf(columns: Columns): number {
  const [name, values] = Object.entries(columns)[0];
  return values.length / widthOf(name);
}

function typeOf(name: string, values: Numbers): DataType {
  const width = widthOf(name);
  const item = numberType(values);
  return width === 1 ? item : new FixedSizeList(width, new Field("item", item, false));
}

function numberType(values: Numbers): DataType {
  if (values instanceof Int32Array) return new Int32();
  if (values instanceof Uint32Array) return new Uint32();
  if (values instanceof Float32Array) return new Float32();
  if (values instanceof Float64Array) return new Float64();
  return values instanceof Uint8Array ? new Uint8() : new Uint64();
}

function emptyOf(type: DataType, length: number): Numbers {
  const item = DataType.isFixedSizeList(type) ? type.children[0].type : type;
  return new (item.ArrayType as new (length: number) => Numbers)(length);
}

/** @throws Error where a column has not as many rows as the others */
function requireLength({ length }: Numbers, expected: number): void {
  if (length !== expected) throw new Error(`a column has ${length} numbers, expected ${expected}`);
}

function dataOf(type: DataType, values: Numbers, length: number): Data {
  if (!DataType.isFixedSizeList(type)) return makeData({ type, length, nullCount: 0, data: values } as never);
  const child = makeData({ type: type.children[0].type, length: values.length, nullCount: 0, data: values } as never);
  return makeData({ type, length, nullCount: 0, child } as never);
}
