import type { CodeBook } from "./code-book.js";
import { type Codes, type ColumnBounds, writeColumn } from "./codes.js";
import { PANEL, type Panels } from "./tile-product.js";

/** Columns of a group: whole panels, and so many that a call's overhead is small beside its product. */
export const GROUP = 12 * PANEL;

/** Codes of the vectors of a group, as the columns of integer products. */
export class ColumnCodes {
  /** Panels × depth × PANEL; columns from `count` on are zeros, which callers ignore. */
  data: Int8Array<ArrayBuffer>;
  count: number;
  readonly bounds: ColumnBounds;

  /** Takes over what there is already; nothing if absent. */
  constructor(from?: { data: Int8Array<ArrayBuffer>; count: number; bounds: ColumnBounds }) {
    this.data = from?.data ?? new Int8Array(0);
    this.count = from?.count ?? 0;
    this.bounds = from?.bounds ?? { coded: 0, error: 0, over: 0 };
  }

  /** Adds row `row` of `codes`. */
  push(book: CodeBook, codes: Codes, row: number): void {
    const panelBytes = book.depth * PANEL;
    const panel = Math.floor(this.count / PANEL);
    if (this.data.length < (panel + 1) * panelBytes) {
      // Grows by doubling: a small input should not pay for a full group.
      const grown = new Int8Array(Math.min(GROUP / PANEL, Math.max(1, 2 * panel)) * panelBytes);
      grown.set(this.data);
      this.data = grown;
    }
    writeColumn(book, codes, row, this.data, panel * panelBytes, PANEL, this.count % PANEL, this.bounds);
    this.count++;
  }

  /** The panels that hold columns. */
  panels(depth: number): Panels {
    const count = Math.ceil(this.count / PANEL);
    return { data: this.data.subarray(0, count * depth * PANEL), count };
  }

  /** One panel, depth × PANEL. */
  panel(depth: number, index: number): Int8Array {
    return this.data.subarray(index * depth * PANEL, (index + 1) * depth * PANEL);
  }
}
