import type { FileHandle } from "node:fs/promises";
import { type RecordBatch, Schema } from "apache-arrow";
import { batchOf } from "../columns/take.js";
import { assemble, leavesOf } from "./assemble.js";
import { type LeafColumn, LeafReader } from "./column.js";
import { columnChunk, type ParquetRowGroup } from "./file.js";
import type { Allowance } from "./pages.js";
import type { ParquetNode } from "./types.js";

/** Decoded bytes of a batch, about: one row more where rows are large, a page's worth where levels have to be looked through. */
const BATCH_BYTES = 8 * 2 ** 20;

/** Below this share of a column batches would have too few rows to be worth their overhead, if there is room for more. */
const LEAF_BYTES = 32 * 1024;

/** Bytes of a column that are read at once at least, where there is room for it in all columns. */
const READ_BYTES = 256 * 1024;

/** Shares of the limit that batches and what is read ahead may take. */
const BATCH_SHARE = 1 / 8;
const READ_SHARE = 1 / 4;
/** What a column needs in any case. */
const LEAST_BYTES = 1024;

/** Reads some columns of a row group, batch after batch, decoding no more than a batch of them. */
export class RowGroupReader {
  readonly #nodes: readonly ParquetNode[];
  readonly #schema: Schema;
  /** Readers by node, in the order of its leaves; made with the first batch. */
  readonly #readers: (readonly (readonly [column: number, reader: LeafReader])[])[];
  readonly #rows: number;
  readonly #firstRow: number;
  /** Bytes that a leaf may decode ahead. */
  readonly #share: number;
  #row = 0;

  /**
   * @param options.columns top-level columns by their position
   * @param options.firstRow position of the group's first row in its file, for messages
   * @param options.allowance what the pages held at once may take, with those of other readers of the group
   * @throws Error where a chunk is not where the footer says
   */
  constructor(options: {
    file: FileHandle;
    byteLength: number;
    nodes: readonly ParquetNode[];
    rowGroup: ParquetRowGroup;
    columns: readonly number[];
    firstRow: number;
    allowance: Allowance;
  }) {
    const { file, byteLength, rowGroup, columns, firstRow, allowance } = options;
    this.#nodes = columns.map((column) => options.nodes[column]);
    this.#schema = new Schema(this.#nodes.map(({ field }) => field));
    this.#rows = rowGroup.rows;
    this.#firstRow = firstRow;
    const leaves = Math.max(1, this.#nodes.flatMap(leavesOf).length);
    allowance.columns += leaves;
    const room = (share: number, most: number) =>
      Math.max(LEAST_BYTES, Math.min(most, Math.floor((share * allowance.limit) / leaves)));
    this.#share = Math.max(BATCH_BYTES / leaves, room(BATCH_SHARE, LEAF_BYTES));
    const ahead = room(READ_SHARE, READ_BYTES);
    this.#readers = this.#nodes.map((node) =>
      this.#named(node, () =>
        leavesOf(node).map((leaf) => {
          const chunk = columnChunk(rowGroup, leaf.column, leaf.element);
          if (chunk.start + chunk.length > byteLength) {
            throw new Error(`${chunk.length} bytes at byte ${chunk.start} of a file of ${byteLength}`);
          }
          return [leaf.column, new LeafReader(file, chunk, leaf, allowance, ahead)] as const;
        }),
      ),
    );
  }

  /** Rows that were read so far. */
  get row(): number {
    return this.#row;
  }

  /** The next rows, at most `most` of them and one at least. @throws Error where they are not there or corrupt */
  async next(most: number): Promise<RecordBatch> {
    let rows = Math.min(most, this.#rows - this.#row);
    for (let i = 0; i < this.#nodes.length; i++) {
      for (const [, reader] of this.#readers[i]) {
        const filled = await reader
          .fill(rows, this.#share)
          .catch((error: unknown) => this.#explain(this.#nodes[i], error));
        if (filled === 0) this.#explain(this.#nodes[i], new Error(`${this.#row} rows, expected ${this.#rows}`));
        rows = filled;
      }
    }
    const data = this.#nodes.map((node, i) =>
      this.#named(node, () => {
        const leaves = new Map<number, LeafColumn>();
        for (const [column, reader] of this.#readers[i]) leaves.set(column, reader.take(rows));
        const assembled = assemble(node, leaves);
        if (assembled.length !== rows) throw new Error(`${assembled.length} rows, expected ${rows}`);
        return assembled;
      }),
    );
    this.#row += rows;
    if (this.#row === this.#rows) for (let i = 0; i < this.#nodes.length; i++) this.#checkEnd(i);
    return batchOf(this.#schema, data, rows);
  }

  #checkEnd(i: number): void {
    for (const [, reader] of this.#readers[i]) {
      if (reader.ended) continue;
      this.#explain(this.#nodes[i], new Error(`more than ${this.#rows} rows`));
    }
  }

  #named<T>(node: ParquetNode, read: () => T): T {
    try {
      return read();
    } catch (error) {
      return this.#explain(node, error);
    }
  }

  #explain(node: ParquetNode, error: unknown): never {
    const where = `column ${JSON.stringify(node.field.name)}, rows from ${this.#firstRow + this.#row + 1}`;
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
  }
}
