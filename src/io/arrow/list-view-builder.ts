import { type Data, DataType } from "apache-arrow";
import { Validity } from "../columns/bits.js";
import type { ColumnBuilder } from "../columns/column-builder.js";
import { dataOf } from "../columns/data-of.js";
import { isValid } from "../columns/layout.js";
import type { Runs } from "../columns/runs.js";

/**
 * Builds List and LargeList columns from list views: the items of each row, wherever they lie, follow one another. A
 * null row gets no items.
 *
 *     starts  4  0  2      of rows [e f], [a b c], [c d]
 *     sizes   2  3  2
 *     ends    2  5  7      the items become e f a b c c d
 */
export class ListViewBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #items: ColumnBuilder;
  readonly #validity = new Validity();
  #ends: number[] = [];

  /** @param type the List or LargeList. @param items builds its items */
  constructor(type: DataType, items: ColumnBuilder) {
    this.#type = type;
    this.#items = items;
  }

  get byteLength(): number {
    return 8 * this.#ends.length + this.#validity.byteLength + this.#items.byteLength;
  }

  append(data: Data, runs: Runs): void {
    const starts = new Uint32Array(runs.rows);
    const counts = new Uint32Array(runs.rows);
    let length = 0;
    let rows = 0;
    const before = this.#ends.at(-1) ?? 0;
    for (let r = 0; r < runs.length; r++) {
      for (let row = runs.starts[r]; row < runs.starts[r] + runs.counts[r]; row++) {
        const size = isValid(data, row) ? Number(data.values[row]) : 0;
        if (size > 0) {
          starts[length] = Number(data.valueOffsets[row]);
          counts[length++] = size;
          rows += size;
        }
        this.#ends.push(before + rows);
      }
    }
    this.#items.append(data.children[0], { starts, counts, length, rows });
    this.#validity.append(data, runs);
  }

  take(): Data {
    const { length } = this.#validity;
    const large = DataType.isLargeList(this.#type);
    const valueOffsets = large ? BigInt64Array.from([0, ...this.#ends], BigInt) : Int32Array.from([0, ...this.#ends]);
    this.#ends = [];
    return dataOf({
      type: this.#type,
      length,
      valueOffsets,
      children: [this.#items.take()],
      ...this.#validity.take(),
    });
  }
}
