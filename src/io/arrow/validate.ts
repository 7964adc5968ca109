import {
  type Data,
  DataType,
  type Decimal,
  type Dictionary,
  type Field,
  type RecordBatch,
  type Union,
  type Vector,
} from "apache-arrow";
import { fixedWidth, isValid, VIEW_INLINE, VIEW_WIDTH } from "../columns/layout.js";
import { reasonOf } from "../unreadable.js";
import { isListView, RunEndEncoded } from "./stored-types.js";

/**
 * Checks that every buffer of a batch is long enough for its rows, and that offsets, views, type ids and dictionary
 * indices stay inside the buffers that they point to. So a corrupt file causes an error and never wrong values. The
 * time grows with the number of rows, not with their bytes.
 * @throws Error that names the column
 */
export function validateBatch(batch: RecordBatch): void {
  const { fields } = batch.schema;
  for (let c = 0; c < fields.length; c++) validateColumn(batch.data.children[c], batch.numRows, fields[c].name);
}

/** Checks a column of at least `rows` rows in the same way. @throws Error that names it by `path` */
export function validateColumn(data: Data | undefined, rows: number, path: string): asserts data is Data {
  try {
    if (data === undefined) throw new Error("no data");
    if (data.length < rows) throw new Error(`${data.length} rows, expected ${rows}`);
    validateData(data);
  } catch (error) {
    throw new Error(`column ${JSON.stringify(path)} is corrupt: ${reasonOf(error)}`);
  }
  // The children of a dictionary type are those of its values.
  if (DataType.isDictionary(data.type)) return;
  for (const [c, child] of ((data.type.children ?? []) as Field[]).entries()) {
    validateColumn(data.children[c], childRows(data), `${path}.${child.name}`);
  }
}

// The least number of rows that a child must have. In a dense union each position is checked on its own instead.
function childRows(data: Data): number {
  const { type, length } = data;
  if (type instanceof RunEndEncoded || isListView(type)) return 0;
  if (DataType.isStruct(type)) return length;
  if (DataType.isFixedSizeList(type)) return length * type.listSize;
  if (DataType.isUnion(type)) return data.valueOffsets === undefined ? length : 0;
  return Number(data.valueOffsets[length] ?? 0);
}

function validateData(data: Data): void {
  const { type, length } = data;
  if (DataType.isUnion(type)) {
    checkUnion(data, type as Union);
    return;
  }
  if (type instanceof RunEndEncoded) {
    checkRunEnds(data);
    return;
  }
  checkBitmap(data);
  if (isListView(type)) {
    checkListView(data);
    return;
  }
  if (DataType.isNull(type) || DataType.isStruct(type) || DataType.isFixedSizeList(type)) return;
  if (DataType.isDictionary(type)) checkIndices(data, type as Dictionary);
  else if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) checkViews(data);
  else if (DataType.isBool(type)) checkLength(data.values, (data.offset + length + 7) >> 3);
  else if (data.valueOffsets !== undefined) checkOffsets(data);
  else checkLength(data.values, length * fixedWidth(type));
}

function checkBitmap(data: Data): void {
  const { nullBitmap, offset, length } = data;
  if (nullBitmap === undefined || nullBitmap.length === 0) return;
  checkLength(nullBitmap, (offset + length + 7) >> 3);
}

function checkLength(values: ArrayBufferView | undefined, expected: number): void {
  const found = values?.byteLength ?? 0;
  if (found < expected) throw new Error(`a buffer of ${found} bytes, expected ${expected}`);
}

function checkOffsets({ type, length, values, valueOffsets: offsets }: Data): void {
  // A writer may leave out even the first offset of a column without rows.
  if (offsets.length === 0 && length === 0) return;
  if (offsets.length < length + 1) throw new Error(`${offsets.length} offsets for ${length} rows`);
  let before = offsets[0] as number | bigint;
  let ascending = before >= 0;
  for (let i = 1; i <= length; i++) {
    if (offsets[i] < before) ascending = false;
    before = offsets[i];
  }
  if (!ascending) throw new Error("offsets do not ascend");
  const nested = ((type.children ?? []) as Field[]).length > 0;
  if (!nested && Number(before) > values.length) throw new Error(`values end at byte ${before} of ${values.length}`);
}

/** Run ends ascend from at least 1 to at least the number of rows, and each has a value. */
function checkRunEnds({ length, children: [ends, values] }: Data): void {
  if (ends === undefined || values === undefined) throw new Error("no run ends or no values");
  checkLength(ends.values, ends.length * fixedWidth(ends.type));
  if (ends.nullCount > 0) throw new Error("a run end is null");
  if (values.length < ends.length) throw new Error(`${values.length} values for ${ends.length} runs`);
  let before = 0;
  for (let run = 0; run < ends.length; run++) {
    const end = Number(ends.values[run]);
    if (end <= before) throw new Error(`run ${run} ends at row ${end}, after one that ends at ${before}`);
    before = end;
  }
  if (before < length) throw new Error(`runs end at row ${before} of ${length}`);
}

