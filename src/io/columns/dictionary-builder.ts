import { type Data, DataType, type Dictionary, type Int, Vector } from "apache-arrow";
import { bitAt } from "./bits.js";
import type { ColumnBuilder } from "./column-builder.js";
import { dataOf } from "./data-of.js";
import { isValid, isWide, valueBytes } from "./layout.js";
import { type Runs, runsOf } from "./runs.js";

/**
 * Builds dictionary-encoded columns. The builder copies indices and shares the first dictionary. When rows with another
 * dictionary follow (from another file, or after a replacement or delta), it appends the new values to its own
 * dictionary and renumbers the indices of these rows. The indices written before stay valid, because no value moves.
 *
 *     own dictionary   a b c         next dictionary   c d a
 *     becomes          a b c d       its indices       0 1 2  ->  2 3 0
 */
export class DictionaryBuilder implements ColumnBuilder {
  readonly type: Dictionary;
  readonly #indices: ColumnBuilder;
  readonly #added: ColumnBuilder;
  #dictionary: Vector | undefined;
  #positions: Map<string | null, number> | undefined;
  #size = 0;
  #last: { readonly from: Vector; readonly to: Float64Array | undefined } | undefined;

  /** @param indices builds columns of the index type. @param values builds columns of the dictionary's value type */
  constructor(type: Dictionary, indices: ColumnBuilder, values: ColumnBuilder) {
    this.type = type;
    this.#indices = indices;
    this.#added = values;
  }

  get byteLength(): number {
    return this.#indices.byteLength;
  }

  /** The dictionary of all rows appended so far; undefined before the first. */
  get dictionary(): Vector | undefined {
    return this.#dictionary;
  }

  append(data: Data, runs: Runs): void {
    if (runs.rows === 0) return;
    const from = data.dictionary;
    if (from === undefined) throw new Error("a dictionary-encoded column came without its dictionary");
    const { indices } = this.type;
    const map = this.#mapping(from);
    const { offset, length, nullCount, nullBitmap } = data;
    const values = map === undefined ? data.values : renumbered(data.values, map, indices);
    this.#indices.append(dataOf({ type: indices, offset, length, nullCount, nullBitmap, values }), runs);
  }

  take(): Data {
    const indices = this.#indices.take();
    return dataOf({
      type: this.type,
      length: indices.length,
      nullCount: indices.nullCount,
      nullBitmap: indices.nullBitmap,
      values: indices.values,
      dictionary: this.#dictionary ?? emptyDictionary(this.type),
    });
  }

  /** The index in the own dictionary of each value of `from`; undefined where the indices can stay as they are. */
  #mapping(from: Vector): Float64Array | undefined {
    // A column of nulls has an empty dictionary, and no index that needs renumbering.
    if (from.length === 0) return undefined;
    this.#dictionary ??= from;
    if (from === this.#dictionary) return undefined;
    if (this.#last?.from !== from) this.#last = { from, to: this.#merge(from, this.#dictionary) };
    return this.#last.to;
  }

  #merge(from: Vector, ours: Vector): Float64Array | undefined {
    if (this.#positions === undefined) {
      this.#positions = positionsOf(ours);
      this.#size = ours.length;
    }
    const positions = this.#positions;
    const to = new Float64Array(from.length);
    let same = true;
    let i = 0;
    for (const chunk of from.data) {
      const added: number[] = [];
      for (let row = 0; row < chunk.length; row++, i++) {
        const value = valueKey(chunk, row);
        let position = positions.get(value);
        if (position === undefined) {
          position = this.#size++;
          positions.set(value, position);
          added.push(row);
        }
        to[i] = position;
        if (position !== i) same = false;
      }
      this.#added.append(chunk, runsOf(Uint32Array.from(added)));
    }
    const { indices } = this.type;
    if (this.#size > 2 ** (indices.bitWidth - (indices.isSigned ? 1 : 0))) {
      throw new Error(`${this.#size} dictionary values do not fit the index type ${indices}: decode the column first`);
    }
    const added = this.#added.take();
    if (added.length > 0) this.#dictionary = new Vector([...ours.data, added]);
    return same ? undefined : to;
  }
}

// Indices under a null may be out of range; no reader looks at them, so they become 0.
function renumbered(indices: ArrayLike<number | bigint>, map: Float64Array, type: Int): ArrayBufferView {
  const target = new type.ArrayType(indices.length);
  if (isWide(target)) for (let i = 0; i < target.length; i++) target[i] = BigInt(map[Number(indices[i])] ?? 0);
  else for (let i = 0; i < target.length; i++) target[i] = map[Number(indices[i])] ?? 0;
  return target;
}

function positionsOf(dictionary: Vector): Map<string | null, number> {
  const positions = new Map<string | null, number>();
  let i = 0;
  for (const chunk of dictionary.data) {
    // A dictionary may repeat a value. Either index serves, since both stand for the same value.
    for (let row = 0; row < chunk.length; row++, i++) positions.set(valueKey(chunk, row), i);
  }
  return positions;
}

/** A dictionary without values. */
export function emptyDictionary(type: Dictionary): Vector {
  return new Vector([dataOf({ type: type.dictionary, length: 0, nullCount: 0 })]);
}

// A key for one dictionary value: its bytes, because JavaScript values would merge different ones (nanoseconds, invalid
// UTF-8).
function valueKey(chunk: Data, row: number): string | null {
  if (!isValid(chunk, row)) return null;
  if (DataType.isBool(chunk.type)) return String(bitAt(chunk.values, chunk.offset + row));
  const bytes = valueBytes(chunk, row);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
