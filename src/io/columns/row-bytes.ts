import { type Data, DataType } from "apache-arrow";
import { bytesOf, fixedWidth, hasWideOffsets, isVariable, longViewBytes, VIEW_WIDTH } from "./layout.js";

/**
 * An upper bound of the bytes that `length` rows from `start` on take in compact buffers, without dictionaries.
 * Infinite for dense unions, whose rows may lie anywhere in their members. Costs O(1) a column, but O(length) for
 * views, whose lengths must be read.
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
    const views = bytesOf(data.values).subarray(start * VIEW_WIDTH, (start + length) * VIEW_WIDTH);
    return bits + views.length + longViewBytes(views);
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
