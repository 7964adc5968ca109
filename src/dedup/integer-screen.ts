import { type CodeBook, ZERO_POINT } from "./code-book.js";
import { type Codes, rowThreshold } from "./codes.js";
import type { ColumnGroup } from "./column-group.js";
import type { PairList } from "./pair-list.js";
import { BLOCK, type IntegerProduct, PANEL } from "./tile-product.js";

/** Rows whose products are brought back at once. */
const PRODUCT_ROWS = 256;
const BLOCKS = PANEL / BLOCK;
/** Nanoseconds of one multiplication in a plain loop, of one product brought back, and of a call: only their ratios matter. */
const LOOP_NS = 0.8;
const PRODUCT_NS = 1;
const CALL_NS = 300_000;

/** Rows of a superblock that meet columns together. */
export interface RowTile {
  /** Index within the superblock of each row. */
  readonly locals: Int32Array;
  /** Number that pairs give its first row, where they are collected from several tiles; 0 if absent. */
  readonly base?: number;
  /** Their codes, one after another. */
  readonly bytes: Uint8Array;
}

/** Copies the codes of some rows together. */
export function gatherCodes(book: CodeBook, codes: Codes, locals: Int32Array, base = 0): RowTile {
  const { depth } = book;
  const bytes = new Uint8Array(locals.length * depth);
  for (let i = 0; i < locals.length; i++) {
    bytes.set(codes.bytes.subarray(locals[i] * depth, (locals[i] + 1) * depth), i * depth);
  }
  return { locals, base, bytes };
}

/** Blocks listed by `#collect`, of rows of a call and columns of a group. */
interface SurvivingBlocks {
  readonly rows: Uint8Array;
  /** Number that pairs give the first row. */
  readonly first: number;
  readonly thresholds: Int32Array;
  readonly group: ColumnGroup;
  readonly found: number;
}

/** Finds the pairs that the bound of code-book.ts cannot reject. */
export class IntegerScreen {
  readonly #book: CodeBook;
  readonly #product: IntegerProduct;
  readonly #threshold: number;
  readonly #callRows: number;
  readonly #sums = new Int32Array(BLOCK);
  /** Panel · rows · blocks of the blocks whose maximum reaches its row's threshold. */
  #survivors = new Int32Array(1024);

  /** @param callRows rows of one call of a fixed product: as many as keep its scores in the cache */
  constructor(book: CodeBook, product: IntegerProduct, threshold: number, callRows: number) {
    this.#callRows = callRows;
    this.#book = book;
    this.#product = product;
    this.#threshold = threshold;
  }

  /** Appends to `pairs` the surviving (row of the tile, column of the group), for each row in order of the columns. */
  async between(codes: Codes, tile: RowTile, group: ColumnGroup, pairs: PairList): Promise<void> {
    const { depth } = this.#book;
    const { base = 0, bytes, locals } = tile;
    const thresholds = this.#thresholds(codes, tile, group);
    const { fixed, fixedPanels } = group;
    if (fixed !== undefined) {
      for (let start = 0; start < locals.length; start += this.#callRows) {
        const rows = bytes.subarray(start * depth, (start + this.#callRows) * depth);
        const reached = thresholds.subarray(start, start + this.#callRows);
        const found = this.#collect(await fixed.maxima(rows), reached, 0);
        await this.#scan({ rows, first: base + start, thresholds: reached, group, found }, pairs);
      }
    }
    const rest = group.panelsFrom(fixedPanels);
    if (rest.count === 0) return;
    const found = this.#collect(await this.#product.maxima(bytes, rest), thresholds, fixedPanels);
    await this.#scan({ rows: bytes, first: base, thresholds, group, found }, pairs);
  }

  /** Appends the surviving pairs of a tile with itself, each row with the earlier ones, ordered by row and then column. */
  async within(codes: Codes, tile: RowTile, group: ColumnGroup, pairs: PairList): Promise<void> {
    const { depth } = this.#book;
    const thresholds = this.#thresholds(codes, tile, group);
    const panels = group.panelsFrom(0);
    // A panel's rows meet the panels up to their own: the others hold later rows.
    for (let start = 0; start < tile.locals.length; start += PANEL) {
      const rows = tile.bytes.subarray(start * depth, (start + PANEL) * depth);
      const count = rows.length / depth;
      const needed = start / PANEL + 1;
      const products = await this.#product.products(rows, {
        data: panels.data.subarray(0, needed * depth * PANEL),
        count: needed,
      });
      for (let r = 0; r < count; r++) {
        const least = thresholds[start + r];
        for (let panel = 0; panel < needed; panel++) {
          const at = (panel * count + r) * PANEL;
          const end = panel < needed - 1 ? PANEL : r;
          for (let c = 0; c < end; c++) if (products[at + c] >= least) pairs.push(start + r, panel * PANEL + c);
        }
      }
    }
  }

  #thresholds(codes: Codes, { locals }: RowTile, { bounds }: ColumnGroup): Int32Array {
    const thresholds = new Int32Array(locals.length);
    for (let i = 0; i < locals.length; i++) {
      thresholds[i] = rowThreshold(this.#book, codes, locals[i], bounds, this.#threshold);
    }
    return thresholds;
  }

  /** Lists the blocks that survive, of panels from `firstPanel` on, and returns their number. */
  #collect(maxima: Int32Array, thresholds: Int32Array, firstPanel: number): number {
    let found = 0;
    const rows = thresholds.length;
    const offset = firstPanel * rows * BLOCKS;
    for (let start = 0; start < maxima.length; start += rows * BLOCKS) {
      for (let r = 0, at = start; r < rows; r++) {
        const least = thresholds[r];
        for (let b = 0; b < BLOCKS; b++, at++) {
          if (maxima[at] < least) continue;
          if (found === this.#survivors.length) {
            const grown = new Int32Array(2 * found);
            grown.set(this.#survivors);
            this.#survivors = grown;
          }
          this.#survivors[found++] = offset + at;
        }
      }
    }
    return found;
  }

  /** Finds the pairs of the listed blocks, in the cheaper of two ways. */
  async #scan(blocks: SurvivingBlocks, pairs: PairList): Promise<void> {
    const { thresholds, group, found } = blocks;
    if (found === 0) return;
    const loop = found * BLOCK * this.#book.depth * LOOP_NS;
    const product = CALL_NS + Math.min(found, thresholds.length) * group.count * PRODUCT_NS;
    if (loop <= product) this.#scanByLoop(blocks, pairs);
    else await this.#scanByProduct(blocks, pairs);
  }

