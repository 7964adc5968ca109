import { type Data, DataType, type Field, type RecordBatch, type Schema, type Vector } from "apache-arrow";
import { InputError } from "../../errors.js";
import { bitAt } from "../columns/bits.js";
import { isValid } from "../columns/layout.js";
import { isStringType, isUtf8Column, isUtf8Value, stringReader } from "../columns/strings.js";
import { decimalText, halfToNumber, wordsAt } from "../jsonl/json-text.js";
import { fieldPath } from "./text-fields.js";

/** The place of a column in a schema: an index for each level of structs. */
export interface ColumnPath {
  /** As the user gave it. */
  readonly name: string;
  readonly indices: readonly number[];
  /**
   * Set where a dotted name is both the name of a column and a path into structs: the indices of that path. A row takes
   * its value from the path where the column of that name is null.
   */
  readonly nested?: readonly number[];
}

/** The texts of a batch, and the faults of its rejected rows. */
export interface BatchTexts {
  /** One entry a row; null where there is a fault. */
  readonly texts: (string | null)[];
  /** Row to reason, lower case. */
  readonly faults: ReadonlyMap<number, string>;
}

/**
 * Finds columns by name or dotted path. A column of exactly that name comes first; else each dot steps into a struct.
 * `valueAt` follows the same rule for JSON records.
 * @throws InputError that names `source` and lists the fields there are, where one is missing.
 */
export function resolveColumns(schema: Schema, names: readonly string[], source: string): ColumnPath[] {
  return names.map((name) => {
    const { keys } = fieldPath(name);
    const exact = schema.fields.findIndex((field) => field.name === name);
    const nested = keys.length > 1 || exact < 0 ? findNested(schema.fields, keys) : undefined;
    if (exact >= 0) return nested === undefined ? { name, indices: [exact] } : { name, indices: [exact], nested };
    if (nested !== undefined) return { name, indices: nested };
    throw new InputError(`${source}: no field ${JSON.stringify(name)}; the fields are ${fieldList(schema)}`);
  });
}

/**
 * Finds the columns of the text fields.
 * @throws InputError where one is missing or holds no strings (a column of nulls may pass: every row is then rejected).
 */
export function resolveTextColumns(schema: Schema, names: readonly string[], source: string): ColumnPath[] {
  const paths = resolveColumns(schema, names, source).map((path) =>
    path.nested !== undefined && !isStringType(fieldAt(schema, path.nested).type)
      ? { ...path, nested: undefined }
      : path,
  );
  for (const path of paths) {
    const { type } = fieldAt(schema, path.indices);
    if (isStringType(type) || DataType.isNull(type)) continue;
    const found = `text field ${JSON.stringify(path.name)} is ${type}, expected a string`;
    throw new InputError(`${source}: ${found}; the fields are ${fieldList(schema)}`);
  }
  return paths;
}

/** True where the schema has every text field. An input with vectors of its own may lack them. */
export function hasColumns(schema: Schema, names: readonly string[]): boolean {
  return names.every(
    (name) =>
      schema.fields.some((field) => field.name === name) ||
      findNested(schema.fields, fieldPath(name).keys) !== undefined,
  );
}

/** The field at a path. */
export function fieldAt(schema: Schema, indices: readonly number[]): Field {
  let field = schema.fields[indices[0]];
  for (let i = 1; i < indices.length; i++) field = field.type.children[indices[i]];
  return field;
}

function findNested(fields: readonly Field[], keys: readonly string[]): number[] | undefined {
  const indices: number[] = [];
  let level = fields;
  for (const key of keys) {
    const index = level.findIndex((field) => field.name === key);
    if (index < 0) return undefined;
    indices.push(index);
    const { type } = level[index];
    level = DataType.isStruct(type) ? type.children : [];
  }
  return indices;
}

// Fields listed in an error.
const LISTED = 20;

/** The fields of a schema for an error, the first 20 of them. */
export function fieldList({ fields }: Schema): string {
  if (fields.length === 0) return "none";
  const listed = fields.slice(0, LISTED).map(({ name, type }) => `${JSON.stringify(name)} (${type})`);
  return listed.join(", ") + (fields.length > LISTED ? ` and ${fields.length - LISTED} more` : "");
}

/**
 * The text of each row: the strings of all paths, without nulls, joined by newlines. A row without a text has a fault,
 * unless texts are `optional`.
 */
export function batchTexts(batch: RecordBatch, paths: readonly ColumnPath[], optional = false): BatchTexts {
  const faults = new Map<number, string>();
  const texts = new Array<string | null>(batch.numRows).fill(null);
  for (const path of paths) addColumn(batch, path, texts, faults);
  for (let row = 0; row < texts.length; row++) {
    if (faults.has(row)) texts[row] = null;
    else if (texts[row] === null && !optional) faults.set(row, missing(paths));
  }
  return { texts, faults };
}

function addColumn(batch: RecordBatch, path: ColumnPath, texts: (string | null)[], faults: Map<number, string>): void {
  const exact = cellReader(batch, path.indices);
  const nested = path.nested === undefined ? undefined : cellReader(batch, path.nested);
  for (let row = 0; row < texts.length; row++) {
    const text = exact(row) ?? nested?.(row) ?? null;
    if (text === null) continue;
    if (text === INVALID) {
      faults.set(row, `text field ${JSON.stringify(path.name)} is not valid UTF-8`);
      continue;
    }
    const before = texts[row];
    texts[row] = before === null ? text : `${before}\n${text}`;
  }
}

