import type { CodeBook } from "./code-book.js";
import { type Codes, type ColumnBounds, writeColumn } from "./codes.js";
import { type FixedProduct, type IntegerProduct, PANEL, type Panels } from "./tile-product.js";

/** Columns of a group; a multiple of the panel. Large enough that a call's overhead is small beside its product. */
export const GROUP = 4096;

/** Kept vectors in priority order as columns of integer products. */
export class ColumnGroup {
  /** Position of each column. */
  readonly positions = new Uint32Array(GROUP);
  /** Index of each column's vector within the resident superblock; meaningless once that is gone. */
  readonly locals = new Int32Array(GROUP);
  count = 0;
  readonly bounds: ColumnBounds = { coded: 0, error: 0, over: 0 };
  readonly #book: CodeBook;
  #data: Int8Array | undefined;
  #fixed: FixedProduct | undefined;
  #fixedPanels = 0;

  constructor(book: CodeBook) {
    this.#book = book;
  }

  /** Adds row `row` of `codes`, which is `local` in the superblock. */
  push(codes: Codes, row: number, position: number, local: number): void {
    this.positions[this.count] = position;
    this.locals[this.count] = local;
    this.encode(codes, row, this.count);
    this.count++;
  }

  /** Writes the codes of a column anew, for a group whose codes were dropped. */
  encode(codes: Codes, row: number, column: number): void {
    const panelBytes = this.#book.depth * PANEL;
    const panel = Math.floor(column / PANEL);
    if (this.#data === undefined || this.#data.length < (panel + 1) * panelBytes) {
      // Grows by doubling: a small input should not pay for a full group.
      const grown = new Int8Array(Math.min(GROUP / PANEL, Math.max(1, 2 * panel)) * panelBytes);
      if (this.#data !== undefined) grown.set(this.#data);
      this.#data = grown;
    }
    writeColumn(this.#book, codes, row, this.#data, panel * panelBytes, PANEL, column % PANEL, this.bounds);
  }

  /** True where the codes are in memory. */
  get isCoded(): boolean {
    return this.#data !== undefined;
  }

  /** Frees the codes; positions stay. */
  dropCodes(): void {
    this.#data = undefined;
  }

  /** The codes from panel `first` on; columns from `count` on are zeros, which callers ignore. */
  panelsFrom(first: number): Panels {
    const count = Math.ceil(this.count / PANEL) - first;
    const bytes = this.#book.depth * PANEL;
    return { data: (this.#data ?? new Int8Array(0)).subarray(first * bytes, (first + count) * bytes), count };
  }

  /** The product with the first `fixedPanels` panels packed, where `fix` was called. */
  get fixed(): FixedProduct | undefined {
    return this.#fixed;
  }

  /** Panels that are packed inside the engine. */
  get fixedPanels(): number {
    return this.#fixedPanels;
  }

  /**
   * Packs the panels that are full inside the engine, until `unfix`. While a group grows, that is done anew for every two
   * panels: packing takes less time than it saves from the next tile on.
   */
  async fix(product: IntegerProduct): Promise<void> {
    const isWhole = this.count === GROUP;
    const full = isWhole ? GROUP / PANEL : Math.floor(this.count / PANEL);
    if (full === this.#fixedPanels || (!isWhole && full < this.#fixedPanels + 2)) return;
    await this.unfix();
    const data = this.panelsFrom(0).data.subarray(0, full * PANEL * this.#book.depth);
    this.#fixed = await product.fix({ data, count: full });
    this.#fixedPanels = full;
  }

  async unfix(): Promise<void> {
    await this.#fixed?.release();
    this.#fixed = undefined;
    this.#fixedPanels = 0;
  }
}
