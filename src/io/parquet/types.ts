import { DataType, Duration, Field, FixedSizeList, List, Struct, Timestamp } from "apache-arrow";
import { UUID_WIDTH, uuidMetadata } from "../schema/extension.js";
import { mapOf } from "../schema/unify.js";
import type { SchemaElement } from "./file.js";
import { leafType } from "./leaf-type.js";

interface NodeBase {
  readonly field: Field;
  /** Least definition level at which the node holds a value. */
  readonly def: number;
  /** Greatest repetition level at which a level pair starts a new slot of the node. */
  readonly rep: number;
  /** Least definition level at which the node has a slot at all. Below it a list around the node is empty or null. */
  readonly present: number;
}

/** A leaf of the schema, whose values are in a column chunk of each row group. */
export interface LeafNode extends NodeBase {
  readonly kind: "leaf";
  readonly element: SchemaElement;
  /** Position among the leaves of the schema, and so among the chunks of each row group. */
  readonly column: number;
}

/** A group of fields, or the entries of a map. */
export interface StructNode extends NodeBase {
  readonly kind: "struct";
  readonly children: readonly ParquetNode[];
}

/** A list or map; its item starts where the definition level is `def + 1`. */
export interface ListNode extends NodeBase {
  readonly kind: "list";
  readonly item: ParquetNode;
}

/**
 * A node of a Parquet schema with its Arrow field and levels:
 * https://parquet.apache.org/docs/file-format/nestedencoding/
 */
export type ParquetNode = LeafNode | StructNode | ListNode;

/** The levels of a node, see `NodeBase`. */
interface Levels {
  readonly def: number;
  readonly rep: number;
  readonly present: number;
}

/** A schema element with its children. */
interface Group {
  readonly element: SchemaElement;
  readonly children: readonly Group[];
  /** Position of the first leaf of the group. */
  readonly column: number;
}

/**
 * The top-level columns of a Parquet schema.
 * @param elements the nodes of the schema, depth first, the root before all others
 * @param original the Arrow schema that some writers store in the metadata. It adds what Parquet's types cannot
 * express: time zones, durations, fixed-size lists and metadata. It never changes how values are read
 * @throws Error for a schema that is corrupt or holds a type without an Arrow counterpart
 */
export function parquetNodes(elements: readonly SchemaElement[], original: readonly Field[] = []): ParquetNode[] {
  const cursor = { at: 0, column: 0 };
  const root = groupAt(elements, cursor, 0);
  if (cursor.at !== elements.length) throw new Error(`${elements.length} schema elements, expected ${cursor.at}`);
  return root.children.map((group) => {
    const hint = original.find(({ name }) => name === group.element.name);
    return fieldNode(group, { def: 0, rep: 0, present: 0 }, hint);
  });
}

// Deeper than the nesting of real data, and far below the depth at which the stack overflows.
const MAX_DEPTH = 100;

/** Reads the element at the cursor and its descendants, and moves the cursor behind them. */
function groupAt(elements: readonly SchemaElement[], cursor: { at: number; column: number }, depth: number): Group {
  const element = elements[cursor.at++];
  if (element === undefined) throw new Error("the schema ends inside a group");
  if (depth > MAX_DEPTH) throw new Error(`a schema nested deeper than ${MAX_DEPTH}`);
  const { column } = cursor;
  const children: Group[] = [];
  if (element.type !== undefined) cursor.column++;
  else for (let i = 0; i < (element.num_children ?? 0); i++) children.push(groupAt(elements, cursor, depth + 1));
  if (element.type === undefined && children.length === 0 && depth > 0) {
    throw new Error(`group ${JSON.stringify(element.name)} has no fields`);
  }
  return { element, children, column };
}

function fieldNode(group: Group, levels: Levels, hint?: Field): ParquetNode {
  const { element } = group;
  if (element.repetition_type === "REPEATED") {
    // A repeated field outside of a LIST group is a list that is never null, of items that are never null.
    const { def } = levels;
    const item = valueNode(group, itemLevels(def, levels.rep), false, hint?.type.children?.[0]);
    return { ...listOf(element.name, item, false, hint), ...levels, def };
  }
  const nullable = element.repetition_type !== "REQUIRED";
  return valueNode(group, { ...levels, def: levels.def + (nullable ? 1 : 0) }, nullable, hint);
}

/** The levels of an item of a list with these levels: one more repetition, one more definition. */
function itemLevels(def: number, rep: number): Levels {
  return { def: def + 1, rep: rep + 1, present: def + 1 };
}

