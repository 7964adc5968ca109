import type { RecordBatch, Schema } from "apache-arrow";
import { type Data, DataType } from "apache-arrow";
import type { ColumnBuilder } from "./column-builder.js";
import { columnBuilder, type Dictionaries } from "./create-builder.js";
import { bytesOf, fixedWidth, hasWideOffsets, isVariable, longViewBytes, VIEW_WIDTH } from "./layout.js";
import { oneRun } from "./runs.js";
import { batchOf } from "./take.js";

/** The sizes at which an output batch is full. */
export interface BatchLimits {
  /** Rows, a multiple of 1024. */
  readonly rows: number;
  /** Bytes, checked after every 1024 rows. */
  readonly bytes: number;
  /** Bytes, checked after every 16 rows: for rows so large that 1024 of them would be too many. */
  readonly most: number;
}

/**
 * The default: 65,536 rows, or 16 MiB, or 64 MiB of large rows. Small batches make readers slow, large ones cost them
 * memory.
 */
export const BATCH_LIMITS: BatchLimits = { rows: 65_536, bytes: 16 << 20, most: 64 << 20 };

// A batch may end only at multiples of these rows, and the decision uses the size of compact buffers. So the rows alone
// decide where batches end, not the batches in which the rows arrived.
const BLOCK_ROWS = 1024;
const FINE_ROWS = 16;

/**
 * Gathers rows into batches of a good size for readers. The same rows always give the same batches, however the input
 * was batched, so that equal tables become equal files, byte for byte. Memory: one output batch.
 */
export class Coalescer {
  readonly #schema: Schema;
  readonly #limits: BatchLimits;
  readonly #columns: ColumnBuilder[];
  #rows = 0;

  /** Adds the builders of dictionary-encoded columns to `dictionaries`. */
  constructor(schema: Schema, dictionaries?: Dictionaries, limits: BatchLimits = BATCH_LIMITS) {
    this.#schema = schema;
    this.#limits = limits;
    this.#columns = schema.fields.map((field) => columnBuilder(field.type, dictionaries));
  }

  /**
   * Appends a batch, and yields each output batch that it fills. The input's buffers are copied.
   * @throws Error for a batch with another number of columns
   */
  *push(batch: RecordBatch): Generator<RecordBatch> {
    const { children } = batch.data;
    if (children.length !== this.#columns.length) {
      throw new Error(`a batch of ${children.length} columns for a table of ${this.#columns.length}`);
    }
    const coming = children.reduce((sum, column) => sum + rowBytes(column, 0, batch.numRows), 0);
    for (let start = 0; start < batch.numRows; ) {
      // Steps of 1024 rows are safe while the output cannot reach `most` even with this whole batch. The gathered bytes
      // count twice: a first null adds a validity bitmap to rows without one, which is no larger than their values.
      const step = 2 * this.#bytes() + coming < this.#limits.most ? BLOCK_ROWS : FINE_ROWS;
      const count = Math.min(batch.numRows - start, step - (this.#rows % step));
      const run = oneRun(start, count);
      for (let c = 0; c < children.length; c++) this.#columns[c].append(children[c], run);
      start += count;
      this.#rows += count;
      if (this.#isFull()) yield this.#take();
    }
  }

  /** The last batch, of the rows that filled none; undefined where no row is left. */
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

/**
 * An upper bound of the bytes that `length` rows from `start` on take in compact buffers, without dictionaries.
 * Infinite for dense unions, whose rows may lie anywhere in their members. Costs O(1) a column, but O(length) for
 * views, whose lengths must be read.
 */
export function rowBytes(data: Data, start: number, length: number): number {
  const { type, children, valueOffsets: offsets } = data;
  if (DataType.isNull(type)) return 0;
  const bits = length / 8 + 1;
  if (DataType.isStruct(type)) return bits + sum(children, start, length);
  if (DataType.isFixedSizeList(type))
    return bits + rowBytes(children[0], start * type.listSize, length * type.listSize);
  if (DataType.isUnion(type)) {
    return offsets === undefined ? length + sum(children, start, length) : Number.POSITIVE_INFINITY;
  }
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
    const views = bytesOf(data.values).subarray(start * VIEW_WIDTH, (start + length) * VIEW_WIDTH);
    return bits + views.length + longViewBytes(views);
  }
  if (children.length > 0 || isVariable(type)) {
    if (length === 0) return 0;
    const first = Number(offsets[start]);
    const inside = Number(offsets[start + length]) - first;
    const own = bits + (length + 1) * (hasWideOffsets(type) ? 8 : 4);
    return own + (children.length > 0 ? rowBytes(children[0], first, inside) : inside);
  }
  if (DataType.isBool(type)) return 2 * bits;
  return bits + length * fixedWidth(DataType.isDictionary(type) ? type.indices : type);
}

function sum(columns: readonly Data[], start: number, length: number): number {
  let bytes = 0;
  for (const column of columns) bytes += rowBytes(column, start, length);
  return bytes;
}
