import type { Block } from "./block.js";
import { FloatScreen } from "./float-screen.js";
import type { JoinOptions } from "./join-options.js";
import type { Judge } from "./judge.js";
import type { Pairs } from "./pair-list.js";

/** Vectors of the columns of a group: column c has position positions[c] and begins at slots[c] × dim of `values`. */
export interface ColumnVectors {
  readonly positions: Uint32Array;
  readonly values: Float32Array;
  readonly slots: Int32Array;
}

/** Passes surviving pairs on to the judge, after float32 scores have thinned them out. */
export class PairMeasurer {
  readonly #judge: Judge;
  readonly #dim: number;
  readonly #floatScreen: FloatScreen;

  constructor({ engine, vectors, threshold }: JoinOptions, judge: Judge) {
    this.#judge = judge;
    this.#dim = vectors.dim;
    this.#floatScreen = new FloatScreen(engine, vectors.dim, threshold);
  }

  /**
   * Decides pairs of rows of a block with columns of a group.
   * @param pairs for each row in order of the columns; thinned out in place
   * @param locals index within the block of each row that pairs name
   */
  async measure(pairs: Pairs, block: Block, locals: Int32Array, columns: ColumnVectors): Promise<void> {
    if (pairs.length === 0) return;
    const dim = this.#dim;
    const judge = this.#judge;
    const { positions, values } = block;
    const vectors = { rows: values, rowSlots: locals, columns: columns.values, columnSlots: columns.slots };
    const { rows, columns: columnNumbers, length } = await this.#floatScreen.thin(pairs, vectors);
    for (let i = 0; i < length; i++) {
      const local = locals[rows[i]];
      const column = columnNumbers[i];
      const slot = columns.slots[column];
      judge.judge(positions[local], columns.positions[column], values, local * dim, columns.values, slot * dim);
    }
  }

  /** Those of the rows `locals` of a block that have not been removed. Returns `locals` itself where all stay. */
  remaining({ positions }: Block, locals: Int32Array): Int32Array {
    const staying = new Int32Array(locals.length);
    let count = 0;
    for (let i = 0; i < locals.length; i++)
      if (!this.#judge.isRemoved(positions[locals[i]])) staying[count++] = locals[i];
    return count === locals.length ? locals : staying.subarray(0, count);
  }

  /** Sets `removed[i]` to 1 where row `locals[i]` of the block has been removed. */
  markRemoved({ positions }: Block, locals: Int32Array, removed: Uint8Array): void {
    for (let i = 0; i < locals.length; i++) if (this.#judge.isRemoved(positions[locals[i]])) removed[i] = 1;
  }

  /** Frees the float32 product. */
  async release(): Promise<void> {
    await this.#floatScreen.release();
  }
}
