import { type Data, DataType, type Field, Precision, type RecordBatch, type Schema } from "apache-arrow";
import { FailedRunError } from "../../errors.js";
import { dataOf } from "../columns/data-of.js";
import { nullData } from "../columns/null-data.js";
import { batchOf } from "../columns/take.js";
import { isJsonField } from "./json-text.js";
import { RawNumber } from "./numbers.js";
import { jsonValueText } from "./value-text.js";

const UTF8 = new TextEncoder();

/**
 * Builds the columns of `schema` from parsed records: rows in, columns out. A field that a record lacks is null.
 * @throws Error as `buildColumn` does
 */
export function buildRecordBatch(schema: Schema, records: readonly object[]): RecordBatch {
  return batchOf(schema, buildChildren(schema.fields, records), records.length);
}

/**
 * Builds one column from the first `n` of `values`, writing directly into Arrow's buffers. The values are those of
 * `parseJson`; null and undefined become null. A cast happens only where it is exact: integers to float64, anything to
 * JSON text. The result owns its buffers.
 * @throws Error for a value that the field cannot hold: the field was inferred from every value, so the input has
 * changed since
 */
export function buildColumn(field: Field, values: readonly unknown[], n = values.length): Data {
  const { type } = field;
  const { nullBitmap, nullCount } = validity(values, n);
  // Any type may come here, also one that no JSON value has: under the schema of several files, a file may lack the
  // column.
  if (nullCount === n) return nullData(type, n);
  const rows = { type, length: n, nullCount, nullBitmap };
  if (isJsonField(field)) return dataOf({ ...rows, ...encode(field, jsonTexts(values, n), n) });
  if (DataType.isUtf8(type) || DataType.isBinary(type)) return dataOf({ ...rows, ...encode(field, values, n) });
  if (DataType.isBool(type)) return dataOf({ ...rows, values: bits(field, values, n) });
  if (DataType.isInt(type)) return dataOf({ ...rows, values: integers(field, values, n) });
  if (DataType.isFloat(type) && type.precision !== Precision.HALF)
    return dataOf({ ...rows, values: floats(field, values, n) });
  if (DataType.isList(type)) {
    const { valueOffsets, flat } = flatten(field, values, n);
    return dataOf({ ...rows, valueOffsets, children: [buildColumn(type.children[0], flat)] });
  }
  if (DataType.isStruct(type)) {
    for (let i = 0; i < n; i++) if (!isObjectOrNull(values[i])) throw misfit(field, values[i]);
    return dataOf({ ...rows, children: buildChildren(type.children, values, n) });
  }
  throw misfit(
    field,
    values.find((value) => value !== null && value !== undefined),
  );
}

function buildChildren(fields: readonly Field[], objects: readonly unknown[], n = objects.length): Data[] {
  const columns = transpose(fields, objects, n);
  return fields.map((field, i) => (columns[i] ? buildColumn(field, columns[i], n) : nullData(field.type, n)));
}

/**
 * The values of each field; undefined for a field that no object has, and fields outside `fields` are skipped. The loop
 * goes by rows, so that its time grows with the values and not with rows × columns: sparse records may have thousands
 * of columns.
 */
function transpose(fields: readonly Field[], objects: readonly unknown[], n: number): (unknown[] | undefined)[] {
  const names = fields.map(({ name }) => name);
  const positions = new Map(names.map((name, i) => [name, i]));
  const columns = new Array<unknown[] | undefined>(fields.length);
  for (let row = 0; row < n; row++) {
    const object = objects[row] as Record<string, unknown> | null | undefined;
    let expected = 0;
    for (const name in object) {
      // Records of one producer have their fields in the same order, so that most fields need no look-up.
      const position = names[expected] === name ? expected : positions.get(name);
      if (position === undefined) continue;
      let values = columns[position];
      if (values === undefined) columns[position] = values = new Array<unknown>(n);
      values[row] = object[name];
      expected = position + 1;
    }
  }
  return columns;
}

function validity(values: readonly unknown[], n: number): { nullBitmap?: Uint8Array; nullCount: number } {
  let nullBitmap: Uint8Array | undefined;
  let nullCount = 0;
  for (let i = 0; i < n; i++) {
    if (values[i] !== null && values[i] !== undefined) continue;
    nullBitmap ??= new Uint8Array((n + 7) >> 3).fill(0xff);
    nullBitmap[i >> 3] &= ~(1 << (i & 7));
    nullCount++;
  }
  // Bits past the end are zero, so that equal columns are equal bytes.
  if (nullBitmap && (n & 7) !== 0) nullBitmap[nullBitmap.length - 1] &= (1 << (n & 7)) - 1;
  return { nullBitmap, nullCount };
}

