import { type Data, DataType, type Field } from "apache-arrow";
import { bitAt } from "../columns/bits.js";
import { isValid, valueBytes } from "../columns/layout.js";
import { cellText, halfToNumber, wordsAt } from "../jsonl/json-text.js";
import { decoded } from "../schema/cast.js";
import { becomesJson } from "./elements.js";

/** Reads the value of a row. */
type Cell = (row: number) => unknown;

/**
 * The values of a column as hyparquet-writer takes them, an array that the caller owns:
 *
 * | Arrow | value |
 * |---|---|
 * | booleans | boolean |
 * | integers, floats | number; bigint for integers of 64 bits |
 * | timestamps, durations | bigint |
 * | decimals | bigint, unscaled |
 * | strings, bytes | Uint8Array; strings are not decoded |
 * | lists, structs | array, object |
 * | maps | array of {key, value} |
 * | a null of any type | null |
 * @param field the field of `data`
 * @param stored the field that `storedField` made of it
 */
export function parquetColumn(data: Data, field: Field, stored: Field): ArrayLike<unknown> {
  const cell = cellOf(data, field, stored);
  const values = new Array<unknown>(data.length);
  for (let row = 0; row < values.length; row++) values[row] = cell(row);
  return values;
}

function cellOf(data: Data, field: Field, stored: Field): Cell {
  if (becomesJson(field, stored)) {
    const text = cellText(data, field);
    const union = DataType.isUnion(field.type);
    return (row) => (union || isValid(data, row) ? Buffer.from(text(row)) : null);
  }
  const { type } = field;
  if (DataType.isDictionary(type)) return cellOf(decoded(data), field.clone({ type: type.dictionary }), stored);
  if (DataType.isNull(type)) return () => null;
  const value = presentCell(data, field, stored);
  if (data.nullCount === 0) return value;
  return (row) => (isValid(data, row) ? value(row) : null);
}

function presentCell(data: Data, { type }: Field, stored: Field): Cell {
  const { values } = data;
  if (DataType.isBool(type)) return (row) => bitAt(values, data.offset + row);
  if (DataType.isFloat(type) && type.precision === 0) return (row) => halfToNumber(values[row]);
  if (DataType.isInt(type) || DataType.isFloat(type) || DataType.isDuration(type)) return (row) => values[row];
  if (DataType.isDecimal(type)) {
    const factor = 10n ** BigInt(Math.max(0, -type.scale));
    return (row) => wordsAt(data, row) * factor;
  }
  if (DataType.isTime(type)) {
    if (type.unit === 0) return (row) => values[row] * 1000;
    return (row) => values[row];
  }
  if (DataType.isTimestamp(type)) return type.unit === 0 ? (row) => milliseconds(values[row]) : (row) => values[row];
  if (DataType.isDate(type)) return (row) => values[row];
  if (DataType.isStruct(type)) {
    const names = type.children.map(({ name }) => name);
    const cells = type.children.map((child, i) => cellOf(data.children[i], child, stored.type.children[i]));
    return (row) => {
      const object = Object.create(null) as Record<string, unknown>;
      for (let i = 0; i < cells.length; i++) object[names[i]] = cells[i](row);
      return object;
    };
  }
  if (DataType.isMap(type)) return mapCell(data, type.children[0], stored.type.children[0]);
  if ((type.children ?? []).length > 0) return listCell(data, type.children[0], stored.type.children[0]);
  return (row) => valueBytes(data, row);
}

function listCell(data: Data, item: Field, stored: Field): Cell {
  const cell = cellOf(data.children[0], item, stored);
  const offsets = data.valueOffsets;
  const size = (data.type as { listSize?: number }).listSize ?? 0;
  return (row) => {
    const start = offsets === undefined ? row * size : Number(offsets[row]);
    const length = (offsets === undefined ? start + size : Number(offsets[row + 1])) - start;
    const items = new Array<unknown>(length);
    for (let i = 0; i < length; i++) items[i] = cell(start + i);
    return items;
  };
}

function mapCell(data: Data, entries: Field, stored: Field): Cell {
  const [key, value] = (entries.type.children as Field[]).map((child, i) =>
    cellOf(data.children[0].children[i], child, stored.type.children[i]),
  );
  const offsets = data.valueOffsets;
  return (row) => {
    const items: { key: unknown; value: unknown }[] = [];
    for (let i = Number(offsets[row]); i < Number(offsets[row + 1]); i++) items.push({ key: key(i), value: value(i) });
    return items;
  };
}

function milliseconds(seconds: bigint): bigint {
  const value = seconds * 1000n;
  if (BigInt.asIntN(64, value) !== value) throw new Error(`a timestamp of ${seconds} s does not fit milliseconds`);
  return value;
}

/** Whether a column of floats, at any depth, has the value -0. */
export function holdsNegativeZero({ type, values, children, dictionary }: Data): boolean {
  if (DataType.isDictionary(type)) return dictionary?.data.some(holdsNegativeZero) ?? false;
  if (!DataType.isFloat(type)) return children.some(holdsNegativeZero);
  if (type.precision === 0) return (values as Uint16Array).includes(0x8000);
  return (values as Float64Array).some((value) => Object.is(value, -0));
}
