import { type Data, DataType, type FixedSizeList } from "apache-arrow";
import { columnBuilder } from "../columns/create-builder.js";
import { dataOf } from "../columns/data-of.js";
import { fixedWidth } from "../columns/layout.js";
import { nullData } from "../columns/null-data.js";
import { oneRun } from "../columns/runs.js";
import type { LeafColumn } from "./column.js";
import type { LeafNode, ListNode, ParquetNode, StructNode } from "./types.js";

// Turns definition and repetition levels into offsets and validity, in one pass over the levels of a leaf for each
// node:
// https://arrow.apache.org/blog/2022/10/17/arrow-parquet-encoding-part-3/
//
// A column of optional lists of optional int32 has four kinds of level pairs. Rows [1, null], [], null, [2] are stored
// as
//
//     repetition   0  1  0  0  0       0 starts a row, 1 continues the list
//     definition   3  2  1  0  3       3 an item, 2 a null item, 1 an empty list, 0 a null list
//     values       1           2
//
// and become: list validity 1 1 0 1, offsets 0 2 2 2 3, item validity 1 0 1. The list has def 1, rep 0, present 0; its
// item has def 3, rep 1, present 2.

/**
 * Builds the Arrow column of a node from the decoded leaves below it. A level pair is a slot of a node where its
 * repetition level is at most `rep` and its definition level at least `present`. The slot holds a value where the
 * definition level is at least `def`, and otherwise a null. The column may share the buffers of the leaves.
 * @param leaves the same rows of each leaf, by the position of the leaf in the schema
 * @throws Error where two leaves of a node do not agree on the number of its slots
 */
export function assemble(node: ParquetNode, leaves: ReadonlyMap<number, LeafColumn>): Data {
  if (node.kind === "leaf") return leafData(node, leaves.get(node.column) as LeafColumn);
  if (node.kind === "struct") return structData(node, leaves);
  return listData(node, leaves);
}

/** The leaves below a node, in the file's order. */
export function leavesOf(node: ParquetNode): LeafNode[] {
  if (node.kind === "leaf") return [node];
  return node.kind === "struct" ? node.children.flatMap(leavesOf) : leavesOf(node.item);
}

/** Rows of a node, with their validity as Arrow stores it; without nulls the bitmap is empty. */
interface Slots {
  readonly length: number;
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array;
}

function slotsOf({ def, rep, present }: ParquetNode, leaf: LeafColumn): Slots {
  const { count, definitionLevels: definitions, repetitionLevels: repetitions } = leaf;
  if (definitions === undefined) return { length: count, nullCount: 0, nullBitmap: new Uint8Array(0) };
  const bitmap = new Uint8Array((count + 7) >> 3);
  let length = 0;
  let valid = 0;
  for (let i = 0; i < count; i++) {
    if (definitions[i] < present || (repetitions !== undefined && repetitions[i] > rep)) continue;
    if (definitions[i] >= def) {
      bitmap[length >> 3] |= 1 << (length & 7);
      valid++;
    }
    length++;
  }
  const nullCount = length - valid;
  return { length, nullCount, nullBitmap: nullCount === 0 ? new Uint8Array(0) : bitmap.subarray(0, (length + 7) >> 3) };
}

/** Values are stored without nulls; Arrow needs a place for each slot, also for a null. */
function leafData(node: LeafNode, leaf: LeafColumn): Data {
  const { type } = node.field;
  const slots = slotsOf(node, leaf);
  const { length, nullCount, nullBitmap } = slots;
  const { values } = leaf;
  if (values.count !== length - nullCount) throw new Error(`${values.count} values for ${length - nullCount} slots`);
  if (DataType.isNull(type)) return dataOf({ type, length, nullCount: length });
  if (values.ends !== undefined && !DataType.isDecimal(type)) {
    const valueOffsets = new Int32Array(length + 1);
    for (let i = 0, v = 0, end = 0; i < length; i++) {
      if (nullCount === 0 || (nullBitmap[i >> 3] >> (i & 7)) & 1) end = values.ends[v++];
      valueOffsets[i + 1] = end;
    }
    return dataOf({ ...slots, type, valueOffsets, values: values.bytes });
  }
  if (DataType.isBool(type)) return dataOf({ ...slots, type, values: packed(spread(values.bytes, slots, 1)) });
  return dataOf({ ...slots, type, values: spread(values.bytes, slots, fixedWidth(type)) });
}

