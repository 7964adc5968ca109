import { DataType, type Dictionary, type Field, type Union } from "apache-arrow";
import { BytesBuilder, ViewBuilder } from "./bytes-builder.js";
import type { ColumnBuilder } from "./column-builder.js";
import { DictionaryBuilder } from "./dictionary-builder.js";
import { BoolBuilder, FixedBuilder, NullBuilder } from "./flat-builder.js";
import { FixedSizeListBuilder, ListBuilder, StructBuilder, UnionBuilder } from "./nested-builder.js";

/** Builders of dictionary-encoded columns by the id of their dictionary. */
export type Dictionaries = Map<number, DictionaryBuilder>;

/**
 * Makes the builder for `type`. Adds the builders of dictionary-encoded columns in it, at any depth, to `dictionaries`
 * by id.
 * @param inner the builders of the children of a nested type; default: those for their types
 * @throws Error for a type that no Arrow writer could have made.
 */
export function columnBuilder(
  type: DataType,
  dictionaries?: Dictionaries,
  inner?: readonly ColumnBuilder[],
): ColumnBuilder {
  if (DataType.isDictionary(type)) {
    const { id, indices, dictionary } = type as Dictionary;
    const builder = new DictionaryBuilder(type as Dictionary, new FixedBuilder(indices), columnBuilder(dictionary));
    dictionaries?.set(id, builder);
    return builder;
  }
  const fields = (type.children ?? []) as Field[];
  const children = [...(inner ?? fields.map((field) => columnBuilder(field.type, dictionaries)))];
  if (DataType.isNull(type)) return new NullBuilder(type);
  if (DataType.isBool(type)) return new BoolBuilder(type);
  if (DataType.isUtf8(type) || DataType.isBinary(type)) return new BytesBuilder(type, false);
  if (DataType.isLargeUtf8(type) || DataType.isLargeBinary(type)) return new BytesBuilder(type, true);
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) return new ViewBuilder(type);
  if (DataType.isList(type) || DataType.isMap(type)) return new ListBuilder(type, false, children[0]);
  if (DataType.isLargeList(type)) return new ListBuilder(type, true, children[0]);
  if (DataType.isFixedSizeList(type)) return new FixedSizeListBuilder(type, type.listSize, children[0]);
  if (DataType.isStruct(type)) return new StructBuilder(type, children);
  if (DataType.isUnion(type)) return new UnionBuilder(type as Union, children);
  return new FixedBuilder(type);
}
