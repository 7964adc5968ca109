import type { FileHandle } from "node:fs/promises";
import { type RecordBatch, Schema } from "apache-arrow";
import { batchOf } from "../columns/take.js";
import { reasonOf } from "../unreadable.js";
import { assemble, leavesOf } from "./assemble.js";
import { type LeafColumn, LeafReader } from "./column.js";
import { columnChunk, type ParquetRowGroup } from "./file.js";
import type { Allowance } from "./pages.js";
import type { ParquetNode } from "./types.js";

/**
 * Decoded bytes of a batch, about. A single large row may take more, and a column with lists decodes up to a step more.
 */
const BATCH_BYTES = 8 * 2 ** 20;

/**
 * Least share of a leaf in a batch, in bytes, where the limit has room for it. With less, batches would have too few
 * rows.
 */
const LEAF_BYTES = 32 * 1024;

/** Least number of bytes to read from a leaf at once, where the limit has room for it in all leaves. */
const READ_BYTES = 256 * 1024;

/** Shares of the limit for batches and for the bytes read ahead. */
const BATCH_SHARE = 1 / 8;
const READ_SHARE = 1 / 4;
/** Least share of a leaf in any case, in bytes. */
const LEAST_BYTES = 1024;

/**
 * Reads some columns of a row group batch by batch. Memory: the pages that `allowance` counts, the bytes read ahead,
 * and one batch.
 */
export class RowGroupReader {
  readonly #nodes: readonly ParquetNode[];
  readonly #schema: Schema;
  /** For each node the readers of its leaves, in the order of the schema. */
  readonly #readers: (readonly (readonly [column: number, reader: LeafReader])[])[];
  readonly #rows: number;
  readonly #firstRow: number;
  /** Bytes that a leaf may decode for a batch. */
  readonly #share: number;
  #row = 0;

  /**
   * @param options.columns positions of the top-level columns to read
   * @param options.firstRow number of the first row of the group in the file, from 0, for messages
   * @param options.allowance the limit for pages in memory, shared with other readers of the group
   * @throws Error where a chunk is missing, goes beyond the end of the file or does not fit the schema
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
          const chunk = columnChunk(rowGroup, leaf.column, leaf.element, byteLength);
          return [leaf.column, new LeafReader(file, chunk, leaf, allowance, ahead)] as const;
        }),
      ),
    );
  }

  /** Number of rows read so far. */
  get row(): number {
    return this.#row;
  }

  /**
   * Reads the next rows, at least one and at most `most`. Each leaf may fill fewer rows than the leaf before it, so the
   * last one determines the batch; the other leaves keep the rest for the next call. The caller owns the batch.
   * @throws Error that names column and row where the rows are missing or corrupt
   */
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

  /** @throws Error where the leaves of a node hold more rows than the row group */
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

  /** Throws an error that adds the column and the row to the message of `error`. */
  #explain(node: ParquetNode, error: unknown): never {
    const where = `column ${JSON.stringify(node.field.name)}, rows from ${this.#firstRow + this.#row + 1}`;
    throw new Error(`${where}: ${reasonOf(error)}`, { cause: error });
  }
}
