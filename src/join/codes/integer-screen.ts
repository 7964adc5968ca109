import { scanStrips } from "../../kernels/scan-strips.js";
import type { PairList } from "../pair-list.js";
import { ZERO_POINT } from "./code-book.js";
import type { ColumnCodes } from "./column-codes.js";
import { type CodeScale, type RowCodes, rowThreshold } from "./row-codes.js";
import { type IntegerProduct, type Maxima, PANEL, STRIP, STRIPS } from "./tile-product.js";

/** Rows whose products are fetched at once: 256 rows by 1,920 columns of int32 are 1.9 MiB. */
const PRODUCT_ROWS = 256;
/** Nanoseconds in which the kernel lists a strip again, and multiplies two codes. */
const STRIP_NS = 250;
const MULTIPLY_NS = 0.04;

/** Nanoseconds that a strip costs whose maximum reaches the threshold of a row. */
export function stripNs(depth: number): number {
  return STRIP_NS + STRIP * depth * MULTIPLY_NS;
}

/** Nanoseconds of fetching one product of the engine beside computing it, and of a call. */
const FETCH_NS = 1.5;
const CALL_NS = 300_000;

/** A tile to be screened against columns, and the list that receives the surviving pairs. */
interface Comparison {
  readonly tile: RowCodes;
  readonly columns: ColumnCodes;
  /** Least integer product with which each row of the tile can reach the cosine. */
  readonly thresholds: Int32Array;
  readonly pairs: PairList;
}

/**
 * Rejects pairs by the bound of code-book.ts, in two steps. The engine multiplies codes and returns only the maximum of
 * each strip of 64 columns, 1/64 of the products. A strip whose maximum is below its row's threshold is done; the
 * products of the others are computed again and compared one by one.
 *
 *     row of the tile      | strip | strip | strip | ...     a panel has 5 strips, a group 6 panels
 *     maximum >= threshold?   no      yes     no             only the second strip is scanned
 */
export class IntegerScreen {
  readonly #book: CodeScale;
  readonly #product: IntegerProduct;
  readonly #threshold: number;
  readonly #callRows: number;
  /** Listed strips: row and strip of each, `#found` of them, whose maximum reaches the threshold of the row. */
  #rows = new Int32Array(1024);
  #strips = new Int32Array(1024);
  #found = 0;
  /** Nanoseconds of a pair in the fastest call of the product so far. */
  #pairNs = Number.POSITIVE_INFINITY;

  /** @param callRows rows of one call of the product: as many as keep the scores in the processor's cache */
  constructor(book: CodeScale, product: IntegerProduct, threshold: number, callRows: number) {
    this.#callRows = callRows;
    this.#book = book;
    this.#product = product;
    this.#threshold = threshold;
  }

