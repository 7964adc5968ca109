import { type Data, DataType, type RecordBatch, type Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { bitAt } from "../columns/bits.js";
import { isValid } from "../columns/layout.js";
import { isStringType, stringReader, valueType } from "../columns/strings.js";
import { decimalText, halfToNumber, isJsonField, wordsAt } from "../jsonl/json-text.js";
import { RawNumber } from "../jsonl/numbers.js";
import { type CellReader, cellReader, dictionaryReader, type Leaf } from "./cells.js";
import { type ColumnPath, type ColumnWay, resolveColumns } from "./column-paths.js";
import { brief } from "./field-list.js";

/**
 * Finds the column whose values order the rows.
 * @throws InputError where it is missing or of a type without an order, as lists are
 */
export function resolveOrderColumn(schema: Schema, name: string, source: string): ColumnPath {
  const [{ ways }] = resolveColumns(schema, [name], source);
  const [first, ...others] = ways.map(orderWay);
  if (first !== undefined) return { name, ways: [first, ...others.filter((way) => way !== undefined)] };
  const found = takesAll(ways[0]) ? "all elements of a list" : brief(ways[0].field.type);
  throw new InputError(
    `${source}: field ${JSON.stringify(name)} is ${found}, which has no order; expected numbers, strings or times`,
  );
}

function takesAll({ steps }: ColumnWay): boolean {
  return steps.some(({ kind }) => kind === "all");
}

/** The way down to values that have an order; undefined where there are none. */
function orderWay(way: ColumnWay): ColumnWay | undefined {
  const last = way.steps.at(-1)?.kind;
  if (takesAll(way)) return undefined;
  if (last === "json" || last === "none") return way;
  if (isJsonField(way.field)) return { ...way, steps: [...way.steps, { kind: "json", steps: [] }] };
  return opener(valueType(way.field.type)) === undefined ? undefined : way;
}

/**
 * The values that order the rows of a batch: numbers, bigints, strings, booleans or null, one a row. Dates, timestamps,
 * times and durations of any unit become bigint nanoseconds. A decimal with a fraction becomes the nearest float64.
 */
export function orderValues(batch: RecordBatch, { ways }: ColumnPath): unknown[] {
  const readers = ways.map((way) => cellReader(batch, way, ORDER));
  return Array.from({ length: batch.numRows }, (_, row) => {
    let value: unknown = null;
    for (let i = 0; i < readers.length && value === null; i++) value = readers[i](row);
    return value;
  });
}

/** A JSON value for the order of rows. Objects and lists have no order and become null. */
export function scalar(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value ?? null;
  return value instanceof RawNumber ? value.value : null;
}

const ORDER: Leaf<unknown> = { column: orderReader, value: scalar, join: (before) => before };

function orderReader(data: Data): CellReader<unknown> {
  const read = DataType.isDictionary(data.type) ? dictionaryReader(data, orderReader) : opener(data.type)?.(data);
  if (read === undefined) throw new Error(`values of ${data.type} have no order`);
  return (row) => (isValid(data, row) ? read(row) : null);
}

const NANOSECONDS_A_DAY = 86_400_000_000_000n;

/** Opens a column of this type for reading; undefined for a type without an order. The rows must not be null. */
function opener(type: DataType): ((data: Data) => CellReader<unknown>) | undefined {
  const times = (unit: bigint) => (data: Data) => (row: number) => BigInt(data.values[row]) * unit;
  if (DataType.isNull(type)) return () => () => null;
  if (isStringType(type)) return stringReader;
  if (DataType.isBool(type)) {
    return ({ values, offset }) =>
      (row) =>
        bitAt(values, offset + row);
  }
  if (DataType.isFloat(type) && type.precision === 0) {
    return ({ values }) =>
      (row) =>
        halfToNumber(values[row]);
  }
  if (DataType.isInt(type) || DataType.isFloat(type)) {
    return ({ values }) =>
      (row) =>
        values[row];
  }
  if (DataType.isDecimal(type)) {
    const { scale } = type;
    const number = scale <= 0 ? BigInt : Number;
    return (data) => (row) => number(decimalText(wordsAt(data, row), scale));
  }
  if (DataType.isDate(type)) return times(type.unit === 0 ? NANOSECONDS_A_DAY : 1_000_000n);
  if (DataType.isTimestamp(type) || DataType.isTime(type) || DataType.isDuration(type)) {
    return times(1000n ** BigInt(3 - type.unit));
  }
  return undefined;
}
