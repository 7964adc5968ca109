import type { Engine } from "../onnx/engine.js";
import { type ColumnCodes, GROUP } from "./codes/column-codes.js";
import { columnParts, GROUP_STRIPS, joinedParts, scanStrips } from "./codes/column-parts.js";
import { exactDeviceProduct } from "./codes/device-check.js";
import {
  type ColumnParts,
  DEVICE_ROWS,
  type DeviceColumns,
  type DeviceProduct,
  type FoundStrips,
} from "./codes/device-product.js";
import { type CodeScale, type ColumnBounds, type RowCodes, rowThreshold } from "./codes/row-codes.js";
import type { ColumnHost, HostSettings, Meeting } from "./column-host.js";
import { type MeetingTile, StayingRows } from "./meeting-tile.js";
import type { Pairs } from "./pair-list.js";

/**
 * Groups of a slab, largest first: columns that a device holds as constants of one graph. Groups that fill no slab travel
 * with each call, at most FED of them at once.
 *
 * A slab of 64 groups has 122,880 columns. On an H200 a call with 1,024 rows and codes of depth 256 takes 0.87 ms, 145 G
 * pairs/s. They are 64 billion operations, 0.11 ms at 600 TFLOP/s, and 0.25 GB of float16 products that are written and
 * read more than once; whatever a call computes, its rows travel and two dozen kernels start, some 0.15 ms. A graph takes
 * 20 ms and more to compile.
 *
 * So 10 million vectors, 5·10^13 pairs, are 400,000 such calls, 350 s. Compiled are 650 slabs of 8 groups and 81 of 64;
 * their columns take 5 GB on the card. This program's other threads need about 11 us for a row meanwhile, 110 s in all.
 */
const SLABS = [64, 8];
/** Most groups that travel with a call: one fewer than make a slab. The calls are filled up to 1, 2, 4 or 8 groups. */
const FED = 8;
/** Milliseconds of a call with one group from which a device gains nothing by slabs of more: drivers in software. */
const SLOW_MS = 5;
/** Times that a product is timed, where it is not slow. */
const TRIALS = 3;

/** A group as the device host holds it. */
interface HeldGroup {
  readonly parts: ColumnParts;
  readonly count: number;
  readonly bounds: ColumnBounds;
}

/** Consecutive groups that one call of the product meets, with a slab where they fill one. */
interface Run {
  /** Numbers of the groups, in ascending order. */
  readonly groups: readonly number[];
  readonly slab: number | undefined;
}

/**
 * Host of columns on a device, such as a GPU. Codes of columns stay on the device in slabs of groups; a tile meets a slab
 * in one call, and only the numbers of strips that may hold a pair come back. Their few products are computed again here, in
 * exact integers, so that the pairs that survive are those of the processor's screen.
 *
 * Group g lies in slab ⌊g / size⌋ of each size, so slabs of 8 grow into slabs of 64 as groups arrive. Codes are held here
 * too, GROUP × depth bytes a group.
 */
export class DeviceHost implements ColumnHost {
  readonly #engine: Engine;
  readonly #groups = new Map<number, HeldGroup>();
  /** Columns on the device by size and number of the slab. */
  readonly #fixed = new Map<string, DeviceColumns>();
  #slabs: readonly number[] | undefined;
  #book: CodeScale | undefined;
  #threshold = 1;
  #product: DeviceProduct | undefined;

  /** @param slabs sizes of slabs in groups, largest first; by default those that suit the device's speed */
  constructor(engine: Engine, slabs?: readonly number[]) {
    this.#engine = engine;
    this.#slabs = slabs;
  }

