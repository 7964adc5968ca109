import type { FileHandle } from "node:fs/promises";
import { type Data, DataType, type Union } from "apache-arrow";
import { copyBits } from "../columns/bits.js";
import { dataOf } from "../columns/data-of.js";
import { fixedWidth, isVariable, VIEW_WIDTH } from "../columns/layout.js";
import { readBuffer, readDense, readOffsets, requireRows, stretchOf } from "./buffers.js";
import type { StoredColumn } from "./layout.js";
import { readViews } from "./views.js";

/**
 * Reads `length` rows of a column of any type, from row `start` on. The column returned owns its buffers and begins
 * with the first of these rows; offsets, views and positions of unions are renumbered to match:
 *
 *     stored offsets of rows 2 to 4    70  75  75  91      values 70 to 90 are read
 *     offsets returned                  0   5   5  21
 *
 * @throws Error where the column has fewer rows, or an offset, view or position points outside of its buffer
 */
export async function readColumn(file: FileHandle, column: StoredColumn, start: number, length: number): Promise<Data> {
  requireRows(column, start, length);
  const { type, children, dictionary, values } = column;
  if (DataType.isNull(type)) return dataOf({ type, length, nullCount: length });
  if (DataType.isUnion(type)) return readUnion(file, column, start, length);
  const rows = { type, length, ...(await readValidity(file, column, start, length)) };
  if (DataType.isStruct(type)) {
    const fields: Data[] = [];
    for (const child of children) fields.push(await readColumn(file, child, start, length));
    return dataOf({ ...rows, children: fields });
  }
  if (DataType.isFixedSizeList(type)) {
    const items = await readColumn(file, children[0], start * type.listSize, length * type.listSize);
    return dataOf({ ...rows, children: [items] });
  }
  if (children.length > 0 || isVariable(type)) {
    const valueOffsets = await readOffsets(file, column, start, length);
    const stretch = stretchOf(valueOffsets[0], valueOffsets[length]);
    subtract(valueOffsets, stretch.start);
    if (children.length === 0) {
      return dataOf({ ...rows, valueOffsets, values: await readBuffer(file, values, stretch.start, stretch.length) });
    }
    const items = await readColumn(file, children[0], stretch.start, stretch.length);
    return dataOf({ ...rows, valueOffsets, children: [items] });
  }
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    const views = await readBuffer(file, values, start * VIEW_WIDTH, length * VIEW_WIDTH);
    const long = await readViews(file, column.variadic, views, rows.nullBitmap);
    return dataOf({ ...rows, values: views, variadicBuffers: [long] });
  }
  if (DataType.isBool(type)) return dataOf({ ...rows, values: (await readBits(file, values, start, length)).bits });
  const width = fixedWidth(DataType.isDictionary(type) ? type.indices : type);
  return dataOf({ ...rows, values: await readBuffer(file, values, start * width, length * width), dictionary });
}

/**
 * The null count and, where it is not 0, the validity bits of some rows. The bits are counted, since a header may lie.
 */
async function readValidity(file: FileHandle, { validity }: StoredColumn, start: number, length: number) {
  if (validity === undefined) return { nullCount: 0 };
  const { bits, set } = await readBits(file, validity, start, length);
  return set === length ? { nullCount: 0 } : { nullCount: length - set, nullBitmap: bits };
}

/** Reads `length` bits from bit `start` on, shifted to start with a byte, and counts the set ones. */
async function readBits(file: FileHandle, buffer: StoredColumn["values"], start: number, length: number) {
  const first = Math.floor(start / 8);
  const stored = await readBuffer(file, buffer, first, Math.ceil((start + length) / 8) - first);
  const bits = new Uint8Array(Math.ceil(length / 8));
  return { bits, set: copyBits(stored, start - 8 * first, bits, 0, length) };
}

/** Makes offsets count from `base`. */
function subtract(offsets: Int32Array | BigInt64Array, base: number): void {
  if (base === 0) return;
  if (offsets instanceof Int32Array) for (let i = 0; i < offsets.length; i++) offsets[i] -= base;
  else for (let i = 0, wide = BigInt(base); i < offsets.length; i++) offsets[i] -= wide;
}

/** A sparse union has a value in every member for each row; a dense one has a value only in the row's own member. */
async function readUnion(file: FileHandle, column: StoredColumn, start: number, length: number): Promise<Data> {
  const type = column.type as Union;
  const children: Data[] = [];
  if (column.offsets === undefined) {
    const typeIds = new Int8Array((await readBuffer(file, column.values, start, length)).buffer);
    for (const child of column.children) children.push(await readColumn(file, child, start, length));
    return dataOf({ type, length, nullCount: 0, typeIds, children });
  }
  const { typeIds, positions, stretches } = await readDense(file, column, start, length);
  for (const [c, child] of column.children.entries()) {
    children.push(await readColumn(file, child, stretches[c].start, stretches[c].length));
  }
  for (let i = 0; i < length; i++) positions[i] -= stretches[type.typeIdToChildIndex[typeIds[i]]].start;
  return dataOf({ type, length, nullCount: 0, typeIds, valueOffsets: positions, children });
}
