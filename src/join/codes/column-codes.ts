import type { CodeBook } from "./code-book.js";
import { type ColumnBounds, type RowCodes, writeColumns } from "./row-codes.js";
import { MOST_PANELS, PANEL, type Panels } from "./tile-product.js";

/**
 * Columns of a group: as many as one call takes. Workers get whole groups, so larger ones leave them without work for longer at
 * the beginning; 12 panels took a join 4 % longer, 4 took it 6 %.
 */
export const GROUP = MOST_PANELS * PANEL;

/** Numbers of all of `count` rows. */
export function allOf(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}

/** Codes of the vectors of a group, as the columns of integer products. */
export class ColumnCodes {
  /** Panels × depth × PANEL; callers ignore the columns from `count` on. */
  data: Int8Array<ArrayBuffer>;
  count: number;
  readonly bounds: ColumnBounds;

  /** Takes over what there is already; nothing if absent. */
  constructor(from?: { data: Int8Array<ArrayBuffer>; count: number; bounds: ColumnBounds }) {
    this.data = from?.data ?? new Int8Array(0);
    this.count = from?.count ?? 0;
    this.bounds = from?.bounds ?? { coded: 0, error: 0, over: 0 };
  }

  /** Adds the rows `rows` of `codes`, in this order. */
  append(book: CodeBook, codes: RowCodes, rows: Int32Array): void {
    const panelBytes = book.depth * PANEL;
    const needed = Math.ceil((this.count + rows.length) / PANEL) * panelBytes;
    if (this.data.length < needed) {
      // Grows by doubling: a small input should not pay for a full group.
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

  /** The panels that hold columns, or `count` of them from panel `first` on. */
  panels(depth: number, first = 0, count = Math.ceil(this.count / PANEL) - first): Panels {
    const panelBytes = depth * PANEL;
    return { data: this.data.subarray(first * panelBytes, (first + count) * panelBytes), count };
  }
}
