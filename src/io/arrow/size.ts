import type { FileHandle } from "node:fs/promises";
import { DataType } from "apache-arrow";
import { fixedWidth, hasWideOffsets, isVariable, longViewBytes, VIEW_WIDTH } from "../columns/layout.js";
import { readBuffer, readDense, readStretch, requireRows } from "./buffers.js";
import type { StoredColumn } from "./layout.js";

/**
 * The bytes that `readColumn` will take for `length` rows of a column from row `start` on. Reads only offsets, views,
 * type ids and positions. Once the sum exceeds `enough` it is returned as it stands, without the rest of the column.
 * @throws Error where the column has fewer rows, or an offset or type id is invalid
 */
export async function columnBytes(
  file: FileHandle,
  column: StoredColumn,
  start: number,
  length: number,
  enough: number,
): Promise<number> {
  requireRows(column, start, length);
  const { type, children, validity } = column;
  let bytes = validity === undefined ? 0 : length / 8;
  const addChild = async (child: StoredColumn, from: number, rows: number) => {
    if (bytes <= enough) bytes += await columnBytes(file, child, from, rows, enough - bytes);
  };
  if (DataType.isNull(type)) return 0;
  if (DataType.isStruct(type)) {
    for (const child of children) await addChild(child, start, length);
  } else if (DataType.isFixedSizeList(type)) {
    await addChild(children[0], start * type.listSize, length * type.listSize);
  } else if (DataType.isUnion(type)) {
    bytes += (column.offsets === undefined ? 1 : 5) * length;
    if (bytes > enough) return bytes;
    const dense = column.offsets === undefined ? undefined : await readDense(file, column, start, length);
    for (const [c, child] of children.entries()) {
      const rows = dense === undefined ? { start, length } : dense.stretches[c];
      await addChild(child, rows.start, rows.length);
    }
  } else if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    bytes += length * VIEW_WIDTH;
    if (bytes > enough) return bytes;
    bytes += longViewBytes(await readBuffer(file, column.values, start * VIEW_WIDTH, length * VIEW_WIDTH));
  } else if (children.length > 0 || isVariable(type)) {
    bytes += (length + 1) * (hasWideOffsets(type) ? 8 : 4);
    const stretch = await readStretch(file, column, start, length);
    if (children.length > 0) await addChild(children[0], stretch.start, stretch.length);
    else bytes += stretch.length;
  } else if (DataType.isBool(type)) {
    bytes += length / 8;
  } else {
    bytes += length * fixedWidth(DataType.isDictionary(type) ? type.indices : type);
  }
  return bytes;
}