  async pairNs(depth: number): Promise<number> {
    const product = await exactDeviceProduct(this.#engine, { depth, columns: [GROUP] });
    try {
      const ms = await timeCall(product, depth, 1);
      this.#slabs ??= ms > SLOW_MS ? [1] : SLABS;
      const [groups] = this.#slabs;
      const best = groups === 1 ? ms : await timeCall(product, depth, groups);
      return (1e6 * best) / (DEVICE_ROWS * groups * GROUP);
    } finally {
      await product.release();
    }
  }

  async open({ book, threshold }: HostSettings): Promise<void> {
    this.#book = book;
    this.#threshold = threshold;
    if (this.#slabs === undefined) await this.pairNs(book.depth);
    const slabs = this.#slabs as readonly number[];
    const fed = [1, 2, 4, FED].filter((groups) => groups < 2 * Math.min(...slabs));
    const shapes = [...new Set([...fed, ...slabs])].map((groups) => groups * GROUP);
    this.#product = await exactDeviceProduct(this.#engine, { depth: book.depth, columns: shapes });
  }

  async hold(group: number, columns: ColumnCodes): Promise<void> {
    if (this.#book === undefined) throw new Error("the host is not open");
    const { count, bounds } = columns;
    // The caller may go on to use the bounds' object.
    this.#groups.set(group, { parts: columnParts(columns, this.#book.depth), count, bounds: { ...bounds } });
  }

  async unload(group: number): Promise<void> {
    for (const size of this.#slabs ?? []) await this.#releaseSlab(size, Math.floor(group / size));
  }

  async drop(group: number): Promise<void> {
    await this.unload(group);
    this.#groups.delete(group);
  }

  meet(tile: MeetingTile, groups: readonly number[]): Meeting {
    const staying = new StayingRows(this.#book?.depth ?? 0, tile);
    const runs = this.#runsOf(groups);
    const known: Pairs[] = [];
    return {
      get ready() {
        return known.length;
      },
      next: async () => {
        if (known.length === 0) {
          const run = runs.shift();
          if (run === undefined) throw new Error("the tile has met all of its groups");
          known.push(...(await this.#meetRun(staying.codes(), run)));
          for (const pairs of known) staying.rename(pairs);
        }
        return known.shift() as Pairs;
      },
    };
  }

  async close(): Promise<void> {
    for (const columns of this.#fixed.values()) await columns.release();
    this.#fixed.clear();
    this.#groups.clear();
    await this.#product?.release();
  }

  /** Divides groups into runs: slabs where all of a slab's groups are there, else as many as travel with a call. */
  #runsOf(groups: readonly number[]): Run[] {
    const runs: Run[] = [];
    for (let next = 0; next < groups.length; ) {
      const slab = this.#slabs?.find(
        (size) => groups[next] % size === 0 && groups[next + size - 1] === groups[next] + size - 1,
      );
      if (slab !== undefined) {
        runs.push({ groups: groups.slice(next, next + slab), slab });
        next += slab;
        continue;
      }
      // Groups before the next one that could begin a slab.
      const most = Math.min(...(this.#slabs ?? [FED]), FED);
      const end = Math.min(groups.length, next + most - (groups[next] % most));
      runs.push({ groups: groups.slice(next, end), slab: undefined });
      next = end;
    }
    return runs;
  }

  /** The pairs of some rows with each group of a run. */
  async #meetRun(codes: RowCodes, { groups, slab }: Run): Promise<Pairs[]> {
    const held = groups.map((group) => {
      const found = this.#groups.get(group);
      if (found === undefined) throw new Error(`group ${group} is not held here`);
      return found;
    });
    if (codes.count === 0) return held.map(() => ({ rows: EMPTY, columns: EMPTY, length: 0 }));
    const found = await this.#find(codes, groups, held, slab);
    let end = 0;
    return held.map(({ parts, count, bounds }, i) => {
      const begin = end;
      while (end < found.length && found.strips[end] < (i + 1) * GROUP_STRIPS) end++;
      if (begin === end) return { rows: EMPTY, columns: EMPTY, length: 0 };
      const thresholds = this.#thresholds(codes, bounds);
      return scanStrips({ found, begin, end, firstStrip: i * GROUP_STRIPS, codes, parts, count, thresholds });
    });
  }

  /** Strips of a run that may hold a pair. Their threshold is that of the run, which none of its groups exceeds. */
  async #find(
    codes: RowCodes,
    groups: readonly number[],
    held: readonly HeldGroup[],
    slab: number | undefined,
  ): Promise<FoundStrips> {
    const bounds = { coded: 0, error: 0, over: 0 };
    for (const group of held) {
      for (const name of ["coded", "error", "over"] as const) bounds[name] = Math.max(bounds[name], group.bounds[name]);
    }
    const thresholds = this.#thresholds(codes, bounds);
    const parts = held.map((group) => group.parts);
    const product = this.#product as DeviceProduct;
    if (slab !== undefined) return (await this.#slab(slab, groups[0] / slab, parts)).find(codes.bytes, thresholds);
    const filled = 2 ** Math.ceil(Math.log2(parts.length));
    return product.find(codes.bytes, thresholds, joinedParts(parts, filled));
  }

  /** The columns of a slab on the device, sent there at the first call. Smaller slabs that it takes in are freed. */
  async #slab(size: number, number: number, parts: readonly ColumnParts[]): Promise<DeviceColumns> {
    const key = `${size} ${number}`;
    const known = this.#fixed.get(key);
    if (known !== undefined) return known;
    for (const smaller of this.#slabs ?? []) {
      if (smaller >= size) continue;
      for (let i = 0; i < size / smaller; i++) await this.#releaseSlab(smaller, (number * size) / smaller + i);
    }
    const columns = await (this.#product as DeviceProduct).fix(joinedParts(parts, size));
    this.#fixed.set(key, columns);
    return columns;
  }

  async #releaseSlab(size: number, number: number): Promise<void> {
    const key = `${size} ${number}`;
    const columns = this.#fixed.get(key);
    this.#fixed.delete(key);
    await columns?.release();
  }

  #thresholds(codes: RowCodes, bounds: ColumnBounds): Int32Array {
    const thresholds = new Int32Array(codes.count);
    const book = this.#book as CodeScale;
    for (let i = 0; i < codes.count; i++) thresholds[i] = rowThreshold(book, codes, i, bounds, this.#threshold);
    return thresholds;
  }
}

/** The rows, or columns, of no pair. */
const EMPTY = new Int32Array(0);

/** Milliseconds of a call with so many groups of columns that the device holds; the best of some. */
async function timeCall(product: DeviceProduct, depth: number, groups: number): Promise<number> {
  const group = columnParts(
    { data: new Int8Array(0), count: 0, bounds: { coded: 0, error: 0, over: 0 } } as ColumnCodes,
    depth,
  );
  const columns = await product.fix(
    joinedParts(
      Array.from({ length: groups }, () => group),
      groups,
    ),
  );
  const rows = new Uint8Array(DEVICE_ROWS * depth);
  const thresholds = new Int32Array(DEVICE_ROWS).fill(2 ** 31 - 1);
  let best = Number.POSITIVE_INFINITY;
  try {
    await columns.find(rows, thresholds);
    for (let run = 0; run < TRIALS; run++) {
      const started = performance.now();
      await columns.find(rows, thresholds);
      best = Math.min(best, performance.now() - started);
      if (best > SLOW_MS) break;
    }
  } finally {
    await columns.release();
  }
  return best;
}
