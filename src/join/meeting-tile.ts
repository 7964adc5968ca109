import { gatherCodes, type RowCodes } from "./codes/row-codes.js";
import type { Pairs } from "./pair-list.js";

/** A tile of rows that is to meet groups of columns. */
export interface MeetingTile {
  /** Codes of the rows. The caller must not change them while the tile meets groups. */
  readonly codes: RowCodes;
  /**
   * 1 for each row that the caller has removed since and that need not be compared any more. Lies on shared memory, so
   * that a worker sees the flags too. When a host notices a flag changes the work and never the outcome.
   */
  readonly removed: Uint8Array;
}

/** Share of a tile's rows that must be removed before the remaining rows are worth copying together. */
const COPY_SHARE = 1 / 16;

/** The rows of a tile that are still compared, while it meets one group after the other. */
export class StayingRows {
  readonly #depth: number;
  readonly #tile: MeetingTile;
  #codes: RowCodes;
  /** Rows of the tile to which `#codes` belong; undefined while they are all of its rows. */
  #rows: Int32Array | undefined;

  constructor(depth: number, tile: MeetingTile) {
    this.#depth = depth;
    this.#tile = tile;
    this.#codes = tile.codes;
  }

  /** Codes of the rows. Removed rows leave once enough have gone for the copy to pay. */
  codes(): RowCodes {
    const staying = this.#notRemoved();
    if (staying.length <= (1 - COPY_SHARE) * this.#codes.count) {
      this.#rows = staying;
      this.#codes = gatherCodes(this.#depth, this.#tile.codes, staying);
    }
    return this.#codes;
  }

  /** Turns rows of the codes, as pairs name them, into rows of the tile, in place. */
  rename(pairs: Pairs): void {
    if (this.#rows !== undefined) for (let i = 0; i < pairs.length; i++) pairs.rows[i] = this.#rows[pairs.rows[i]];
  }

  /** Those of the rows that the caller has not removed. */
  #notRemoved(): Int32Array {
    const { codes, removed } = this.#tile;
    const staying = new Int32Array(this.#rows?.length ?? codes.count);
    let count = 0;
    for (let i = 0; i < staying.length; i++) {
      const row = this.#rows === undefined ? i : this.#rows[i];
      if (removed[row] === 0) staying[count++] = row;
    }
    return staying.subarray(0, count);
  }
}