// The node of a group. `levels` already counts the definition level of the group itself, if it is optional.
function valueNode(group: Group, levels: Levels, nullable: boolean, hint?: Field): ParquetNode {
  const { element, children, column } = group;
  const { name } = element;
  const like = DataType.isDictionary(hint?.type) ? hint.clone({ type: hint.type.dictionary }) : hint;
  if (element.type !== undefined) {
    const type = leafType(element);
    const field = new Field(name, hintedType(type, like?.type), nullable, isUuid(element) ? uuidMetadata() : undefined);
    return { kind: "leaf", element, column, ...levels, field: withMetadata(field, like) };
  }
  const annotation = element.logical_type?.type ?? element.converted_type;
  const [repeated] = children;
  const wraps = children.length === 1 && repeated.element.repetition_type === "REPEATED";
  const isMap = wraps && (annotation === "MAP" || annotation === "MAP_KEY_VALUE");
  // A map without values is a set, which Arrow holds as the list of its keys.
  if ((wraps && annotation === "LIST") || (isMap && repeated.children.length === 1)) {
    const item = listItem(group, repeated, itemLevels(levels.def, levels.rep), like?.type.children?.[0]);
    return { ...listOf(name, item, nullable, like), ...levels };
  }
  if (isMap && repeated.children.length === 2) {
    const inner = itemLevels(levels.def, levels.rep);
    const entries = like?.type.children?.[0];
    const members = repeated.children.map((child, i) => fieldNode(child, inner, entries?.type.children?.[i]));
    const struct = new Field(
      "entries",
      new Struct(members.map(({ field }, i) => (i === 0 ? field.clone({ nullable: false }) : field))),
      false,
    );
    const item: StructNode = { kind: "struct", children: members, ...inner, field: struct };
    const field = new Field(name, mapOf(struct, false), nullable);
    return { kind: "list", item, ...levels, field: withMetadata(field, like) };
  }
  return structNode(group, levels, nullable, like);
}

function structNode(group: Group, levels: Levels, nullable: boolean, hint?: Field): StructNode {
  const hints = (hint?.type.children ?? []) as Field[];
  const children = group.children.map((child) =>
    fieldNode(
      child,
      levels,
      hints.find(({ name }) => name === child.element.name),
    ),
  );
  const field = new Field(group.element.name, new Struct(children.map((child) => child.field)), nullable);
  return { kind: "struct", children, ...levels, field: withMetadata(field, hint) };
}

// The item of a list. The repeated group of a LIST usually only wraps the item, but in older files it is the item
// itself:
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#backward-compatibility-rules
function listItem(list: Group, repeated: Group, levels: Levels, hint?: Field): ParquetNode {
  const { element, children } = repeated;
  // A primitive, or a group that is itself a list or a map: lists of lists of writers that leave out the wrapper.
  if (element.type !== undefined || isRepeatedItem(repeated)) return valueNode(repeated, levels, false, hint);
  const isItem =
    children.length > 1 ||
    children[0].element.repetition_type === "REPEATED" ||
    element.name === "array" ||
    element.name === `${list.element.name}_tuple`;
  return isItem ? structNode(repeated, levels, false, hint) : fieldNode(children[0], levels, hint);
}

// Whether a repeated group is annotated as a list or a map of its own.
function isRepeatedItem({ element, children }: Group): boolean {
  const annotation = element.logical_type?.type ?? element.converted_type ?? "";
  return (
    ["LIST", "MAP", "MAP_KEY_VALUE"].includes(annotation) &&
    children.length === 1 &&
    children[0].element.repetition_type === "REPEATED"
  );
}

function listOf(
  name: string,
  item: ParquetNode,
  nullable: boolean,
  hint?: Field,
): { kind: "list"; item: ParquetNode; field: Field } {
  const child = item.field.clone({ name: "item" });
  const fixed = DataType.isFixedSizeList(hint?.type);
  const type = fixed ? new FixedSizeList(hint.type.listSize, child) : new List(child);
  return { kind: "list", item, field: withMetadata(new Field(name, type, nullable), hint) };
}

function isUuid({ type, type_length: width, logical_type: logical }: SchemaElement): boolean {
  return logical?.type === "UUID" && type === "FIXED_LEN_BYTE_ARRAY" && width === UUID_WIDTH;
}

// Takes over the time zone or the duration of the writer's Arrow schema, where the stored values are the same.
function hintedType(type: DataType, original: DataType | undefined): DataType {
  if (DataType.isTimestamp(type) && DataType.isTimestamp(original) && type.timezone && original.timezone) {
    return new Timestamp(type.unit, original.timezone);
  }
  if (DataType.isDuration(original) && DataType.isInt(type) && type.bitWidth === 64 && type.isSigned) {
    return new Duration(original.unit);
  }
  return type;
}

// Takes over the metadata of the writer's Arrow schema. The name of an extension type is valid only with its storage
// type.
function withMetadata(field: Field, original: Field | undefined): Field {
  if (original === undefined || original.metadata.size === 0) return field;
  const same = original.type.typeId === field.type.typeId;
  const kept = Array.from(original.metadata).filter(([key]) => same || !key.startsWith("ARROW:extension:"));
  return field.clone({
    metadata: new Map([...field.metadata, ...kept.filter(([key]) => key !== "PARQUET:field_id")]),
  });
}