  #scanByLoop({ rows, first, thresholds, group, found }: SurvivingBlocks, pairs: PairList): void {
    const { depth } = this.#book;
    const { data } = group.panelsFrom(0);
    const sums = this.#sums;
    const perPanel = thresholds.length * BLOCKS;
    for (let i = 0; i < found; i++) {
      const at = this.#survivors[i];
      const panel = Math.floor(at / perPanel);
      const r = Math.floor((at % perPanel) / BLOCKS);
      const block = at % BLOCKS;
      sums.fill(0);
      let from = panel * depth * PANEL + block * BLOCK;
      for (let k = 0; k < depth; k++, from += PANEL) {
        const value = rows[r * depth + k] - ZERO_POINT;
        if (value === 0) continue;
        for (let c = 0; c < BLOCK; c++) sums[c] += value * data[from + c];
      }
      const column = panel * PANEL + block * BLOCK;
      const end = Math.min(BLOCK, group.count - column);
      for (let c = 0; c < end; c++) if (sums[c] >= thresholds[r]) pairs.push(first + r, column + c);
    }
  }

  async #scanByProduct({ rows, first, thresholds, group, found }: SurvivingBlocks, pairs: PairList): Promise<void> {
    const { depth } = this.#book;
    const perPanel = thresholds.length * BLOCKS;
    const rowOf = (at: number) => Math.floor((at % perPanel) / BLOCKS);
    // Only rows with a surviving block are multiplied again.
    const slot = new Int32Array(thresholds.length).fill(-1);
    const chosen: number[] = [];
    for (let i = 0; i < found; i++) {
      const r = rowOf(this.#survivors[i]);
      if (slot[r] < 0) slot[r] = chosen.push(r) - 1;
    }
    for (let begin = 0; begin < chosen.length; begin += PRODUCT_ROWS) {
      const part = chosen.slice(begin, begin + PRODUCT_ROWS);
      const bytes = new Uint8Array(part.length * depth);
      for (const [i, r] of part.entries()) bytes.set(rows.subarray(r * depth, (r + 1) * depth), i * depth);
      const products = await this.#product.products(bytes, group.panelsFrom(0));
      for (let i = 0; i < found; i++) {
        const at = this.#survivors[i];
        const r = rowOf(at);
        const row = slot[r] - begin;
        if (row < 0 || row >= part.length) continue;
        const panel = Math.floor(at / perPanel);
        const offset = (panel * part.length + row) * PANEL + (at % BLOCKS) * BLOCK;
        const column = panel * PANEL + (at % BLOCKS) * BLOCK;
        const end = Math.min(BLOCK, group.count - column);
        for (let c = 0; c < end; c++) if (products[offset + c] >= thresholds[r]) pairs.push(first + r, column + c);
      }
    }
  }
}
