import {
  type Data,
  DataType,
  type Date_,
  type Decimal,
  type Dictionary,
  type Duration,
  type Field,
  type Map_,
  type RecordBatch,
  type Schema,
  type Struct,
  type Time,
  type Timestamp,
  type Union,
  util,
  type Vector,
} from "apache-arrow";
import { columnBuilder } from "../columns/create-builder.js";
import { dataOf } from "../columns/data-of.js";
import { isValid, isWide, valueBytes } from "../columns/layout.js";
import { nullData } from "../columns/null-data.js";
import { oneRun, runsOf } from "../columns/runs.js";
import { batchOf } from "../columns/take.js";
import { cellText, halfToNumber, isJsonField } from "../jsonl/json-text.js";
import { reasonOf } from "../unreadable.js";

/**
 * Casts a batch to `schema`, which `unifySchemas` made from the batch's schema and others. Columns are matched by name,
 * and a missing column becomes one of nulls. A column that needs no change shares its buffers with `batch`.
 * @throws Error that names the column where a timestamp or duration does not fit the finer unit
 */
export function castBatch(batch: RecordBatch, schema: Schema): RecordBatch {
  const { numRows } = batch;
  const columns = schema.fields.map((field) => {
    const index = batch.schema.fields.findIndex(({ name }) => name === field.name);
    if (index < 0) return nullData(field.type, numRows);
    try {
      return castData(batch.data.children[index], batch.schema.fields[index], field);
    } catch (error) {
      throw new Error(`column ${JSON.stringify(field.name)}: ${reasonOf(error)}`, { cause: error });
    }
  });
  return batchOf(schema, columns, numRows);
}

/** The rows and validity of a column, for a column of other values over the same rows. */
function rowsOf(data: Data) {
  const { offset, length, nullCount, nullBitmap } = data;
  return { offset, length, nullCount, nullBitmap };
}

function castData(data: Data, from: Field, to: Field): Data {
  if (isJsonField(to) && !isJsonField(from)) return jsonData(data, from, to.type);
  const type = to.type;
  if (DataType.isNull(data.type)) return nullData(type, data.length);
  if (DataType.isDictionary(data.type)) {
    return DataType.isDictionary(type) ? castIndices(data, type as Dictionary) : castData(decoded(data), from, to);
  }
  if (DataType.isInt(type) || DataType.isFloat(type)) return castNumbers(data, type);
  if (DataType.isUtf8(type) || DataType.isBinary(type)) return castBytes(data, type);
  if (DataType.isStruct(type)) return castStruct(data, type);
  if (DataType.isMap(type)) return castMap(data, type);
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type))
    return castList(data, type);
  if (DataType.isUnion(type)) return castUnion(data, type as Union);
  if (DataType.isTimestamp(type) || DataType.isDuration(type) || DataType.isTime(type)) return castTimes(data, type);
  if (DataType.isDate(type)) return castDates(data, type);
  if (DataType.isDecimal(type)) return castDecimals(data, type);
  return data;
}

function jsonData(data: Data, from: Field, type: DataType): Data {
  const text = cellText(data, from);
  const valueOffsets = new Int32Array(data.length + 1);
  const parts: Buffer[] = [];
  let size = 0;
  for (let row = 0; row < data.length; row++) {
    if (isValid(data, row)) {
      const bytes = Buffer.from(text(row));
      parts.push(bytes);
      size += bytes.length;
    }
    valueOffsets[row + 1] = size;
  }
  const values = Buffer.concat(parts, size);
  // A union has no bitmap. `cellText` writes its nulls as the JSON text null.
  const rows = DataType.isUnion(data.type) ? { length: data.length, nullCount: 0 } : rowsOf(data);
  if (DataType.isNull(data.type)) return nullData(type, data.length);
  return dataOf({ ...rows, type, valueOffsets, values });
}

function castIndices(data: Data, type: Dictionary): Data {
  const same = data.values instanceof type.indices.ArrayType;
  const values = same ? data.values : converted(data.values, type.indices);
  return dataOf({ ...rowsOf(data), type, values, dictionary: data.dictionary });
}

/**
 * Decodes a dictionary-encoded column to a plain column of the same rows. The dictionary gets one more value, a null,
 * to which the null rows point.
 */
export function decoded(data: Data): Data {
  const { dictionary } = data.type as Dictionary;
  const whole = columnBuilder(dictionary);
  const source = data.dictionary as Vector;
  for (const chunk of source.data) whole.append(chunk, oneRun(0, chunk.length));
  whole.append(nullData(dictionary, 1), oneRun(0, 1));
  const rows = new Uint32Array(data.length);
  for (let row = 0; row < rows.length; row++) rows[row] = isValid(data, row) ? Number(data.values[row]) : source.length;
  const builder = columnBuilder(dictionary);
  builder.append(whole.take(), runsOf(rows));
  return builder.take();
}

function castNumbers(data: Data, type: DataType): Data {
  if (util.compareTypes(data.type, type)) return data;
  const half = DataType.isFloat(data.type) && data.type.precision === 0;
  const values = half ? Array.from(data.values as Uint16Array, halfToNumber) : data.values;
  return dataOf({ ...rowsOf(data), type, values: converted(values, type) });
}

