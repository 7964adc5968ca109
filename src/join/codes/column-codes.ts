import type { CodeBook } from "./code-book.js";
import { type ColumnBounds, type RowCodes, writeColumns } from "./row-codes.js";
import { MOST_PANELS, PANEL, type Panels } from "./tile-product.js";

/**
 * Columns of a group, 1,920: as many as one call of the product takes. Workers get whole groups, so a larger group
 * leaves them idle longer at the start of a join. With 12 panels a join took 4 % longer, with 4 panels 6 %.
 */
export const GROUP = MOST_PANELS * PANEL;

/** The numbers 0 to count − 1, as a choice of all rows. */
export function allOf(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}

/** Codes of the vectors of one group, as the columns of integer products: up to GROUP × depth bytes. */
export class ColumnCodes {
  /** Panels × depth × PANEL, see `Panels`. Columns from `count` on hold no vector; callers ignore them. */
  data: Int8Array<ArrayBuffer>;
  /** Columns that hold a vector. */
  count: number;
  /** Largest numbers of the columns, which loosen the bound of the whole group. */
  readonly bounds: ColumnBounds;

  /** @param from codes whose buffer and bounds this object takes over; without them it starts empty */
  constructor(from?: { data: Int8Array<ArrayBuffer>; count: number; bounds: ColumnBounds }) {
    this.data = from?.data ?? new Int8Array(0);
    this.count = from?.count ?? 0;
    this.bounds = from?.bounds ?? { coded: 0, error: 0, over: 0 };
  }

  /** Appends the rows `rows` of `codes` as columns, in this order. The caller keeps the group within GROUP columns. */
  append(book: CodeBook, codes: RowCodes, rows: Int32Array): void {
    const panelBytes = book.depth * PANEL;
    const needed = Math.ceil((this.count + rows.length) / PANEL) * panelBytes;
    if (this.data.length < needed) {
      // Doubling, so that a small input does not pay for a full group.
      const doubled = Math.min(MOST_PANELS * panelBytes, 2 * this.data.length);
      const grown = new Int8Array(Math.max(needed, doubled));
      grown.set(this.data);
      this.data = grown;
    }
    for (let next = 0; next < rows.length; ) {
      const column = this.count % PANEL;
      const part = rows.subarray(next, next + PANEL - column);
      const panel = this.data.subarray(((this.count - column) / PANEL) * panelBytes);
      writeColumns(book, codes, part, panel, PANEL, column, this.bounds);
      next += part.length;
      this.count += part.length;
    }
  }

  /** Views of the panels that hold columns, or of `count` panels from `first` on. The buffer stays this object's. */
  panels(depth: number, first = 0, count = Math.ceil(this.count / PANEL) - first): Panels {
    const panelBytes = depth * PANEL;
    return { data: this.data.subarray(first * panelBytes, (first + count) * panelBytes), count };
  }
}