/** A list that is not null lies inside of the child. */
function checkListView(data: Data): void {
  const { length, valueOffsets: starts, values: sizes } = data;
  const items = data.children[0]?.length ?? 0;
  if (length === 0) return;
  if (starts === undefined || sizes === undefined || Math.min(starts.length, sizes.length) < length) {
    throw new Error(`${Math.min(starts?.length ?? 0, sizes?.length ?? 0)} list views for ${length} rows`);
  }
  for (let row = 0; row < length; row++) {
    const start = Number(starts[row]);
    const size = Number(sizes[row]);
    if ((start < 0 || size < 0 || start + size > items) && isValid(data, row)) {
      throw new Error(`a list of ${size} items from ${start} on among ${items} in row ${row}`);
    }
  }
}

function checkUnion(data: Data, type: Union): void {
  const { typeIds, valueOffsets, length } = data;
  checkLength(typeIds, length);
  for (let row = 0; row < length; row++) {
    const child = data.children[type.typeIdToChildIndex[typeIds[row]]];
    if (child === undefined) throw new Error(`type id ${typeIds[row]} in row ${row}`);
    const at = valueOffsets === undefined ? row : Number(valueOffsets[row]);
    if (!(at >= 0 && at < child.length)) throw new Error(`offset ${at} in row ${row} of a union`);
  }
}

// Batches share their dictionaries, so each dictionary is checked once.
const checkedDictionaries = new WeakSet<Vector>();

function checkIndices(data: Data, type: Dictionary): void {
  const { values, length } = data;
  checkLength(values, length * fixedWidth(type.indices));
  if (data.dictionary === undefined) {
    if (data.nullCount < length) throw new Error("its dictionary is missing");
    return;
  }
  if (!checkedDictionaries.has(data.dictionary)) {
    for (const chunk of data.dictionary.data) validateColumn(chunk, chunk.length, "(its dictionary)");
    checkedDictionaries.add(data.dictionary);
  }
  const size = data.dictionary.length;
  for (let row = 0; row < length; row++) {
    const index = Number(values[row]);
    if ((index < 0 || index >= size) && isValid(data, row)) {
      throw new Error(`index ${index} of a dictionary of ${size} in row ${row}`);
    }
  }
}

/** A view of more than 12 bytes points into a buffer. The view of a null may hold anything. */
function checkViews(data: Data): void {
  const { values, length, variadicBuffers } = data;
  checkLength(values, length * VIEW_WIDTH);
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  for (let row = 0; row < length; row++) {
    const size = view.getInt32(row * VIEW_WIDTH, true);
    if (size >= 0 && size <= VIEW_INLINE) continue;
    const buffer = variadicBuffers[view.getInt32(row * VIEW_WIDTH + 8, true)];
    const start = view.getInt32(row * VIEW_WIDTH + 12, true);
    const fits = buffer !== undefined && size > 0 && start >= 0 && start + size <= buffer.length;
    if (!fits && isValid(data, row)) throw new Error(`view out of range in row ${row}`);
  }
}

/**
 * Checks that the parameters of a field's type exist in Arrow, children included.
 * @throws Error that names the field
 */
export function validateField(field: Field): void {
  const { type } = field;
  const { unit, bitWidth } = type as { unit?: number; bitWidth?: number };
  const width = DataType.isFixedSizeBinary(type) ? type.byteWidth : DataType.isFixedSizeList(type) ? type.listSize : 0;
  const known =
    (unit === undefined || (unit >= 0 && unit <= 3)) &&
    (!DataType.isInt(type) || [8, 16, 32, 64].includes(type.bitWidth)) &&
    (!DataType.isInterval(type) || type.unit <= 2) &&
    (!DataType.isDate(type) || type.unit <= 1) &&
    (!DataType.isTime(type) || bitWidth === (type.unit <= 1 ? 32 : 64)) &&
    (!DataType.isDecimal(type) || isDecimal(type)) &&
    (!DataType.isFloat(type) || (type.precision >= 0 && type.precision <= 2)) &&
    width >= 0;
  if (!known)
    throw new Error(
      `field ${JSON.stringify(field.name)} has the unknown type ${String(type).replaceAll(/undefined|NaN/g, "?")}`,
    );
  if (type instanceof RunEndEncoded) {
    const ends = type.children[0].type;
    const fits = DataType.isInt(ends) && ends.isSigned && ends.bitWidth >= 16;
    if (!fits)
      throw new Error(`field ${JSON.stringify(field.name)} has run ends of type ${ends}, expected Int16 to Int64`);
  }
  if (DataType.isMap(type) && !isEntries(type.children[0].type)) {
    throw new Error(
      `field ${JSON.stringify(field.name)} is a map of ${type.children[0].type}, expected keys and values`,
    );
  }
  if (DataType.isDictionary(type)) {
    const { dictionary, indices } = type as Dictionary;
    for (const part of [dictionary, indices]) validateField(field.clone({ type: part }));
  }
  for (const child of (type.children ?? []) as Field[]) validateField(child);
}

/** Most digits of a decimal, by its bits. */
const DIGITS: Readonly<Record<number, number>> = { 32: 9, 64: 18, 128: 38, 256: 76 };

function isDecimal({ bitWidth, precision, scale }: Decimal): boolean {
  return precision >= 1 && precision <= (DIGITS[bitWidth] ?? 0) && Math.abs(scale) <= 1000;
}

function isEntries(type: DataType): boolean {
  return DataType.isStruct(type) && !(type instanceof RunEndEncoded) && type.children.length === 2;
}
