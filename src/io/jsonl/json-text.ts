import { type Data, DataType, type Field, type RecordBatch, type Union, type Vector } from "apache-arrow";
import { bitAt } from "../columns/bits.js";
import { bytesOf, isValid, valueBytes } from "../columns/layout.js";
import { isStringType, isUtf8Value, stringReader } from "../columns/strings.js";
import { isUuidField, uuidText } from "../schema/extension.js";
import { dateText, durationText, intervalText, timestampText, timeText } from "./time.js";

/** Field metadata key that marks a Utf8 column of JSON texts: for mixed types, and types that could not be unified. */
export const JSON_KEY = "bge-dedup:json";

/** True for a column of JSON texts. */
export function isJsonField(field: Field): boolean {
  return field.metadata.get(JSON_KEY) === "true";
}

/** Returns the JSON text of a row; "null" for a null. */
export type CellText = (row: number) => string;

/**
 * A writer of the rows of a batch as JSON: an object with every column in order, without a line break.
 *
 * The text is exact where JSON allows it: integers and decimals with all their digits, floats as the shortest text that
 * reads back to the same value, dates and times as ISO 8601 with the unit's full precision (Z for timestamps with a
 * time zone), binary as base64, UUIDs in their canonical form, maps with string keys as objects and others as [key, value] pairs. JSON has no NaN and
 * no infinity: they become the strings "NaN", "Infinity" and "-Infinity", as in the JSON mapping of protocol buffers.
 * Strings that are not UTF-8 become base64.
 */
export function rowText(batch: RecordBatch): CellText {
  return objectText(batch.schema.fields, batch.data.children);
}

/** The JSON text of each row of one column. */
export function cellText(data: Data, field: Field): CellText {
  const text = valueText(data, field);
  if (DataType.isUnion(data.type)) return text;
  if (DataType.isNull(data.type)) return () => "null";
  if (data.nullCount === 0) return text;
  return (row) => (isValid(data, row) ? text(row) : "null");
}

function objectText(fields: readonly Field[], children: readonly Data[]): CellText {
  const keys = fields.map((field, i) => `${i === 0 ? "{" : ","}${JSON.stringify(field.name)}:`);
  const cells = fields.map((field, i) => cellText(children[i], field));
  if (cells.length === 0) return () => "{}";
  return (row) => {
    let text = "";
    for (let i = 0; i < cells.length; i++) text += keys[i] + cells[i](row);
    return `${text}}`;
  };
}

// Writes rows that are known to hold a value.
function valueText(data: Data, field: Field): CellText {
  const { type, values } = data;
  if (DataType.isDictionary(type)) return dictionaryText(data, field);
  if (isStringType(type)) return stringText(data, isJsonField(field));
  if (DataType.isBool(type)) return (row) => (bitAt(values, data.offset + row) ? "true" : "false");
  if (DataType.isInt(type)) return (row) => String(values[row]);
  if (DataType.isFloat(type)) return floatText(values, type.precision);
  if (DataType.isDecimal(type)) return (row) => decimalText(wordsAt(data, row), type.scale);
  if (DataType.isDate(type)) {
    if (type.unit === 0) return (row) => `"${dateText(values[row])}"`;
    return (row) => `"${dateMillisecondText(BigInt(values[row]))}"`;
  }
  if (DataType.isTime(type)) return (row) => `"${timeText(BigInt(values[row]), type.unit)}"`;
  if (DataType.isTimestamp(type)) {
    const utc = Boolean(type.timezone);
    return (row) => `"${timestampText(values[row], type.unit, utc)}"`;
  }
  if (DataType.isDuration(type)) return (row) => `"${durationText(values[row], type.unit)}"`;
  if (DataType.isInterval(type)) return (row) => `"${intervalAt(data, row)}"`;
  if (DataType.isStruct(type)) return objectText(type.children, data.children);
  if (DataType.isMap(type)) return mapText(data);
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)) return listText(data);
  if (DataType.isUnion(type)) return unionText(data);
  if (isUuidField({ type, metadata: field.metadata })) return (row) => `"${uuidText(valueBytes(data, row))}"`;
  return (row) => `"${base64(valueBytes(data, row))}"`;
}

