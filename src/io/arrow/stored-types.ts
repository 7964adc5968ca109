import { DataType, Dictionary, Field, LargeList, List, Struct } from "apache-arrow";
import { withChildren } from "../schema/unify.js";

// Three layouts of the format that apache-arrow 21.2 does not know, as types that have the same children there. They
// exist only between a file and the batches that `plainBatches` makes of it.
// https://arrow.apache.org/docs/format/Columnar.html#run-end-encoded-layout and #listview-layout

/**
 * A run-end encoded column: the rows up to each run end have the same value. Its children are `run_ends` (int16, int32 or
 * int64) and `values`. A Data of this type has only children, whose lengths are the number of runs.
 */
export class RunEndEncoded extends Struct {}

/**
 * Lists that may lie anywhere in their child, in any order, and overlap. A Data of this type has the starts as
 * `valueOffsets` and the sizes as `values`.
 */
export class ListView extends List {}

/** A `ListView` whose starts and sizes have 64 bits. */
export class LargeListView extends LargeList {}

/** True for list views of both widths. */
export function isListView(type: DataType): type is ListView | LargeListView {
  return type instanceof ListView || type instanceof LargeListView;
}

/**
 * The field as all other code sees it: run-end encoded columns as columns of their values, list views as lists, and
 * dictionaries of nested values or of dictionaries as the values. Returns `field` itself where it is plain.
 */
export function plainField(field: Field): Field {
  const { type, nullable } = field;
  if (type instanceof RunEndEncoded) {
    const values = plainField(type.children[1]);
    // The values may be of an extension type, which their own field names.
    const metadata = new Map([...values.metadata, ...field.metadata]);
    return new Field(field.name, values.type, nullable || values.nullable, metadata);
  }
  const plain = plainType(type);
  return plain === type ? field : field.clone({ type: plain });
}

const plainTypes = new WeakMap<DataType, DataType>();

/** The type of `plainField`. */
export function plainType(type: DataType): DataType {
  let plain = plainTypes.get(type);
  if (plain === undefined) {
    plain = madePlain(type);
    plainTypes.set(type, plain);
  }
  return plain;
}

function madePlain(type: DataType): DataType {
  if (type instanceof RunEndEncoded) return plainType(type.children[1].type);
  if (DataType.isDictionary(type)) {
    const { dictionary } = type;
    const isFlat = !DataType.isDictionary(dictionary) && (dictionary.children ?? []).length === 0;
    return isFlat && plainType(dictionary) === dictionary ? type : plainType(dictionary);
  }
  const children = (type.children ?? []) as Field[];
  if (children.length === 0) return type;
  const plain = children.map(plainField);
  if (type instanceof ListView) return new List(plain[0]);
  if (type instanceof LargeListView) return new LargeList(plain[0]);
  return plain.every((child, i) => child === children[i]) ? type : withChildren(type, plain);
}

/** `type` with other values of its dictionary. */
export function withValues(type: Dictionary, values: DataType): Dictionary {
  return new Dictionary(values, type.indices, type.id, type.isOrdered);
}
