import { type Data, DataType, type Dictionary, type Field, makeData, type Union, UnionMode } from "apache-arrow";
import { emptyDictionary } from "./dictionary-builder.js";
import { fixedWidth, hasWideOffsets, isVariable, VIEW_WIDTH } from "./layout.js";

/** A column of `length` nulls; a union's nulls are nulls of its first member. */
export function nullData(type: DataType, length: number): Data {
  if (DataType.isNull(type)) return makeData({ type, length, nullCount: length });
  const rows = { type: type as never, length, nullCount: length, nullBitmap: new Uint8Array((length + 7) >> 3) };
  if (DataType.isUnion(type)) return nullUnion(type as Union, length);
  if (DataType.isStruct(type))
    return makeData({ ...rows, children: type.children.map((f) => nullData(f.type, length)) });
  if (DataType.isFixedSizeList(type)) {
    return makeData({ ...rows, child: nullData(type.children[0].type, length * type.listSize) as never });
  }
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    return makeData({ ...rows, views: new Uint8Array(length * VIEW_WIDTH) as never });
  }
  if (DataType.isBool(type)) return makeData({ ...rows, data: rows.nullBitmap as never });
  if (DataType.isDictionary(type)) {
    const { indices } = type as Dictionary;
    const data = new Uint8Array(length * fixedWidth(indices));
    return makeData({ ...rows, data: data as never, dictionary: emptyDictionary(type as Dictionary) as never });
  }
  if ((type.children ?? []).length > 0) {
    const valueOffsets = hasWideOffsets(type) ? new BigInt64Array(length + 1) : new Int32Array(length + 1);
    return makeData({
      ...rows,
      valueOffsets: valueOffsets as never,
      child: nullData(type.children[0].type, 0) as never,
    });
  }
  if (isVariable(type)) {
    const valueOffsets = hasWideOffsets(type) ? new BigInt64Array(length + 1) : new Int32Array(length + 1);
    return makeData({ ...rows, valueOffsets: valueOffsets as never, data: new Uint8Array(0) as never });
  }
  return makeData({ ...rows, data: new Uint8Array(length * fixedWidth(type)) as never });
}

function nullUnion(type: Union, length: number): Data {
  const dense = type.mode === UnionMode.Dense;
  const typeIds = new Int8Array(length).fill(type.typeIds[0]);
  const children = type.children.map((field: Field, i: number) => nullData(field.type, dense && i > 0 ? 0 : length));
  const valueOffsets = dense ? Int32Array.from(typeIds, (_, i) => i) : undefined;
  return makeData({
    type: type as never,
    length,
    nullCount: 0,
    typeIds,
    children,
    valueOffsets: valueOffsets as never,
  });
}
