import type { Data, DataType } from "apache-arrow";
import { copyBits, grown, Validity } from "./bits.js";
import type { ColumnBuilder } from "./column-builder.js";
import { dataOf } from "./data-of.js";
import { bytesOf, fixedWidth } from "./layout.js";
import type { Runs } from "./runs.js";

/** Builds columns of type Null, which have a length and no buffers. */
export class NullBuilder implements ColumnBuilder {
  readonly byteLength = 0;
  readonly #type: DataType;
  #length = 0;

  constructor(type: DataType) {
    this.#type = type;
  }

  append(_data: Data, runs: Runs): void {
    this.#length += runs.rows;
  }

  take(): Data {
    const length = this.#length;
    this.#length = 0;
    return dataOf({ type: this.#type, length, nullCount: length });
  }
}

/** Builds boolean columns, one bit a row. */
export class BoolBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #validity = new Validity();
  #bits = new Uint8Array(0);

  constructor(type: DataType) {
    this.#type = type;
  }

  get byteLength(): number {
    return ((this.#validity.length + 7) >> 3) + this.#validity.byteLength;
  }

  append(data: Data, runs: Runs): void {
    let at = this.#validity.length;
    this.#bits = grown(this.#bits, (at + runs.rows + 7) >> 3);
    for (let r = 0; r < runs.length; r++) {
      copyBits(data.values, data.offset + runs.starts[r], this.#bits, at, runs.counts[r]);
      at += runs.counts[r];
    }
    this.#validity.append(data, runs);
  }

  take(): Data {
    const { length } = this.#validity;
    const values = this.#bits.subarray(0, (length + 7) >> 3);
    this.#bits = new Uint8Array(0);
    return dataOf({ type: this.#type, length, values, ...this.#validity.take() });
  }
}

/**
 * Builds columns of fixed-width values: integers, floats, decimals, dates, times, timestamps, durations, intervals and
 * fixed-size binaries, and the indices of dictionary-encoded columns. Values are copied as bytes.
 */
export class FixedBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #width: number;
  readonly #validity = new Validity();
  #bytes = new Uint8Array(0);

  constructor(type: DataType) {
    this.#type = type;
    this.#width = fixedWidth(type);
  }

  get byteLength(): number {
    return this.#validity.length * this.#width + this.#validity.byteLength;
  }

  append(data: Data, runs: Runs): void {
    const width = this.#width;
    const source = bytesOf(data.values);
    let at = this.#validity.length * width;
    const target = grown(this.#bytes, at + runs.rows * width);
    this.#bytes = target;
    const { starts, counts, length } = runs;
    for (let r = 0; r < length; r++) {
      const from = starts[r] * width;
      const size = counts[r] * width;
      if (size <= SHORT) {
        for (let i = 0; i < size; i++) target[at + i] = source[from + i];
      } else {
        target.set(source.subarray(from, from + size), at);
      }
      at += size;
    }
    this.#validity.append(data, runs);
  }

  take(): Data {
    const { length } = this.#validity;
    const values = new Uint8Array(this.#bytes.buffer, 0, length * this.#width);
    this.#bytes = new Uint8Array(0);
    return dataOf({ type: this.#type, length, values, ...this.#validity.take() });
  }
}

// Bytes up to which a loop is faster than a call of `set`.
const SHORT = 48;