/** Stands for a text whose bytes are not UTF-8. */
const INVALID = Symbol("not UTF-8");

/** Reads the texts of a column; null where there is none. */
function cellReader(batch: RecordBatch, indices: readonly number[]): (row: number) => string | null | typeof INVALID {
  const { data, parents } = columnAt(batch, indices);
  if (DataType.isNull(data.type)) return () => null;
  const invalid = invalidReader(data);
  const read = textReader(data);
  const checked = data.nullCount > 0 || parents.length > 0;
  return (row) => {
    if (checked && !(isValid(data, row) && parents.every((parent) => isValid(parent, row)))) return null;
    const text = read(row);
    return invalid?.(row, text) ? INVALID : text;
  };
}

function missing(paths: readonly ColumnPath[]): string {
  const names = paths.map(({ name }) => JSON.stringify(name)).join(", ");
  return paths.length === 1 ? `text field ${names} is null` : `text fields ${names} are null`;
}

/** The column at a path, and the structs that it lies in. */
export function columnAt(batch: RecordBatch, indices: readonly number[]): { data: Data; parents: Data[] } {
  const parents: Data[] = [];
  let data = batch.data.children[indices[0]];
  for (let i = 1; i < indices.length; i++) {
    parents.push(data);
    data = data.children[indices[i]];
  }
  return { data, parents: parents.filter((parent) => parent.nullCount > 0) };
}

// The strings of each dictionary, decoded once for all batches that share the dictionary.
const decodedTexts = new WeakMap<Vector, string[]>();

function textReader(data: Data): (row: number) => string {
  const { dictionary } = data;
  if (!DataType.isDictionary(data.type) || dictionary === undefined) return stringReader(data);
  let texts = decodedTexts.get(dictionary);
  if (texts === undefined) {
    texts = dictionary.data.flatMap((chunk) => {
      const read = textReader(chunk);
      return Array.from({ length: chunk.length }, (_, i) => (isValid(chunk, i) ? read(i) : ""));
    });
    decodedTexts.set(dictionary, texts);
  }
  const known = texts;
  return (row) => known[Number(data.values[row])];
}

// A test for rows whose bytes are not UTF-8; undefined where all rows are UTF-8. Decoding puts U+FFFD in place of
// invalid bytes, so only a text with U+FFFD needs the exact test.
function invalidReader(data: Data): ((row: number, text: string) => boolean) | undefined {
  if (DataType.isDictionary(data.type)) {
    const chunks = data.dictionary?.data ?? [];
    if (chunks.every((chunk) => isUtf8Column(chunk))) return undefined;
    const bad = new Set<number>();
    let index = 0;
    for (const chunk of chunks)
      for (let i = 0; i < chunk.length; i++, index++) if (!isUtf8Value(chunk, i)) bad.add(index);
    return (row) => bad.has(Number(data.values[row]));
  }
  return isUtf8Column(data) ? undefined : (row, text) => text.includes("\ufffd") && !isUtf8Value(data, row);
}

const NANOSECONDS_A_DAY = 86_400_000_000_000n;

/**
 * The values that order the rows of a batch: numbers, bigints, strings, booleans or null, one a row. Dates, timestamps,
 * times and durations of any unit become bigint nanoseconds. A decimal with a fraction becomes the nearest float64.
 * @throws InputError for a type without an order.
 */
export function orderValues(batch: RecordBatch, path: ColumnPath, source: string): unknown[] {
  const { data, parents } = columnAt(batch, path.indices);
  const read = orderReader(data, path, source);
  return Array.from({ length: batch.numRows }, (_, row) =>
    isValid(data, row) && parents.every((parent) => isValid(parent, row)) ? read(row) : null,
  );
}

function orderReader(data: Data, path: ColumnPath, source: string): (row: number) => unknown {
  const { type, values } = data;
  if (DataType.isNull(type)) return () => null;
  if (isStringType(type)) return textReader(data);
  if (DataType.isBool(type)) return (row) => bitAt(values, data.offset + row);
  if (DataType.isInt(type)) return (row) => values[row];
  if (DataType.isFloat(type)) return type.precision === 0 ? (row) => halfToNumber(values[row]) : (row) => values[row];
  if (DataType.isDecimal(type)) {
    if (type.scale <= 0) return (row) => BigInt(decimalText(wordsAt(data, row), type.scale));
    return (row) => Number(decimalText(wordsAt(data, row), type.scale));
  }
  if (DataType.isDate(type)) {
    const unit = type.unit === 0 ? NANOSECONDS_A_DAY : 1_000_000n;
    return (row) => BigInt(values[row]) * unit;
  }
  if (DataType.isTimestamp(type) || DataType.isTime(type) || DataType.isDuration(type)) {
    const unit = 1000n ** BigInt(3 - type.unit);
    return (row) => BigInt(values[row]) * unit;
  }
  throw new InputError(
    `${source}: field ${JSON.stringify(path.name)} is ${type}, which has no order; expected numbers, strings or times`,
  );
}
