import type { RecordBatch, Schema } from "apache-arrow";
import type { ColumnBuilder } from "./column-builder.js";
import { columnBuilder, type Dictionaries } from "./create-builder.js";
import { rowBytes } from "./row-bytes.js";
import { oneRun } from "./runs.js";
import { batchOf } from "./take.js";

/** When an output batch is full. */
export interface BatchLimits {
  /** Rows, a multiple of 1024. */
  readonly rows: number;
  /** Bytes, looked at after every 1024 rows. */
  readonly bytes: number;
  /** Bytes, looked at after every 16 rows, for rows so large that 1024 of them are too much. */
  readonly most: number;
}

/** Readers are slow on many small batches, and need memory for large ones. */
export const BATCH_LIMITS: BatchLimits = { rows: 65_536, bytes: 16 << 20, most: 64 << 20 };

// Where a batch may end. Cutting only there, by the size of compact buffers, makes the cuts a function of the rows.
const BLOCK_ROWS = 1024;
const FINE_ROWS = 16;

/**
 * Gathers rows into batches that are cut at the same rows however the input was batched, so that files come out the same byte
 * for byte. Memory: one output batch.
 */
export class Coalescer {
  readonly #schema: Schema;
  readonly #limits: BatchLimits;
  readonly #columns: ColumnBuilder[];
  #rows = 0;

  /** Builders of dictionary-encoded columns are put into `dictionaries`. */
  constructor(schema: Schema, dictionaries?: Dictionaries, limits: BatchLimits = BATCH_LIMITS) {
    this.#schema = schema;
    this.#limits = limits;
    this.#columns = schema.fields.map((field) => columnBuilder(field.type, dictionaries));
  }

  /** Appends a batch; yields the batches that it fills. */
  *push(batch: RecordBatch): Generator<RecordBatch> {
    const { children } = batch.data;
    if (children.length !== this.#columns.length) {
      throw new Error(`a batch of ${children.length} columns for a table of ${this.#columns.length}`);
    }
    const coming = children.reduce((sum, column) => sum + rowBytes(column, 0, batch.numRows), 0);
    for (let start = 0; start < batch.numRows; ) {
      // Where `most` cannot be reached there is no need to look for it. What there is may come to hold validity too, which takes no
      // more than its values do.
      const step = 2 * this.#bytes() + coming < this.#limits.most ? BLOCK_ROWS : FINE_ROWS;
      const count = Math.min(batch.numRows - start, step - (this.#rows % step));
      const run = oneRun(start, count);
      for (let c = 0; c < children.length; c++) this.#columns[c].append(children[c], run);
      start += count;
      this.#rows += count;
      if (this.#isFull()) yield this.#take();
    }
  }

  /** The rows that are left; undefined where there are none. */
  flush(): RecordBatch | undefined {
    return this.#rows === 0 ? undefined : this.#take();
  }

  #isFull(): boolean {
    const { rows, bytes, most } = this.#limits;
    if (this.#rows % FINE_ROWS !== 0) return false;
    if (this.#rows % BLOCK_ROWS !== 0) return this.#bytes() >= most;
    return this.#rows >= rows || this.#bytes() >= Math.min(bytes, most);
  }

  #bytes(): number {
    let bytes = 0;
    for (const column of this.#columns) bytes += column.byteLength;
    return bytes;
  }

  #take(): RecordBatch {
    const rows = this.#rows;
    this.#rows = 0;
    return batchOf(
      this.#schema,
      this.#columns.map((column) => column.take()),
      rows,
    );
  }
}
