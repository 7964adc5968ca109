import type { RecordBatch, Schema } from "apache-arrow";
import { type ColumnBuilder, columnBuilder, type Dictionaries } from "./column-builder.js";
import { oneRun } from "./runs.js";
import { batchOf } from "./take.js";

/** When an output batch is full. */
export interface BatchLimits {
  /** Rows, a multiple of 1024. */
  readonly rows: number;
  /** Bytes, looked at after every 1024 rows. */
  readonly bytes: number;
}

/** Readers are slow on many small batches, and need memory for large ones. */
export const BATCH_LIMITS: BatchLimits = { rows: 65_536, bytes: 16 << 20 };

// Where a batch may end. Cutting only there, by the size of compact buffers, makes the cuts a function of the rows.
const BLOCK_ROWS = 1024;

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
    for (let start = 0; start < batch.numRows; ) {
      const count = Math.min(batch.numRows - start, BLOCK_ROWS - (this.#rows % BLOCK_ROWS));
      const run = oneRun(start, count);
      for (let c = 0; c < children.length; c++) this.#columns[c].append(children[c], run);
      start += count;
      this.#rows += count;
      if (this.#rows % BLOCK_ROWS === 0 && this.#isFull()) yield this.#take();
    }
  }

  /** The rows that are left; undefined where there are none. */
  flush(): RecordBatch | undefined {
    return this.#rows === 0 ? undefined : this.#take();
  }

  #isFull(): boolean {
    if (this.#rows >= this.#limits.rows) return true;
    return this.#columns.reduce((sum, column) => sum + column.byteLength, 0) >= this.#limits.bytes;
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
