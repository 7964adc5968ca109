import { ZERO_POINT } from "./code-book.js";
import { type CodeScale, type Codes, rowThreshold } from "./codes.js";
import type { ColumnCodes } from "./column-codes.js";
import type { PairList } from "./pair-list.js";
import { BLOCK, BLOCKS, type FixedProduct, type IntegerProduct, type Maxima, PANEL } from "./tile-product.js";

/** Rows whose products are brought back at once. */
const PRODUCT_ROWS = 256;
/** Nanoseconds of one multiplication in a plain loop, of one product brought back, and of a call: only their ratios matter. */
const LOOP_NS = 0.4;
const PRODUCT_NS = 1;
const CALL_NS = 300_000;

/** Finds the pairs that the bound of code-book.ts cannot reject. */
export class IntegerScreen {
  readonly #book: CodeScale;
  readonly #product: IntegerProduct;
  readonly #threshold: number;
  readonly #callRows: number;
  /** Row and block of those blocks whose maximum reaches its row's threshold. */
  #rows = new Int32Array(1024);
  #blocks = new Int32Array(1024);

  /** @param callRows rows of one call of a fixed product: as many as keep its scores in the cache */
  constructor(book: CodeScale, product: IntegerProduct, threshold: number, callRows: number) {
    this.#callRows = callRows;
    this.#book = book;
    this.#product = product;
    this.#threshold = threshold;
  }

