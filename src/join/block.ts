import { allocateVectors } from "../kernels/vector-memory.js";
import { gatherInAnyOrder, isAscending } from "../vectors/gather.js";
import type { VectorReader } from "../vectors/reader.js";
import type { CodePlan } from "./codes/code-plan.js";
import { allocateCodes, encodeRows, type RowCodes } from "./codes/row-codes.js";

/** Rows that are screened and decided together. */
export const TILE_ROWS = 1024;
/** Rows that are read, projected and coded at once. */
export const CODE_ROWS = 2048;

/** Buffers that one block after the other uses: fresh ones would lie beside the old ones until these are collected. */
export interface BlockBuffers {
  /** Vectors, rows × dim, row-major. */
  readonly values: Float32Array;
  /** Codes of the same rows. */
  readonly codes: RowCodes;
}

/**
 * Allocates room for blocks of some numbers of vectors. All their vectors lie in one memory, in which kernels multiply
 * pairs of them.
 */
export function allocateBlocks({ book }: CodePlan, ...rows: number[]): BlockBuffers[] {
  const values = allocateVectors(rows.reduce((sum, each) => sum + each, 0) * book.dim);
  let start = 0;
  return rows.map((each) => {
    const first = start;
    start += each * book.dim;
    return { values: values.subarray(first, start), codes: allocateCodes(book, each) };
  });
}

/**
 * Rows in memory together: their positions, vectors and codes. Rows are read and coded from the front on, as far as the
 * join asks; the next chunk is read meanwhile. Codes are valid up to the largest `end` given to `code`.
 */
export class Block {
  /** Position in the store of each row, in priority order. */
  readonly positions: Uint32Array;
  /** positions.length × dim; valid as far as the codes are. */
  readonly values: Float32Array;
  /** Codes of the rows, in buffers that may have room for more. */
  readonly codes: RowCodes;
  readonly #vectors: VectorReader;
  readonly #plan: CodePlan;
  readonly #ascending: boolean;
  /** Rows that are coded. */
  #coded = 0;
  /** The read of the chunk that starts at row `#coded`. */
  #reading: Promise<void> | undefined;

  /** @param buffers room for at least as many rows; an earlier block must no longer use them */
  constructor(vectors: VectorReader, plan: CodePlan, positions: Uint32Array, { values, codes }: BlockBuffers) {
    this.positions = positions;
    this.values = values.subarray(0, positions.length * vectors.dim);
    this.codes = codes;
    this.#vectors = vectors;
    this.#plan = plan;
    this.#ascending = isAscending(positions);
  }

  /** Makes sure that the rows before `end` are read and coded, and starts to read the chunk after them. */
  async code(end: number): Promise<void> {
    const { dim } = this.#vectors;
    const { book, projection } = this.#plan;
    // Positions that do not ascend are all read together, so that the store is still read in ascending order, once.
    if (this.#coded === 0 && !this.#ascending) await gatherInAnyOrder(this.#vectors, this.positions, this.values);
    while (this.#coded < Math.min(end, this.positions.length)) {
      const start = this.#coded;
      const rows = Math.min(CODE_ROWS, this.positions.length - start);
      await (this.#reading ?? this.#read(start));
      this.#coded += rows;
      this.#reading = this.#coded < this.positions.length ? this.#read(this.#coded) : undefined;
      // A read error is reported to whoever awaits the read; an error nobody awaits is ignored. The first pass over a
      // block codes all of its rows, so no read is still filling these buffers when the next block takes them.
      this.#reading?.catch(() => {});
      const chunk = this.values.subarray(start * dim, (start + rows) * dim);
      encodeRows(book, await projection.project(chunk), rows, this.codes, start);
    }
  }

  /** Starts to read the chunk at row `start`; does nothing where all rows were read together. */
  async #read(start: number): Promise<void> {
    if (!this.#ascending) return;
    const { dim } = this.#vectors;
    const positions = this.positions.subarray(start, start + CODE_ROWS);
    await this.#vectors.gather(positions, this.values.subarray(start * dim, (start + positions.length) * dim));
  }
}
