import type { Engine } from "../onnx/engine.js";
import type { ColumnCodes } from "./codes/column-codes.js";
import { checkExact, createFloatProduct } from "./codes/float-product.js";
import { IntegerScreen } from "./codes/integer-screen.js";
import { type CodeScale, gatherCodes, type RowCodes } from "./codes/row-codes.js";
import { createIntegerProduct, type FixedProduct, type IntegerProduct } from "./codes/tile-product.js";
import { PairList, type Pairs } from "./pair-list.js";

/** What a host must know before it takes columns. */
export interface HostSettings {
  /** The numbers of the code book from which thresholds of rows follow. */
  readonly book: CodeScale;
  /** Cosine from which two vectors are near-duplicates. */
  readonly threshold: number;
  /** Rows that one call of the product takes, as timed in the plan. */
  readonly callRows: number;
}

/** A tile of rows that is to meet groups of columns. */
export interface MeetingTile {
  /** Codes of the rows. The caller must not change them while the tile meets groups. */
  readonly codes: RowCodes;
  /**
   * 1 for each row that the caller has removed since and that need not be compared any more. Lies on shared memory, so
   * that a worker sees the flags too. When a host notices a flag changes the work and never the outcome.
   */
  readonly removed: Uint8Array;
}

/** A tile meeting groups of a host, one after the other. */
export interface Meeting {
  /** The pairs (row of the tile, column of the group) that survive with the next group; valid until the next call. */
  next(): Promise<Pairs>;
}

/** Holds groups of columns under their numbers and screens tiles against them, in this thread or in a worker. */
export interface ColumnHost {
  /** Prepares the product; the first call of all. @throws Error where a device multiplies codes inexactly */
  open(settings: HostSettings): Promise<void>;
  /** Takes the codes of a group. The caller may keep the object but must not change it. */
  hold(group: number, columns: ColumnCodes): Promise<void>;
  /** Frees a group's memory on a device until a tile meets the group again. The codes stay held. */
  unload(group: number): Promise<void>;
  /** Forgets a group and its codes. */
  drop(group: number): Promise<void>;
  /**
   * Starts screening a tile against groups, in this order. The groups must be held already, and until the tile has met
   * them. Several tiles may be in flight.
   */
  meet(tile: MeetingTile, groups: readonly number[]): Meeting;
  /** Frees everything. No other call may follow. */
  close(): Promise<void>;
}

/** Share of a tile's rows that must be removed before the remaining rows are worth copying together. */
const COPY_SHARE = 1 / 16;

/** A group as `LocalHost` holds it. */
interface HeldGroup {
  readonly columns: ColumnCodes;
  /** The product with the columns on a device, from the first tile that meets them until `unload`. */
  fixed?: FixedProduct;
}

/**
 * Host in this thread. A meeting computes one group at each call of `next` and nothing in advance, so that rows removed
 * in between leave the search.
 */
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

  async unload(group: number): Promise<void> {
    const held = this.#groups.get(group);
    await held?.fixed?.release();
    if (held !== undefined) held.fixed = undefined;
  }

  async drop(group: number): Promise<void> {
    await this.unload(group);
    this.#groups.delete(group);
  }

  meet(tile: MeetingTile, groups: readonly number[]): Meeting {
    const pairs = new PairList();
    let { codes } = tile;
    /** Rows of the tile to which `codes` belong; undefined while they are all of its rows. */
    let rows: Int32Array | undefined;
    let next = 0;
    /** Takes removed rows out of the product, once enough have gone for the copy to pay. */
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
    for (const group of this.#groups.keys()) await this.unload(group);
    this.#groups.clear();
    await this.#product?.release();
  }
}

/** Those of `rows`, or of all rows of the tile where undefined, that have not been removed. */
function stayingRows({ codes, removed }: MeetingTile, rows: Int32Array | undefined): Int32Array {
  const staying = new Int32Array(rows?.length ?? codes.count);
  let count = 0;
  for (let i = 0; i < staying.length; i++) {
    const row = rows === undefined ? i : rows[i];
    if (removed[row] === 0) staying[count++] = row;
  }
  return staying.subarray(0, count);
}
