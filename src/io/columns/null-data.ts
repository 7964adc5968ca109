import { type Data, DataType, type Dictionary, type Field, type Union, UnionMode } from "apache-arrow";
import { dataOf } from "./data-of.js";
import { emptyDictionary } from "./dictionary-builder.js";
import { fixedWidth, hasWideOffsets, isVariable, VIEW_WIDTH } from "./layout.js";

/**
 * A column of `length` nulls of any type, with buffers of zeros. A union has no nulls itself: its rows are nulls of its
 * first member.
 */
export function nullData(type: DataType, length: number): Data {
  if (DataType.isNull(type)) return dataOf({ type, length, nullCount: length });
  const rows = { type, length, nullCount: length, nullBitmap: new Uint8Array((length + 7) >> 3) };
  if (DataType.isUnion(type)) return nullUnion(type as Union, length);
  if (DataType.isStruct(type)) return dataOf({ ...rows, children: type.children.map((f) => nullData(f.type, length)) });
  if (DataType.isFixedSizeList(type)) {
    return dataOf({ ...rows, children: [nullData(type.children[0].type, length * type.listSize)] });
  }
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    return dataOf({ ...rows, values: new Uint8Array(length * VIEW_WIDTH) });
  }
  if (DataType.isBool(type)) return dataOf({ ...rows, values: rows.nullBitmap });
  if (DataType.isDictionary(type)) {
    const { indices } = type as Dictionary;
    const values = new Uint8Array(length * fixedWidth(indices));
    return dataOf({ ...rows, values, dictionary: emptyDictionary(type as Dictionary) });
  }
  if ((type.children ?? []).length > 0) {
    const valueOffsets = hasWideOffsets(type) ? new BigInt64Array(length + 1) : new Int32Array(length + 1);
    return dataOf({ ...rows, valueOffsets, children: [nullData(type.children[0].type, 0)] });
  }
  if (isVariable(type)) {
    const valueOffsets = hasWideOffsets(type) ? new BigInt64Array(length + 1) : new Int32Array(length + 1);
    return dataOf({ ...rows, valueOffsets, values: new Uint8Array(0) });
  }
  return dataOf({ ...rows, values: new Uint8Array(length * fixedWidth(type)) });
}

function nullUnion(type: Union, length: number): Data {
  const dense = type.mode === UnionMode.Dense;
  const typeIds = new Int8Array(length).fill(type.typeIds[0]);
  const children = type.children.map((field: Field, i: number) => nullData(field.type, dense && i > 0 ? 0 : length));
  const valueOffsets = dense ? Int32Array.from(typeIds, (_, i) => i) : undefined;
  return dataOf({ type, length, nullCount: 0, typeIds, children, valueOffsets });
}
