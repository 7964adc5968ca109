import { DataType, type Dictionary, type Field, Schema } from "apache-arrow";
import { withChildren } from "../schema/unify.js";
import { LargeListView, ListView, RunEndEncoded, withValues } from "./stored-types.js";

// apache-arrow throws "Unrecognized type" at a schema with a run-end encoded column or a list view anywhere in it. So the
// numbers of these types are replaced in the bytes of the schema, before apache-arrow decodes them, by the numbers of
// types with the same children, and the decoded fields get their types afterwards.

/** Numbers of types in the format: https://github.com/apache/arrow/blob/main/format/Schema.fbs (union Type) */
const TYPE = {
  list: 12,
  struct: 13,
  fixedSizeList: 16,
  map: 17,
  largeList: 21,
  runEndEncoded: 22,
  listView: 25,
  largeListView: 26,
} as const;

/** The number that apache-arrow is shown in place of one that it does not know. */
const SHOWN: Readonly<Record<number, number>> = {
  [TYPE.runEndEncoded]: TYPE.struct,
  [TYPE.listView]: TYPE.list,
  [TYPE.largeListView]: TYPE.largeList,
};

/** Children of each type that has a fixed number of them. */
const CHILDREN: Readonly<Record<number, number>> = {
  [TYPE.list]: 1,
  [TYPE.fixedSizeList]: 1,
  [TYPE.map]: 1,
  [TYPE.largeList]: 1,
  [TYPE.runEndEncoded]: 2,
  [TYPE.listView]: 1,
  [TYPE.largeListView]: 1,
};

/** Highest number of a type in the format, as of version 1.5 of the columnar format. */
const LAST_TYPE = TYPE.largeListView;

/** A field's number in the format, and the same for its children. */
interface StoredField {
  readonly type: number;
  readonly children: readonly StoredField[];
}

/** Byte positions in a FlatBuffer. `checkMessage` or `checkFooter` has made sure that they lie inside. */
class Tables {
  readonly #view: DataView;
  /** Types that were replaced, by the position of their number: two fields may share a table. */
  readonly #replaced = new Map<number, number>();

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get root(): number {
    return this.#view.getUint32(0, true);
  }

  /** Position of a field of the table at `at`; 0 where it is absent. */
  field(at: number, index: number): number {
    const vtable = at - this.#view.getInt32(at, true);
    const offset =
      4 + 2 * index < this.#view.getInt16(vtable, true) ? this.#view.getInt16(vtable + 4 + 2 * index, true) : 0;
    return offset === 0 ? 0 : at + offset;
  }

  /** Position of the table, vector or string that a field points to; 0 where the field is absent. */
  target(at: number, index: number): number {
    const field = this.field(at, index);
    return field === 0 ? 0 : field + this.#view.getUint32(field, true);
  }

  int16(position: number): number {
    return position === 0 ? 0 : this.#view.getInt16(position, true);
  }

  /** The fields whose vector is at `vector`. @throws Error that names a field of a type that cannot be read */
  fields(vector: number): StoredField[] {
    if (vector === 0) return [];
    const fields: StoredField[] = [];
    for (let i = 0; i < this.#view.getUint32(vector, true); i++) {
      const item = vector + 4 + 4 * i;
      fields.push(this.#storedField(item + this.#view.getUint32(item, true)));
    }
    return fields;
  }

  #storedField(at: number): StoredField {
    const position = this.field(at, 2);
    const type = position === 0 ? 0 : (this.#replaced.get(position) ?? this.#view.getUint8(position));
    const shown = SHOWN[type];
    if (shown !== undefined) {
      this.#replaced.set(position, type);
      this.#view.setUint8(position, shown);
    }
    if (type > LAST_TYPE) {
      throw new Error(
        `field ${this.#name(at)} has type ${type} of a newer version of the format, expected at most ${LAST_TYPE}: cast it to a type of version 1.5`,
      );
    }
    const children = this.fields(this.target(at, 5));
    const expected = CHILDREN[type];
    if (expected !== undefined && children.length !== expected) {
      throw new Error(`field ${this.#name(at)} has ${children.length} children, expected ${expected}`);
    }
    return { type, children };
  }

  #name(at: number): string {
    const text = this.target(at, 0);
    if (text === 0) return "without a name";
    const { buffer, byteOffset } = this.#view;
    return JSON.stringify(Buffer.from(buffer, byteOffset + text + 4, this.#view.getUint32(text, true)).toString());
  }
}

/** What `hideLayouts` has found in a schema. */
export type SchemaLayouts = readonly StoredField[];

/**
 * Replaces the type numbers that apache-arrow does not know in the metadata of a schema message or of a footer, in
 * place, so that apache-arrow can decode it; `withLayouts` then gives the decoded schema its true types.
 * @throws Error for numbers in big-endian order and for types that cannot be read
 */
export function hideLayouts(metadata: Uint8Array, of: "message" | "footer"): SchemaLayouts {
  const tables = new Tables(metadata);
  const schema = tables.target(tables.root, of === "message" ? 2 : 1);
  if (schema === 0) throw new Error("it has no schema");
  if (tables.int16(tables.field(schema, 0)) !== 0) {
    throw new Error("its numbers are big-endian, expected little-endian: read it with pyarrow and write it again");
  }
  return tables.fields(tables.target(schema, 1));
}

/** The decoded schema with the types that `hideLayouts` has hidden; `schema` itself where it has none of them. */
export function withLayouts(schema: Schema, layouts: SchemaLayouts): Schema {
  const dictionaries = new Map<number, DataType>(schema.dictionaries);
  // Fields may share a dictionary, whose values then are one type.
  const values = new Map<DataType, DataType>();
  const named = (field: Field, stored: StoredField): Field => {
    const type = typed(field.type, stored);
    return type === field.type ? field : field.clone({ type });
  };
  const typed = (type: DataType, stored: StoredField): DataType => {
    if (DataType.isDictionary(type)) {
      const { id, dictionary } = type as Dictionary;
      const found = values.get(dictionary) ?? typed(dictionary, stored);
      values.set(dictionary, found);
      if (found === dictionary) return type;
      dictionaries.set(id, found);
      return withValues(type, found);
    }
    const children = (type.children ?? []) as Field[];
    const inner = children.map((child, i) => named(child, stored.children[i]));
    if (stored.type === TYPE.runEndEncoded) return new RunEndEncoded(inner);
    if (stored.type === TYPE.listView) return new ListView(inner[0]);
    if (stored.type === TYPE.largeListView) return new LargeListView(inner[0]);
    return inner.every((child, i) => child === children[i]) ? type : withChildren(type, inner);
  };
  const fields = schema.fields.map((field, i) => named(field, layouts[i]));
  if (fields.every((field, i) => field === schema.fields[i])) return schema;
  return new Schema(fields, schema.metadata, dictionaries, schema.metadataVersion);
}
