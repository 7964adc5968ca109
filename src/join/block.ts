import { gatherInAnyOrder, isAscending } from "../vectors/gather.js";
import type { VectorReader } from "../vectors/reader.js";
import type { CodePlan } from "./codes/code-plan.js";
import { allocateCodes, encodeRows, type RowCodes } from "./codes/row-codes.js";

/** Rows that are decided together. */
export const TILE_ROWS = 1024;
/** Rows projected and coded at once. */
export const CODE_ROWS = 2048;

/** What blocks lie in, one after the other: memory that is given back late would be held twice. */
export interface BlockBuffers {
  /** rows × dim. */
  readonly values: Float32Array;
  readonly codes: RowCodes;
}

/** Makes room for blocks of up to `rows` vectors. */
export function allocateBlock({ book }: CodePlan, rows: number): BlockBuffers {
  return { values: new Float32Array(rows * book.dim), codes: allocateCodes(book, rows) };
}

/** Vectors that are in memory together, with their codes. They are read and coded from the front on, as they are needed. */
export class Block {
  readonly positions: Uint32Array;
  /** positions.length × dim; valid up to the row asked for by `code`. */
  readonly values: Float32Array;
  readonly codes: RowCodes;
  readonly #vectors: VectorReader;
  readonly #plan: CodePlan;
  readonly #ascending: boolean;
  #coded = 0;
  /** The chunk from `#coded` on, on its way from the reader. */
  #reading: Promise<void> | undefined;

  /** @param buffers with room for as many; no longer what a block before held */
  constructor(vectors: VectorReader, plan: CodePlan, positions: Uint32Array, { values, codes }: BlockBuffers) {
    this.positions = positions;
    this.values = values.subarray(0, positions.length * vectors.dim);
    this.codes = codes;
    this.#vectors = vectors;
    this.#plan = plan;
    this.#ascending = isAscending(positions);
  }

  /** Reads and codes the rows before `end` that are not yet, and begins to read those after. */
  async code(end: number): Promise<void> {
    const { dim } = this.#vectors;
    const { book, projection } = this.#plan;
    // In another order all are read at once, so that each is read in order of the store.
    if (this.#coded === 0 && !this.#ascending) await gatherInAnyOrder(this.#vectors, this.positions, this.values);
    while (this.#coded < Math.min(end, this.positions.length)) {
      const start = this.#coded;
      const rows = Math.min(CODE_ROWS, this.positions.length - start);
      await (this.#reading ?? this.#read(start));
      this.#coded += rows;
      this.#reading = this.#coded < this.positions.length ? this.#read(this.#coded) : undefined;
      // What fails is told to the one who waits for it; should nobody, it is no matter. Nor is a block left before all of its rows
      // are read, so that none is still on its way into buffers that the next block uses.
      this.#reading?.catch(() => {});
      const chunk = this.values.subarray(start * dim, (start + rows) * dim);
      encodeRows(book, await projection.project(chunk), rows, this.codes, start);
    }
  }

  async #read(start: number): Promise<void> {
    if (!this.#ascending) return;
    const { dim } = this.#vectors;
    const positions = this.positions.subarray(start, start + CODE_ROWS);
    await this.#vectors.gather(positions, this.values.subarray(start * dim, (start + positions.length) * dim));
  }
}
