import { type ColumnCodes, GROUP } from "./codes/column-codes.js";

/**
 * Up to `GROUP` kept vectors in priority order, whose codes are the columns of integer products. A group outlives the
 * block that filled it: positions stay, local indices and codes do not.
 */
export class ColumnGroup {
  /** Position of each column. */
  /** Position of each column's vector in the store; valid below `count`. */
  readonly positions = new Uint32Array(GROUP);
  /** Index of each column's vector within the block in memory; meaningless once another block is there. */
  readonly locals = new Int32Array(GROUP);
  /** Columns so far. */
  count = 0;
  /** Codes of the columns while tiles are screened in this thread; undefined once a host has them. */
  codes: ColumnCodes | undefined;

  constructor(codes: ColumnCodes) {
    this.codes = codes;
  }

  /** Appends rows of a block: `locals` are their indices in the block, `positions` the positions of all its rows. */
  append(positions: Uint32Array, locals: Int32Array): void {
    this.locals.set(locals, this.count);
    for (let i = 0; i < locals.length; i++) this.positions[this.count++] = positions[locals[i]];
  }
}