  /**
   * Appends to `pairs` the surviving pairs (row of the tile, column of the group); those of a row in order of the
   * columns.
   */
  async between(tile: RowCodes, columns: ColumnCodes, pairs: PairList): Promise<void> {
    const comparison = this.#compare(tile, columns, pairs);
    const { count } = columns.panels(this.#book.depth);
    const { mostPanels } = this.#product;
    for (let panel = 0; panel < count; panel += mostPanels) {
      await this.#multiply(comparison, 0, tile.count, panel, Math.min(mostPanels, count - panel));
    }
    await this.#scan(comparison);
  }

  /**
   * Appends the surviving pairs of a tile with itself, sorted by row, then column: each row with the earlier rows only.
   *
   *                  | strip 0 | strip 1 | strip 2 |
   *     rows of 0    |   own   |         |         |    own: scanned for every row, which survives with itself
   *     rows of 1    | listed  |   own   |         |    listed: where its maximum reaches the row's threshold
   *     rows of 2    | listed  | listed  |   own   |    empty: later columns, not needed
   *
   * @param columns codes of the same rows as columns, in the same order
   */
  async within(tile: RowCodes, columns: ColumnCodes, pairs: PairList): Promise<void> {
    const comparison = this.#compare(tile, columns, pairs);
    const { mostPanels } = this.#product;
    for (let first = 0; first < tile.count; first += this.#callRows) {
      const end = Math.min(tile.count, first + this.#callRows);
      const count = Math.ceil(end / PANEL);
      for (let panel = 0; panel < count; panel += mostPanels) {
        await this.#multiply(comparison, first, end, panel, Math.min(mostPanels, count - panel));
      }
    }
    let kept = 0;
    for (let i = 0; i < this.#found; i++) {
      if (this.#strips[i] > Math.floor(this.#rows[i] / STRIP)) continue;
      this.#rows[kept] = this.#rows[i];
      this.#strips[kept++] = this.#strips[i];
    }
    this.#found = kept;
    const before = pairs.length;
    await this.#scan(comparison);
    let length = before;
    for (let i = before; i < pairs.length; i++) {
      if (pairs.columns[i] >= pairs.rows[i]) continue;
      pairs.rows[length] = pairs.rows[i];
      pairs.columns[length++] = pairs.columns[i];
    }
    pairs.length = length;
    pairs.sortByRow(tile.count);
  }

  /** Starts a comparison: empties the list of strips and computes the threshold of each row. */
  #compare(tile: RowCodes, columns: ColumnCodes, pairs: PairList): Comparison {
    this.#found = 0;
    const thresholds = new Int32Array(tile.count);
    for (let i = 0; i < tile.count; i++) {
      thresholds[i] = rowThreshold(this.#book, tile, i, columns.bounds, this.#threshold);
    }
    return { tile, columns, thresholds, pairs };
  }

  /** Multiplies the rows from `firstRow` to before `end` with `count` panels and lists the strips that reach the threshold. */
  async #multiply(
    { tile, columns, thresholds }: Comparison,
    firstRow: number,
    end: number,
    panel: number,
    count: number,
  ): Promise<void> {
    const { depth } = this.#book;
    const panels = columns.panels(depth, panel, count);
    for (let first = firstRow; first < end; first += this.#callRows) {
      const rows = tile.bytes.subarray(first * depth, Math.min(end, first + this.#callRows) * depth);
      const start = performance.now();
      const maxima = await this.#product.maxima(rows, panels);
      const ns = (1e6 * (performance.now() - start)) / (maxima.rows.length * count * PANEL);
      this.#pairNs = Math.min(this.#pairNs, ns);
      this.#collect(maxima, thresholds, first, panel * STRIPS);
    }
  }

  /**
   * Appends strips that reach their row's threshold to the list; `firstRow` and `firstStrip` number the first maximum.
   */
  #collect({ rows, strips }: Maxima, thresholds: Int32Array, firstRow: number, firstStrip: number): void {
    const width = strips.length / rows.length;
    for (let r = 0; r < rows.length; r++) {
      const least = thresholds[firstRow + r];
      if (rows[r] < least) continue;
      for (let s = 0; s < width; s++) {
        if (strips[r * width + s] < least) continue;
        if (this.#found === this.#rows.length) {
          this.#rows = doubled(this.#rows);
          this.#strips = doubled(this.#strips);
        }
        this.#rows[this.#found] = firstRow + r;
        this.#strips[this.#found++] = firstStrip + s;
      }
    }
  }

  /** Finds the surviving pairs of the listed strips, in the cheaper of two ways. */
  async #scan(comparison: Comparison): Promise<void> {
    const { tile, columns } = comparison;
    if (this.#found === 0) return;
    const kernel = this.#found * stripNs(this.#book.depth);
    const product = CALL_NS + Math.min(this.#found, tile.count) * columns.count * (this.#pairNs + FETCH_NS);
    if (kernel <= product) this.#scanByKernel(comparison);
    else await this.#scanByProduct(comparison);
  }

  /** Multiplies the listed rows and strips alone: best for few strips of a row. */
  #scanByKernel({ tile, columns, thresholds, pairs }: Comparison): void {
    const scan = {
      depth: this.#book.depth,
      codes: tile.bytes,
      zeroPoint: ZERO_POINT,
      thresholds,
      panels: columns.data,
      panelColumns: PANEL,
      columns: columns.count,
      rows: this.#rows,
      strips: this.#strips,
      listed: this.#found,
    };
    scanStrips(scan, pairs);
  }

  /** Has the engine multiply every row with a listed strip by all columns: best for many strips. */
  async #scanByProduct({ tile, columns, thresholds, pairs }: Comparison): Promise<void> {
    const { depth } = this.#book;
    const found = this.#found;
    // Only rows that have a listed strip are multiplied again; `slot` is a row's index among them.
    const slot = new Int32Array(tile.count).fill(-1);
    const chosen: number[] = [];
    for (let i = 0; i < found; i++) {
      const r = this.#rows[i];
      if (slot[r] < 0) slot[r] = chosen.push(r) - 1;
    }
    for (let begin = 0; begin < chosen.length; begin += PRODUCT_ROWS) {
      const part = chosen.slice(begin, begin + PRODUCT_ROWS);
      const bytes = new Uint8Array(part.length * depth);
      for (const [i, r] of part.entries()) bytes.set(tile.bytes.subarray(r * depth, (r + 1) * depth), i * depth);
      const products = await this.#product.products(bytes, columns.panels(depth));
      for (let i = 0; i < found; i++) {
        const r = this.#rows[i];
        const row = slot[r] - begin;
        if (row < 0 || row >= part.length) continue;
        const first = this.#strips[i] * STRIP;
        const offset = (Math.floor(first / PANEL) * part.length + row) * PANEL + (first % PANEL);
        const end = Math.min(STRIP, columns.count - first);
        for (let c = 0; c < end; c++) if (products[offset + c] >= thresholds[r]) pairs.push(r, first + c);
      }
    }
  }
}

/** A copy with twice the room. */
function doubled(values: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(2 * values.length);
  grown.set(values);
  return grown;
}
