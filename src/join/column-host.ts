import type { Engine } from "../onnx/engine.js";
import type { ColumnCodes } from "./codes/column-codes.js";
import { IntegerScreen } from "./codes/integer-screen.js";
import type { CodeScale } from "./codes/row-codes.js";
import { createIntegerProduct, type IntegerProduct } from "./codes/tile-product.js";
import { type MeetingTile, StayingRows } from "./meeting-tile.js";
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

/** A tile meeting groups of a host, one after the other. */
export interface Meeting {
  /** The pairs (row of the tile, column of the group) that survive with the next group; valid until the next call. */
  next(): Promise<Pairs>;
  /** Groups after the last one whose pairs are known already, since they were found together with its own. */
  readonly ready: number;
}

/** Holds groups of columns under their numbers and screens tiles against them, in this thread or in a worker. */
export interface ColumnHost {
  /**
   * Nanoseconds that the product of one pair takes on a device, for codes of a depth; before `open`. Absent on a
   * processor, where the plan times the product itself. @throws Error where a device multiplies codes inexactly
   */
  pairNs?(depth: number): Promise<number>;
  /** Prepares the product. @throws Error where a device multiplies codes inexactly */
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

/**
 * Host in this thread. A meeting computes one group at each call of `next` and nothing in advance, so that rows removed
 * in between leave the search.
 */
export class LocalHost implements ColumnHost {
  readonly #engine: Engine;
  readonly #groups = new Map<number, ColumnCodes>();
  #depth = 0;
  #product: IntegerProduct | undefined;
  #screen: IntegerScreen | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async open({ book, threshold, callRows }: HostSettings): Promise<void> {
    this.#depth = book.depth;
    this.#product = createIntegerProduct(this.#engine, book.depth);
    this.#screen = new IntegerScreen(book, this.#product, threshold, callRows);
  }

  async hold(group: number, columns: ColumnCodes): Promise<void> {
    this.#groups.set(group, columns);
  }

  /** There is no other memory than that of the codes. */
  async unload(): Promise<void> {}

  async drop(group: number): Promise<void> {
    this.#groups.delete(group);
  }

  meet(tile: MeetingTile, groups: readonly number[]): Meeting {
    const pairs = new PairList();
    const staying = new StayingRows(this.#depth, tile);
    let next = 0;
    return {
      ready: 0,
      next: async () => {
        const columns = this.#groups.get(groups[next]);
        if (columns === undefined || this.#screen === undefined)
          throw new Error(`group ${groups[next]} is not held here`);
        next++;
        pairs.length = 0;
        const codes = staying.codes();
        if (codes.count > 0) await this.#screen.between(codes, columns, pairs);
        staying.rename(pairs);
        return pairs;
      },
    };
  }

  async close(): Promise<void> {
    this.#groups.clear();
    await this.#product?.release();
  }
}
