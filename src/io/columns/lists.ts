import { type Data, DataType } from "apache-arrow";

/** True for a list of variable length, with offsets of 32 or 64 bits, or of fixed length. */
export function isListType(type: DataType): boolean {
  return DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type);
}

/**
 * The elements of lists or maps as a column of their own, cut to those of the rows of `data`, and the place of a row's
 * elements in that column: `start(row)` is the first of them, and `start(row + 1)` the one after the last. What a null
 * row has there is arbitrary.
 */
export function elementsOf(data: Data): { readonly elements: Data; readonly start: (row: number) => number } {
  const [child] = data.children;
  const { valueOffsets } = data;
  if (DataType.isFixedSizeList(data.type)) {
    const { listSize } = data.type;
    return { elements: child, start: (row) => row * listSize };
  }
  const first = Number(valueOffsets[0]);
  const count = Number(valueOffsets[data.length]) - first;
  const elements = first === 0 && count === child.length ? child : child.slice(first, count);
  return { elements, start: (row) => Number(valueOffsets[row]) - first };
}