/**
 * Spreads values of `width` bytes over their slots; the bytes of nulls are zero. Returns `values` itself without nulls.
 */
function spread(values: Uint8Array, { length, nullCount, nullBitmap }: Slots, width: number): Uint8Array {
  if (nullCount === 0) return values;
  const target = new Uint8Array(length * width);
  for (let i = 0, from = 0; i < length; i++) {
    if (((nullBitmap[i >> 3] >> (i & 7)) & 1) === 0) continue;
    for (let k = 0; k < width; k++) target[i * width + k] = values[from++];
  }
  return target;
}

/** Packs booleans of one byte each into bits, least significant bit first. */
function packed(values: Uint8Array): Uint8Array {
  const bits = new Uint8Array((values.length + 7) >> 3);
  for (let i = 0; i < values.length; i++) bits[i >> 3] |= values[i] << (i & 7);
  return bits;
}

function structData(node: StructNode, leaves: ReadonlyMap<number, LeafColumn>): Data {
  const slots = slotsOf(node, firstLeaf(node, leaves));
  const children = node.children.map((child) => {
    const data = assemble(child, leaves);
    if (data.length !== slots.length) {
      throw new Error(`field ${JSON.stringify(child.field.name)} has ${data.length} values in ${slots.length} structs`);
    }
    return data;
  });
  return dataOf({ ...slots, type: node.field.type, children });
}

function listData(node: ListNode, leaves: ReadonlyMap<number, LeafColumn>): Data {
  const leaf = firstLeaf(node, leaves);
  const { type } = node.field;
  const slots = slotsOf(node, leaf);
  const valueOffsets = offsetsOf(node, leaf, slots.length);
  const child = assemble(node.item, leaves);
  const items = valueOffsets[slots.length];
  if (child.length !== items) throw new Error(`${child.length} items in lists of ${items}`);
  if (DataType.isFixedSizeList(type)) return fixedSizeData(type, slots, valueOffsets, child);
  return dataOf({ ...slots, type, valueOffsets, children: [child] });
}

/**
 * Offsets of the lists of a node. A pair whose repetition level is at most `rep` starts a list; a pair whose definition
 * level is above `def` and whose repetition level is at most `rep + 1` starts an item. Null and empty lists get no
 * items.
 */
function offsetsOf({ def, rep, present }: ListNode, leaf: LeafColumn, length: number): Int32Array {
  const { count } = leaf;
  const definitions = leaf.definitionLevels as Uint8Array;
  const repetitions = leaf.repetitionLevels as Uint8Array;
  const offsets = new Int32Array(length + 1);
  let slot = -1;
  let items = 0;
  for (let i = 0; i < count; i++) {
    if (repetitions[i] <= rep && definitions[i] >= present) offsets[++slot] = items;
    if (definitions[i] > def && repetitions[i] <= rep + 1) {
      if (slot < 0) throw new Error("a list starts with a continuation");
      items++;
    }
  }
  offsets[length] = items;
  return offsets;
}

// Parquet stores no items for a null list. In Arrow a null list of fixed size takes the room of its items.
function fixedSizeData(type: FixedSizeList, slots: Slots, offsets: Int32Array, child: Data): Data {
  const { listSize } = type;
  const builder = columnBuilder(child.type);
  const gap = nullData(child.type, listSize);
  for (let i = 0; i < slots.length; i++) {
    const size = offsets[i + 1] - offsets[i];
    const valid = slots.nullCount === 0 || (slots.nullBitmap[i >> 3] >> (i & 7)) & 1;
    if (valid && size !== listSize)
      throw new Error(`a list of ${size} items, expected ${listSize} as the file's Arrow schema says`);
    if (valid) builder.append(child, oneRun(offsets[i], size));
    else builder.append(gap, oneRun(0, listSize));
  }
  return dataOf({ ...slots, type, children: [builder.take()] });
}

/** Any leaf below a node has the levels of the node; the first one is used. */
function firstLeaf(node: ParquetNode, leaves: ReadonlyMap<number, LeafColumn>): LeafColumn {
  return leaves.get(leavesOf(node)[0].column) as LeafColumn;
}
