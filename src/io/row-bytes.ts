import { type Data, DataType } from "apache-arrow";
import { fixedWidth, hasWideOffsets, isVariable, VIEW_INLINE, VIEW_WIDTH } from "./layout.js";

/**
 * Bytes that `length` rows of a column from `start` on take at most in buffers of their own, dictionaries left out; infinite for
 * dense unions, whose rows may all lie anywhere. Time goes with columns, and with rows for views alone.
 */
export function rowBytes(data: Data, start: number, length: number): number {
  const { type, children, valueOffsets: offsets } = data;
  if (DataType.isNull(type)) return 0;
  const bits = length / 8 + 1;
  if (DataType.isStruct(type)) return bits + sum(children, start, length);
  if (DataType.isFixedSizeList(type))
    return bits + rowBytes(children[0], start * type.listSize, length * type.listSize);
  if (DataType.isUnion(type)) {
    return offsets === undefined ? length + sum(children, start, length) : Number.POSITIVE_INFINITY;
  }
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    return bits + length * VIEW_WIDTH + longBytes(data, start, length);
  }
  if (children.length > 0 || isVariable(type)) {
    if (length === 0) return 0;
    const first = Number(offsets[start]);
    const inside = Number(offsets[start + length]) - first;
    const own = bits + (length + 1) * (hasWideOffsets(type) ? 8 : 4);
    return own + (children.length > 0 ? rowBytes(children[0], first, inside) : inside);
  }
  if (DataType.isBool(type)) return 2 * bits;
  return bits + length * fixedWidth(DataType.isDictionary(type) ? type.indices : type);
}

function sum(columns: readonly Data[], start: number, length: number): number {
  let bytes = 0;
  for (const column of columns) bytes += rowBytes(column, start, length);
  return bytes;
}

/** Bytes of the values that views do not hold themselves. */
function longBytes({ values }: Data, start: number, length: number): number {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  let bytes = 0;
  for (let row = start; row < start + length; row++) {
    const size = view.getInt32(row * VIEW_WIDTH, true);
    if (size > VIEW_INLINE) bytes += size;
  }
  return bytes;
}