function bits(field: Field, values: readonly unknown[], n: number): Uint8Array {
  const data = new Uint8Array((n + 7) >> 3);
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (value === true) data[i >> 3] |= 1 << (i & 7);
    else if (value !== false && value !== null && value !== undefined) throw misfit(field, value);
  }
  return data;
}

function integers(field: Field, values: readonly unknown[], n: number) {
  const data = new field.type.ArrayType(n);
  const wide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  // A 64-bit value is written as two 32-bit halves, low half first: a bigint for each value would cost ten times as
  // much.
  const halves = wide ? new Int32Array(data.buffer) : undefined;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (value === null || value === undefined) continue;
    if (typeof value === "number" && Number.isSafeInteger(value) && !(value < 0 && data instanceof BigUint64Array)) {
      if (halves) {
        halves[2 * i] = value;
        halves[2 * i + 1] = Math.floor(value / 4294967296);
        continue;
      }
      data[i] = value;
      if (data[i] === value) continue;
    } else if (typeof value === "bigint" && wide) {
      data[i] = value;
      if (data[i] === value) continue;
    }
    throw misfit(field, value);
  }
  return data;
}

function floats(field: Field, values: readonly unknown[], n: number) {
  const data = new field.type.ArrayType(n);
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (value === null || value === undefined) continue;
    let number = Number.NaN;
    if (typeof value === "number") number = value;
    else if (value instanceof RawNumber && value.fits) number = value.value;
    else if (typeof value === "bigint" && BigInt(Number(value)) === value) number = Number(value);
    data[i] = number;
    // The two differ where the value was no number, or where float32 rounds it.
    if (data[i] !== number && !Number.isNaN(value)) throw misfit(field, value);
  }
  return data;
}

function jsonTexts(values: readonly unknown[], n: number): (string | null)[] {
  const texts = new Array<string | null>(n);
  for (let i = 0; i < n; i++)
    texts[i] = values[i] === null || values[i] === undefined ? null : jsonValueText(values[i]);
  return texts;
}

/** Encodes strings as UTF-8 in one pass, into a buffer that doubles when full. */
function encode(field: Field, values: readonly unknown[], n: number): { valueOffsets: Int32Array; values: Uint8Array } {
  const valueOffsets = new Int32Array(n + 1);
  let data = new Uint8Array(1024);
  let end = 0;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (typeof value === "string") {
      // A UTF-16 unit takes at most three bytes of UTF-8: a surrogate pair, two units, takes four.
      const needed = end + 3 * value.length;
      if (needed > data.length) {
        const grown = new Uint8Array(Math.max(needed, 2 * data.length));
        grown.set(data.subarray(0, end));
        data = grown;
      }
      end += UTF8.encodeInto(value, data.subarray(end)).written;
    } else if (value !== null && value !== undefined) throw misfit(field, value);
    valueOffsets[i + 1] = end;
  }
  // The column may be kept between the passes, so spare room of more than a quarter is given up.
  return { valueOffsets, values: 4 * end < 3 * data.length ? data.slice(0, end) : data.subarray(0, end) };
}

function flatten(field: Field, values: readonly unknown[], n: number): { valueOffsets: Int32Array; flat: unknown[] } {
  const valueOffsets = new Int32Array(n + 1);
  const flat: unknown[] = [];
  for (let i = 0; i < n; i++) {
    const list = values[i];
    if (Array.isArray(list)) for (let j = 0; j < list.length; j++) flat.push(list[j]);
    else if (list !== null && list !== undefined) throw misfit(field, list);
    valueOffsets[i + 1] = flat.length;
  }
  return { valueOffsets, flat };
}

function isObjectOrNull(value: unknown): boolean {
  return value === undefined || (typeof value === "object" && !Array.isArray(value) && !(value instanceof RawNumber));
}

function misfit(field: Field, value: unknown): Error {
  const text = jsonValueText(value);
  return new FailedRunError(
    `the input changed during the run: field ${JSON.stringify(field.name)} holds ${text.slice(0, 100)}, ` +
      `expected ${field.type} as when it was first read; start again`,
  );
}
