import { type ColumnCodes, GROUP } from "./codes/column-codes.js";

/** Kept vectors in priority order, whose codes are the columns of integer products. */
export class ColumnGroup {
  /** Position of each column. */
  readonly positions = new Uint32Array(GROUP);
  /** Index of each column's vector within the resident block; meaningless once that is gone. */
  readonly locals = new Int32Array(GROUP);
  count = 0;
  /** Codes of the columns, as long as tiles meet them in this thread and not at a host. */
  codes: ColumnCodes | undefined;

  constructor(codes: ColumnCodes) {
    this.codes = codes;
  }

  /** Adds the rows `locals` of the block whose positions are given. */
  append(positions: Uint32Array, locals: Int32Array): void {
    this.locals.set(locals, this.count);
    for (let i = 0; i < locals.length; i++) this.positions[this.count++] = positions[locals[i]];
  }
}
