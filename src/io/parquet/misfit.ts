import { type Data, DataType, type Field, type RecordBatch } from "apache-arrow";
import { isValid } from "../columns/layout.js";
import { decoded } from "../schema/cast.js";
import { becomesJson, storedField } from "./elements.js";

/** A value that a Parquet file cannot hold. */
export interface Misfit {
  /** Top-level column. */
  readonly column: string;
  /** Row of the batch, from 0. */
  readonly row: number;
  /** What is wrong with the value, and the cure. */
  readonly reason: string;
}

/**
 * The first value of a batch that `openParquetWriter` would have to refuse, or undefined. Every type has a place in
 * Parquet, see `storedField`, but three kinds of values do not: nulls in a column that is declared without nulls,
 * timestamps in seconds that milliseconds do not hold, and times in seconds outside of a day. A batch without such
 * columns costs nothing.
 */
export function parquetMisfit({ schema, data, numRows }: RecordBatch): Misfit | undefined {
  for (let c = 0; c < schema.fields.length; c++) {
    const field = schema.fields[c];
    if (!mayMisfit(data.children[c], field)) continue;
    const found = misfitIn(data.children[c], field, storedField(field), (row) => (row < numRows ? row : HIDDEN));
    if (found !== undefined) return { column: field.name, ...found };
  }
  return undefined;
}

/** Stands for the row of a value that no row shows: one inside of a null. */
const HIDDEN = -1;

/** The row that shows a value, by the position of the value in its column. */
type RowOf = (at: number) => number;

/** Whether the column, or one inside of it, has values of such a kind, by types and null counts alone. */
function mayMisfit(data: Data, field: Field): boolean {
  const { type } = field;
  if (DataType.isDictionary(type)) {
    const nulls = data.nullCount > 0 || (data.dictionary?.nullCount ?? 0) > 0;
    return (nulls && !field.nullable) || isSeconds(type.dictionary);
  }
  if ((data.nullCount > 0 && !field.nullable && !DataType.isUnion(type)) || isSeconds(type)) return true;
  return ((type.children ?? []) as Field[]).some((child, i) => mayMisfit(data.children[i], child));
}

function isSeconds(type: DataType): boolean {
  return (DataType.isTimestamp(type) || DataType.isTime(type)) && type.unit === 0;
}

function misfitIn(data: Data, field: Field, stored: Field, rowOf: RowOf): Omit<Misfit, "column"> | undefined {
  if (becomesJson(field, stored)) return undefined;
  if (DataType.isDictionary(field.type)) {
    return misfitIn(decoded(data), field.clone({ type: field.type.dictionary }), stored, rowOf);
  }
  for (let at = 0; at < data.length; at++) {
    const row = rowOf(at);
    if (row === HIDDEN) continue;
    const reason = reasonAgainst(data, field, at);
    if (reason !== undefined) return { row, reason };
  }
  const children = (field.type.children ?? []) as Field[];
  if (children.length === 0) return undefined;
  const childRow = rowOfChild(data, rowOf);
  for (let c = 0; c < children.length; c++) {
    const found = misfitIn(data.children[c], children[c], stored.type.children[c], childRow);
    if (found !== undefined) return found;
  }
  return undefined;
}

function reasonAgainst(data: Data, { name, nullable }: Field, at: number): string | undefined {
  const { type, values } = data;
  if (!isValid(data, at)) {
    return nullable
      ? undefined
      : `a null in ${JSON.stringify(name)}, which the input declares as never null: declare it nullable, or leave out --format parquet`;
  }
  if (!isSeconds(type)) return undefined;
  const milliseconds = BigInt(values[at]) * 1000n;
  const bits = DataType.isTime(type) ? 32 : 64;
  if (BigInt.asIntN(bits, milliseconds) === milliseconds) return undefined;
  return `${values[at]} s do not fit the milliseconds of Parquet: leave out --format parquet, or mend the value`;
}

/** For each position in a child, the row that shows it. */
function rowOfChild(data: Data, rowOf: RowOf): RowOf {
  const { type, valueOffsets, length } = data;
  const shown = (at: number) => (at < length && isValid(data, at) ? rowOf(at) : HIDDEN);
  if (DataType.isStruct(type)) return shown;
  if (DataType.isFixedSizeList(type)) return (at) => shown(Math.floor(at / type.listSize));
  const owners = new Int32Array(Number(valueOffsets?.[length] ?? 0)).fill(HIDDEN);
  for (let at = 0; at < length; at++) {
    owners.fill(shown(at), Number(valueOffsets[at]), Number(valueOffsets[at + 1]));
  }
  return (at) => owners[at] ?? HIDDEN;
}
