import type { Data, DataType } from "apache-arrow";
import { grown, Validity } from "./bits.js";
import type { ColumnBuilder } from "./column-builder.js";
import { dataOf } from "./data-of.js";
import { VIEW_INLINE, VIEW_WIDTH } from "./layout.js";
import { itemRuns, type Runs } from "./runs.js";

/**
 * Builds Utf8 and Binary columns, and LargeUtf8 and LargeBinary ones (`large`). The builder holds 32-bit ends for all
 * four and widens them in `take`, because a batch stays below 2 GiB whatever its type.
 *
 *     source offsets   10   13   20      of a run whose values lie at bytes 10 to 20
 *     size so far      100               base = 10 - 100 = -90
 *     ends             103  110          offset - base: where each value ends in this builder
 */
export class BytesBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #large: boolean;
  readonly #validity = new Validity();
  #ends = new Uint8Array(0);
  #bytes = new Uint8Array(0);
  #size = 0;

  constructor(type: DataType, large: boolean) {
    this.#type = type;
    this.#large = large;
  }

  get byteLength(): number {
    return this.#validity.length * (this.#large ? 8 : 4) + this.#validity.byteLength + this.#size;
  }

  append(data: Data, runs: Runs): void {
    const rowsBefore = this.#validity.length;
    this.#ends = grown(this.#ends, (rowsBefore + runs.rows) * 4);
    const ends = new Int32Array(this.#ends.buffer, 0, this.#ends.length >> 2);
    const offsets = data.valueOffsets;
    let size = this.#size;
    let row = rowsBefore;
    if (this.#large) {
      for (let r = 0; r < runs.length; r++) {
        const start = runs.starts[r];
        const base = Number(offsets[start]) - size;
        for (let i = 1; i <= runs.counts[r]; i++) ends[row++] = Number(offsets[start + i]) - base;
        size = Number(offsets[start + runs.counts[r]]) - base;
      }
    } else {
      for (let r = 0; r < runs.length; r++) {
        const start = runs.starts[r];
        const base = (offsets as Int32Array)[start] - size;
        for (let i = 1; i <= runs.counts[r]; i++) ends[row++] = (offsets as Int32Array)[start + i] - base;
        size = (offsets as Int32Array)[start + runs.counts[r]] - base;
      }
    }
    this.#copy(data.values, itemRuns(offsets as Int32Array, runs));
    this.#validity.append(data, runs);
  }

  take(): Data {
    const { length } = this.#validity;
    const ends = new Int32Array(this.#ends.buffer, 0, length);
    const valueOffsets = this.#large ? new BigInt64Array(length + 1) : new Int32Array(length + 1);
    if (this.#large) for (let i = 0; i < length; i++) valueOffsets[i + 1] = BigInt(ends[i]);
    else (valueOffsets as Int32Array).set(ends, 1);
    const values = this.#bytes.subarray(0, this.#size);
    this.#ends = new Uint8Array(0);
    this.#bytes = new Uint8Array(0);
    this.#size = 0;
    return dataOf({ type: this.#type, length, valueOffsets, values, ...this.#validity.take() });
  }

  #copy(source: Uint8Array, runs: Runs): void {
    this.#bytes = grown(this.#bytes, this.#size + runs.rows);
    const target = this.#bytes;
    let at = this.#size;
    for (let r = 0; r < runs.length; r++) {
      const from = runs.starts[r];
      const count = runs.counts[r];
      if (count <= SHORT) {
        for (let i = 0; i < count; i++) target[at + i] = source[from + i];
      } else {
        target.set(source.subarray(from, from + count), at);
      }
      at += count;
    }
    this.#size = at;
  }
}

// Bytes up to which a loop is faster than a call of `set`.
const SHORT = 48;

/**
 * Builds Utf8View and BinaryView columns. The builder copies values longer than 12 bytes into one buffer and points
 * their views there. Keeping the source's buffers instead would let a few rows hold the memory of a whole batch.
 * Layout: https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
 */
export class ViewBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #validity = new Validity();
  #views = new Uint8Array(0);
  #bytes = new Uint8Array(0);
  #size = 0;

  constructor(type: DataType) {
    this.#type = type;
  }

  get byteLength(): number {
    return this.#validity.length * VIEW_WIDTH + this.#validity.byteLength + this.#size;
  }

  append(data: Data, runs: Runs): void {
    let at = this.#validity.length * VIEW_WIDTH;
    this.#views = grown(this.#views, at + runs.rows * VIEW_WIDTH);
    const views = new DataView(this.#views.buffer);
    const source = data.values as Uint8Array;
    const before = this.#validity.length;
    this.#validity.append(data, runs);
    for (let r = 0; r < runs.length; r++) {
      const from = runs.starts[r] * VIEW_WIDTH;
      this.#views.set(source.subarray(from, from + runs.counts[r] * VIEW_WIDTH), at);
      at += runs.counts[r] * VIEW_WIDTH;
    }
    for (let row = before; row < before + runs.rows; row++) {
      const view = row * VIEW_WIDTH;
      const length = views.getInt32(view, true);
      if (length <= VIEW_INLINE) continue;
      const buffer = data.variadicBuffers[views.getInt32(view + 8, true)];
      const offset = views.getInt32(view + 12, true);
      // The view of a null may hold anything. A view that points outside its buffers becomes an empty value.
      if (buffer === undefined || offset < 0 || offset + length > buffer.length) {
        this.#views.fill(0, view, view + VIEW_WIDTH);
        continue;
      }
      this.#bytes = grown(this.#bytes, this.#size + length);
      this.#bytes.set(buffer.subarray(offset, offset + length), this.#size);
      views.setInt32(view + 8, 0, true);
      views.setInt32(view + 12, this.#size, true);
      this.#size += length;
    }
  }

  take(): Data {
    const { length } = this.#validity;
    const values = this.#views.subarray(0, length * VIEW_WIDTH);
    const variadicBuffers = this.#size === 0 ? [] : [this.#bytes.subarray(0, this.#size)];
    this.#views = new Uint8Array(0);
    this.#bytes = new Uint8Array(0);
    this.#size = 0;
    return dataOf({ type: this.#type, length, values, variadicBuffers, ...this.#validity.take() });
  }
}