  /**
   * Appends to `pairs` the surviving (row of the tile, column of the group), for each row in order of the columns.
   * @param fixed the product with these columns, where the engine has packed them
   */
  async between(tile: Codes, columns: ColumnCodes, fixed: FixedProduct | undefined, pairs: PairList): Promise<void> {
    const { depth } = this.#book;
    const thresholds = this.#thresholds(tile, columns);
    const { count } = columns.panels(depth);
    let found = 0;
    if (fixed === undefined) {
      // A panel at a time, so that its scores stay in the cache.
      for (let panel = 0; panel < count; panel++) {
        const maxima = await this.#product.maxima(tile.bytes, columns.panel(depth, panel));
        found = this.#collect(maxima, thresholds, 0, panel * BLOCKS, found);
      }
    } else {
      for (let first = 0; first < tile.count; first += this.#callRows) {
        const maxima = await fixed.maxima(tile.bytes.subarray(first * depth, (first + this.#callRows) * depth));
        found = this.#collect(maxima, thresholds, first, 0, found);
      }
    }
    await this.#scan(tile, thresholds, columns, found, pairs);
  }

  /** Appends the surviving pairs of a tile with itself, each row with the earlier ones, ordered by row and then column. */
  async within(tile: Codes, columns: ColumnCodes, pairs: PairList): Promise<void> {
    const { depth } = this.#book;
    const thresholds = this.#thresholds(tile, columns);
    const { count } = columns.panels(depth);
    let found = 0;
    for (let panel = 0; panel < count; panel++) {
      // Rows before the panel have only later columns in it, those of it later ones from their own block on.
      const first = panel * PANEL;
      const maxima = await this.#product.maxima(tile.bytes.subarray(first * depth), columns.panel(depth, panel));
      found = this.#collect(maxima, thresholds, first, panel * BLOCKS, found);
    }
    let earlier = 0;
    for (let i = 0; i < found; i++) {
      if (this.#blocks[i] >= Math.floor(this.#rows[i] / BLOCK)) continue;
      this.#rows[earlier] = this.#rows[i];
      this.#blocks[earlier++] = this.#blocks[i];
    }
    await this.#scan(tile, thresholds, columns, earlier, pairs);
    await this.#scanDiagonal(tile, columns, thresholds, pairs);
    pairs.sortByRow(tile.count);
  }

  /** Appends the surviving pairs of each row with the earlier ones of its own block. */
  async #scanDiagonal(tile: Codes, { data }: ColumnCodes, thresholds: Int32Array, pairs: PairList): Promise<void> {
    const { depth } = this.#book;
    const blocks = Math.ceil(tile.count / BLOCK);
    const rows = new Uint8Array(blocks * BLOCK * depth).fill(ZERO_POINT);
    rows.set(tile.bytes);
    const columns = new Int8Array(blocks * BLOCK * depth);
    for (let b = 0, to = 0; b < blocks; b++) {
      const panel = Math.floor(b / BLOCKS);
      let from = panel * depth * PANEL + (b % BLOCKS) * BLOCK;
      for (let k = 0; k < depth; k++, from += PANEL, to += BLOCK) {
        for (let c = 0; c < BLOCK; c++) columns[to + c] = data[from + c];
      }
    }
    const products = await this.#product.diagonal(rows, columns);
    for (let r = 0; r < tile.count; r++) {
      const least = thresholds[r];
      const first = r - (r % BLOCK);
      const at = r * BLOCK - first;
      for (let c = first; c < r; c++) if (products[at + c] >= least) pairs.push(r, c);
    }
  }

  #thresholds(tile: Codes, { bounds }: ColumnCodes): Int32Array {
    const thresholds = new Int32Array(tile.count);
    for (let i = 0; i < tile.count; i++) thresholds[i] = rowThreshold(this.#book, tile, i, bounds, this.#threshold);
    return thresholds;
  }

  /**
   * Lists the blocks that survive, of rows from `firstRow` and blocks from `firstBlock` on, behind those `found` before.
   * @returns the number listed
   */
  #collect(maxima: Maxima, thresholds: Int32Array, firstRow: number, firstBlock: number, found: number): number {
    const { rows, blocks } = maxima;
    const width = blocks.length / rows.length;
    let next = found;
    for (let r = 0; r < rows.length; r++) {
      const least = thresholds[firstRow + r];
      if (rows[r] < least) continue;
      for (let b = 0; b < width; b++) {
        if (blocks[r * width + b] < least) continue;
        if (next === this.#rows.length) {
          this.#rows = doubled(this.#rows);
          this.#blocks = doubled(this.#blocks);
        }
        this.#rows[next] = firstRow + r;
        this.#blocks[next++] = firstBlock + b;
      }
    }
    return next;
  }

  /** Finds the pairs of the first `found` listed blocks, in the cheaper of two ways. */
  async #scan(
    tile: Codes,
    thresholds: Int32Array,
    columns: ColumnCodes,
    found: number,
    pairs: PairList,
  ): Promise<void> {
    if (found === 0) return;
    const loop = found * BLOCK * this.#book.depth * LOOP_NS;
    const product = CALL_NS + Math.min(found, tile.count) * columns.count * PRODUCT_NS;
    if (loop <= product) this.#scanByLoop(tile, thresholds, columns, found, pairs);
    else await this.#scanByProduct(tile, thresholds, columns, found, pairs);
  }

  #scanByLoop(tile: Codes, thresholds: Int32Array, columns: ColumnCodes, found: number, pairs: PairList): void {
    const { depth } = this.#book;
    const { data, count } = columns;
    const { bytes } = tile;
    for (let i = 0; i < found; i++) {
      const r = this.#rows[i];
      const least = thresholds[r];
      const first = this.#blocks[i] * BLOCK;
      const panel = Math.floor(first / PANEL);
      const end = Math.min(BLOCK, count - first);
      // Four columns at a time, whose sums stay in registers.
      for (let c = 0; c < end; c += 4) {
        let s0 = 0;
        let s1 = 0;
        let s2 = 0;
        let s3 = 0;
        let from = panel * depth * PANEL + (first % PANEL) + c;
        for (let k = r * depth; k < (r + 1) * depth; k++, from += PANEL) {
          const value = bytes[k] - ZERO_POINT;
          s0 = (s0 + Math.imul(value, data[from])) | 0;
          s1 = (s1 + Math.imul(value, data[from + 1])) | 0;
          s2 = (s2 + Math.imul(value, data[from + 2])) | 0;
          s3 = (s3 + Math.imul(value, data[from + 3])) | 0;
        }
        if (s0 >= least) pairs.push(r, first + c);
        if (s1 >= least && c + 1 < end) pairs.push(r, first + c + 1);
        if (s2 >= least && c + 2 < end) pairs.push(r, first + c + 2);
        if (s3 >= least && c + 3 < end) pairs.push(r, first + c + 3);
      }
    }
  }

  async #scanByProduct(
    tile: Codes,
    thresholds: Int32Array,
    columns: ColumnCodes,
    found: number,
    pairs: PairList,
  ): Promise<void> {
    const { depth } = this.#book;
    // Only rows with a surviving block are multiplied again.
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
        const first = this.#blocks[i] * BLOCK;
        const offset = (Math.floor(first / PANEL) * part.length + row) * PANEL + (first % PANEL);
        const end = Math.min(BLOCK, columns.count - first);
        for (let c = 0; c < end; c++) if (products[offset + c] >= thresholds[r]) pairs.push(r, first + c);
      }
    }
  }
}

function doubled(values: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(2 * values.length);
  grown.set(values);
  return grown;
}
