import { type Data, type DataType, type Union, UnionMode } from "apache-arrow";
import { Validity } from "./bits.js";
import type { ColumnBuilder } from "./column-builder.js";
import { dataOf } from "./data-of.js";
import { itemRuns, oneRun, type Runs, scaledRuns } from "./runs.js";

/**
 * Builds List, LargeList (`large`) and Map columns: the end of each row's items, and the items themselves by a builder
 * of their own. Rows are renumbered as in `BytesBuilder`, with items in place of bytes.
 */
export class ListBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #large: boolean;
  readonly #items: ColumnBuilder;
  readonly #validity = new Validity();
  #ends: number[] = [];
  #itemCount = 0;

  constructor(type: DataType, large: boolean, items: ColumnBuilder) {
    this.#type = type;
    this.#large = large;
    this.#items = items;
  }

  get byteLength(): number {
    return this.#validity.length * (this.#large ? 8 : 4) + this.#validity.byteLength + this.#items.byteLength;
  }

  append(data: Data, runs: Runs): void {
    const offsets = data.valueOffsets as Int32Array | BigInt64Array;
    let count = this.#itemCount;
    for (let r = 0; r < runs.length; r++) {
      const start = runs.starts[r];
      const base = Number(offsets[start]) - count;
      for (let i = 1; i <= runs.counts[r]; i++) this.#ends.push(Number(offsets[start + i]) - base);
      count = Number(offsets[start + runs.counts[r]]) - base;
    }
    this.#itemCount = count;
    this.#items.append(data.children[0], itemRuns(offsets, runs));
    this.#validity.append(data, runs);
  }

  take(): Data {
    const { length } = this.#validity;
    const ends = this.#ends;
    const valueOffsets = this.#large ? new BigInt64Array(length + 1) : new Int32Array(length + 1);
    if (valueOffsets instanceof Int32Array) for (let i = 0; i < length; i++) valueOffsets[i + 1] = ends[i];
    else for (let i = 0; i < length; i++) valueOffsets[i + 1] = BigInt(ends[i]);
    this.#ends = [];
    this.#itemCount = 0;
    const children = [this.#items.take()];
    return dataOf({ type: this.#type, length, valueOffsets, children, ...this.#validity.take() });
  }
}

/** Builds FixedSizeList columns: row i has the items i * size to (i + 1) * size, those of a null included. */
export class FixedSizeListBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #size: number;
  readonly #items: ColumnBuilder;
  readonly #validity = new Validity();

  constructor(type: DataType, size: number, items: ColumnBuilder) {
    this.#type = type;
    this.#size = size;
    this.#items = items;
  }

  get byteLength(): number {
    return this.#validity.byteLength + this.#items.byteLength;
  }

  append(data: Data, runs: Runs): void {
    this.#items.append(data.children[0], scaledRuns(runs, this.#size));
    this.#validity.append(data, runs);
  }

  take(): Data {
    const { length } = this.#validity;
    return dataOf({ type: this.#type, length, children: [this.#items.take()], ...this.#validity.take() });
  }
}

/** Builds Struct columns: a builder for each field, and the validity of the struct itself. */
export class StructBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #fields: ColumnBuilder[];
  readonly #validity = new Validity();

  constructor(type: DataType, fields: ColumnBuilder[]) {
    this.#type = type;
    this.#fields = fields;
  }

  get byteLength(): number {
    return this.#fields.reduce((sum, field) => sum + field.byteLength, this.#validity.byteLength);
  }

  append(data: Data, runs: Runs): void {
    for (let i = 0; i < this.#fields.length; i++) this.#fields[i].append(data.children[i], runs);
    this.#validity.append(data, runs);
  }

  take(): Data {
    const { length } = this.#validity;
    const children = this.#fields.map((field) => field.take());
    return dataOf({ type: this.#type, length, children, ...this.#validity.take() });
  }
}

/**
 * Builds sparse and dense unions. Neither has a validity bitmap: a row is null where the member that holds it is. In a
 * sparse union every member has every row; in a dense one each row has a position in its member, and the builder copies
 * the members' rows one by one, since neighbouring rows may lie anywhere.
 */
export class UnionBuilder implements ColumnBuilder {
  readonly #type: Union;
  readonly #dense: boolean;
  readonly #children: ColumnBuilder[];
  readonly #childLengths: number[];
  #typeIds: number[] = [];
  #offsets: number[] = [];

  constructor(type: Union, children: ColumnBuilder[]) {
    this.#type = type;
    this.#dense = type.mode === UnionMode.Dense;
    this.#children = children;
    this.#childLengths = this.#children.map(() => 0);
  }

  get byteLength(): number {
    return this.#children.reduce((sum, child) => sum + child.byteLength, this.#typeIds.length * (this.#dense ? 5 : 1));
  }

  append(data: Data, runs: Runs): void {
    const { typeIds } = data;
    const children = this.#children;
    for (let r = 0; r < runs.length; r++) {
      for (let i = 0; i < runs.counts[r]; i++) {
        const row = runs.starts[r] + i;
        this.#typeIds.push(typeIds[row]);
        if (!this.#dense) continue;
        const child = this.#type.typeIdToChildIndex[typeIds[row]];
        children[child].append(data.children[child], oneRun(Number(data.valueOffsets[row]), 1));
        this.#offsets.push(this.#childLengths[child]++);
      }
    }
    if (!this.#dense) children.forEach((child, c) => void child.append(data.children[c], runs));
  }

  take(): Data {
    const data = dataOf({
      type: this.#type,
      length: this.#typeIds.length,
      nullCount: 0,
      typeIds: Int8Array.from(this.#typeIds),
      valueOffsets: this.#dense ? Int32Array.from(this.#offsets) : undefined,
      children: this.#children.map((child) => child.take()),
    });
    this.#typeIds = [];
    this.#offsets = [];
    this.#childLengths.fill(0);
    return data;
  }
}
