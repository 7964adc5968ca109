import type { Engine } from "../onnx/engine.js";
import type { ColumnCodes } from "./codes/column-codes.js";
import { checkExact, createFloatProduct } from "./codes/float-product.js";
import { IntegerScreen } from "./codes/integer-screen.js";
import { type CodeScale, gatherCodes, type RowCodes } from "./codes/row-codes.js";
import { createIntegerProduct, type FixedProduct, type IntegerProduct } from "./codes/tile-product.js";
import { PairList, type Pairs } from "./pair-list.js";

/** What a host needs to know before it holds columns. */
export interface HostSettings {
  readonly book: CodeScale;
  readonly threshold: number;
  /** Rows of one call of a product. */
  readonly callRows: number;
}

/** Rows on their way past the groups of a host. */
export interface MeetingTile {
  readonly codes: RowCodes;
  /**
   * 1 for each row that is removed meanwhile and need not be compared any more. On shared memory, so that a host in a worker
   * sees it; when it does changes what work is done and not the outcome.
   */
  readonly removed: Uint8Array;
}

/** A tile's way past some groups. */
export interface Meeting {
  /** The pairs (row of the tile, column) that survive with the next group; valid until the next call. */
  next(): Promise<Pairs>;
}

/** Holds groups of columns, by number, and lets tiles meet them: in this thread or in a worker. */
export interface ColumnHost {
  /** Comes before all else. */
  open(settings: HostSettings): Promise<void>;
  /** Takes the codes of a group, which the caller may keep but not change. */
  hold(group: number, columns: ColumnCodes): Promise<void>;
  /** Gives back what a device holds for a group until it is met again. */
  rest(group: number): Promise<void>;
  /** Forgets a group. */
  drop(group: number): Promise<void>;
  /** Begins a tile's way past groups, in this order. Several tiles may be under way; each meets the groups held when it began. */
  meet(tile: MeetingTile, groups: readonly number[]): Meeting;
  close(): Promise<void>;
}

/** Share of a tile's rows that must have been removed before the others are copied together. */
const COPY_SHARE = 1 / 16;

interface HeldGroup {
  readonly columns: ColumnCodes;
  /** On a device, from the first meeting on. */
  fixed?: FixedProduct;
}

/** Columns in this thread; a meeting does nothing ahead of being asked. */
export class LocalHost implements ColumnHost {
  readonly #engine: Engine;
  readonly #groups = new Map<number, HeldGroup>();
  #depth = 0;
  #product: IntegerProduct | undefined;
  #screen: IntegerScreen | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async open({ book, threshold, callRows }: HostSettings): Promise<void> {
    this.#depth = book.depth;
    this.#product = await this.#createProduct(book.depth);
    this.#screen = new IntegerScreen(book, this.#product, threshold, callRows);
  }

  async #createProduct(depth: number): Promise<IntegerProduct> {
    if (this.#engine.integers) return createIntegerProduct(this.#engine, depth);
    const product = await createFloatProduct(this.#engine, depth);
    await checkExact(product, depth);
    return product;
  }

  async hold(group: number, columns: ColumnCodes): Promise<void> {
    this.#groups.set(group, { columns });
  }

  async rest(group: number): Promise<void> {
    const held = this.#groups.get(group);
    await held?.fixed?.release();
    if (held !== undefined) held.fixed = undefined;
  }

  async drop(group: number): Promise<void> {
    await this.rest(group);
    this.#groups.delete(group);
  }

  meet(tile: MeetingTile, groups: readonly number[]): Meeting {
    const pairs = new PairList();
    let { codes } = tile;
    /** Rows of the tile that `codes` are of, where they are not all. */
    let rows: Int32Array | undefined;
    let next = 0;
    const dropRemoved = () => {
      const staying = stayingRows(tile, rows);
      if (staying.length > (1 - COPY_SHARE) * codes.count) return;
      rows = staying;
      codes = gatherCodes(this.#depth, tile.codes, staying);
    };
    return {
      next: async () => {
        const held = this.#groups.get(groups[next]);
        if (held === undefined || this.#screen === undefined) throw new Error(`group ${groups[next]} is not held here`);
        next++;
        pairs.length = 0;
        dropRemoved();
        held.fixed ??= await this.#product?.fix?.(held.columns.panels(this.#depth));
        if (codes.count > 0) await this.#screen.between(codes, held.columns, held.fixed, pairs);
        if (rows !== undefined) for (let i = 0; i < pairs.length; i++) pairs.rows[i] = rows[pairs.rows[i]];
        return pairs;
      },
    };
  }

  async close(): Promise<void> {
    for (const group of this.#groups.keys()) await this.rest(group);
    this.#groups.clear();
    await this.#product?.release();
  }
}

/** Those of `rows`, or of all of the tile, that have not been removed. */
function stayingRows({ codes, removed }: MeetingTile, rows: Int32Array | undefined): Int32Array {
  const staying = new Int32Array(rows?.length ?? codes.count);
  let count = 0;
  for (let i = 0; i < staying.length; i++) {
    const row = rows === undefined ? i : rows[i];
    if (removed[row] === 0) staying[count++] = row;
  }
  return staying.subarray(0, count);
}