function stringText(data: Data, json: boolean): CellText {
  const read = stringReader(data);
  if (json) return (row) => read(row).replaceAll(/[\r\n]/g, " ");
  return (row) => {
    const text = read(row);
    // Decoding puts U+FFFD in place of invalid bytes, so only a text with U+FFFD needs the exact test.
    if (text.includes("\ufffd") && !isUtf8Value(data, row)) return `"${base64(valueBytes(data, row))}"`;
    return JSON.stringify(text);
  };
}

function floatText(values: ArrayLike<number>, precision: number): CellText {
  const read = precision === 0 ? (row: number) => halfToNumber(values[row]) : (row: number) => values[row];
  const shortest = precision === 1 ? singleText : String;
  return (row) => {
    const value = read(row);
    if (!Number.isFinite(value)) return `"${value}"`;
    return Object.is(value, -0) ? "-0" : shortest(value);
  };
}

/** The shortest decimal that float32 reads back as `value`: 6 digits always survive a float32, 9 always identify it. */
function singleText(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(9)));
}

/** The value of an IEEE 754 half: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction. Exact. */
export function halfToNumber(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits >> 15 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The unscaled integer of a decimal in row `row`: two's complement of any width, in 32-bit words, the lowest first. */
export function wordsAt(data: Data, row: number): bigint {
  const { stride } = data;
  const words = data.values as Uint32Array;
  let value = 0n;
  for (let i = stride - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[row * stride + i]);
  return BigInt.asIntN(stride * 32, value);
}

/** The exact decimal text of unscaled × 10^-scale: 12345 with scale 2 is 123.45. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function dateMillisecondText(value: bigint): string {
  return value % 86_400_000n === 0n ? dateText(Number(value / 86_400_000n)) : timestampText(value, 1, false);
}

function intervalAt(data: Data, row: number): string {
  const bytes = bytesOf(data.values);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const unit = (data.type as { unit?: number }).unit;
  if (unit === 0) return intervalText(view.getInt32(row * 4, true), 0, 0n, 0);
  if (unit === 1) return intervalText(0, view.getInt32(row * 8, true), BigInt(view.getInt32(row * 8 + 4, true)), 1);
  return intervalText(
    view.getInt32(row * 16, true),
    view.getInt32(row * 16 + 4, true),
    view.getBigInt64(row * 16 + 8, true),
    3,
  );
}

function dictionaryText(data: Data, field: Field): CellText {
  const dictionary = data.dictionary as Vector;
  const cells = dictionary.data.map((chunk) => cellText(chunk, field));
  const texts: string[] = [];
  return (row) => {
    const index = Number(data.values[row]);
    if (texts[index] === undefined) {
      let chunk = 0;
      let at = index;
      while (at >= dictionary.data[chunk].length) at -= dictionary.data[chunk++].length;
      texts[index] = cells[chunk](at);
    }
    return texts[index];
  };
}

function listText(data: Data): CellText {
  const item = cellText(data.children[0], data.type.children[0]);
  const offsets = data.valueOffsets;
  const size = (data.type as { listSize?: number }).listSize ?? 0;
  return (row) => {
    const start = offsets === undefined ? row * size : Number(offsets[row]);
    const end = offsets === undefined ? start + size : Number(offsets[row + 1]);
    let text = "[";
    for (let i = start; i < end; i++) text += i === start ? item(i) : `,${item(i)}`;
    return `${text}]`;
  };
}

function mapText(data: Data): CellText {
  const entries = data.children[0];
  const [keyField, valueField] = entries.type.children as Field[];
  const key = cellText(entries.children[0], keyField);
  const value = cellText(entries.children[1], valueField);
  const named = isStringType(keyField.type);
  const offsets = data.valueOffsets;
  return (row) => {
    const parts: string[] = [];
    for (let i = Number(offsets[row]); i < Number(offsets[row + 1]); i++) {
      parts.push(named ? `${key(i)}:${value(i)}` : `[${key(i)},${value(i)}]`);
    }
    return named ? `{${parts.join()}}` : `[${parts.join()}]`;
  };
}

function unionText(data: Data): CellText {
  const { typeIds, valueOffsets } = data;
  const { children, typeIdToChildIndex } = data.type as Union;
  const cells = data.children.map((child, c) => cellText(child, children[c]));
  return (row) => {
    const child = typeIdToChildIndex[typeIds[row]];
    return cells[child](valueOffsets === undefined ? row : Number(valueOffsets[row]));
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