function converted(values: ArrayLike<number | bigint>, type: DataType): ArrayBufferView {
  const target = new (type.ArrayType as new (n: number) => Float64Array | BigInt64Array)(values.length);
  if (isWide(target)) for (let i = 0; i < values.length; i++) target[i] = BigInt(values[i]);
  else for (let i = 0; i < values.length; i++) target[i] = Number(values[i]);
  return target;
}

function castBytes(data: Data, type: DataType): Data {
  if (data.valueOffsets instanceof Int32Array) return data.clone(type);
  const valueOffsets = new Int32Array(data.length + 1);
  let values: Uint8Array;
  if (data.valueOffsets !== undefined) {
    const offsets = data.valueOffsets as unknown as BigInt64Array;
    const start = Number(offsets[0]);
    values = (data.values as Uint8Array).subarray(start, Number(offsets[data.length]));
    if (values.length >= 2 ** 31) throw new Error(`${values.length} bytes in one batch, expected less than 2 GiB`);
    for (let i = 0; i <= data.length; i++) valueOffsets[i] = Number(offsets[i]) - start;
  } else {
    const parts: Uint8Array[] = [];
    for (let row = 0; row < data.length; row++) {
      if (isValid(data, row)) parts.push(valueBytes(data, row));
      valueOffsets[row + 1] = valueOffsets[row] + (isValid(data, row) ? parts[parts.length - 1].length : 0);
    }
    values = Buffer.concat(parts);
  }
  return dataOf({ ...rowsOf(data), type, valueOffsets, values });
}

function castStruct(data: Data, type: Struct): Data {
  const from = data.type.children as Field[];
  const children = type.children.map((field) => {
    const index = from.findIndex(({ name }) => name === field.name);
    return index < 0 ? nullData(field.type, data.length) : castData(data.children[index], from[index], field);
  });
  return dataOf({ ...rowsOf(data), type, children });
}

// Keys and values are matched by position, because writers give them different names.
function castMap(data: Data, type: Map_): Data {
  const entries = data.children[0];
  const to = type.children[0].type as Struct;
  const children = to.children.map((field, i) => castData(entries.children[i], entries.type.children[i], field));
  const child = dataOf({ ...rowsOf(entries), type: to, children });
  return dataOf({ ...rowsOf(data), type, valueOffsets: data.valueOffsets, children: [child] });
}

function castList(data: Data, type: DataType): Data {
  const child = castData(data.children[0], data.type.children[0], type.children[0]);
  const shared = { ...rowsOf(data), type, children: [child] };
  if (DataType.isFixedSizeList(type)) return dataOf(shared);
  let valueOffsets = data.valueOffsets as Int32Array | BigInt64Array;
  if (DataType.isFixedSizeList(data.type)) {
    const { listSize } = data.type;
    valueOffsets = Int32Array.from({ length: data.length + 1 }, (_, i) => i * listSize);
  } else if (DataType.isList(type) && valueOffsets instanceof BigInt64Array) {
    valueOffsets = Int32Array.from(valueOffsets, Number);
  }
  return dataOf({ ...shared, valueOffsets });
}

function castUnion(data: Data, type: Union): Data {
  const children = data.children.map((child, i) => castData(child, data.type.children[i], type.children[i]));
  const { length, typeIds, valueOffsets } = data;
  return dataOf({ type, length, nullCount: 0, typeIds, children, valueOffsets });
}

function castTimes(data: Data, type: Time | Timestamp | Duration): Data {
  const from = (data.type as typeof type).unit;
  if (from === type.unit) return data.clone(type);
  const factor = 1000n ** BigInt(Math.max(0, type.unit - from));
  const divisor = 1000n ** BigInt(Math.max(0, from - type.unit));
  const values = new (type.ArrayType as new (n: number) => Int32Array | BigInt64Array)(data.length);
  for (let row = 0; row < data.length; row++) {
    if (!isValid(data, row)) continue;
    const value = (BigInt(data.values[row]) * factor) / divisor;
    // Coarser units are only asked for where the values are known to be whole.
    const exact = value * divisor === BigInt(data.values[row]) * factor;
    if (!exact || BigInt.asIntN(64, value) !== value)
      throw new Error(
        `${data.values[row]} of ${data.type} does not fit ${type}, the type of all inputs: cast this column to one type in all of them`,
      );
    if (isWide(values)) values[row] = value;
    else values[row] = Number(value);
  }
  return dataOf({ ...rowsOf(data), type, values });
}

function castDates(data: Data, type: Date_): Data {
  if ((data.type as Date_).unit === type.unit) return data;
  const values = BigInt64Array.from(data.values as Int32Array, (days) => BigInt(days) * 86_400_000n);
  return dataOf({ ...rowsOf(data), type, values });
}

function castDecimals(data: Data, type: Decimal): Data {
  const { stride } = data;
  const words = type.bitWidth >> 5;
  if (stride === words) return data.clone(type);
  const values = new Uint32Array(data.length * words);
  for (let row = 0; row < data.length; row++) {
    const sign = data.values[(row + 1) * stride - 1] >> 31;
    for (let w = 0; w < words; w++) values[row * words + w] = w < stride ? data.values[row * stride + w] : sign;
  }
  return dataOf({ ...rowsOf(data), type, values });
}
