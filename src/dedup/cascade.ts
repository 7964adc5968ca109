import { allocateCodes, type Codes, encodeRows } from "./codes.js";
import { ColumnGroup, GROUP } from "./column-group.js";
import { gatherInAnyOrder, isAscending } from "./gather.js";
import { gatherCodes, IntegerScreen } from "./integer-screen.js";
import type { JoinOptions } from "./join.js";
import type { Judge } from "./judge.js";
import { PairList } from "./pair-list.js";
import type { Plan } from "./plan.js";
import { Refinement } from "./refinement.js";

/** Rows that are decided together. */
const TILE_ROWS = 1024;
/** Rows projected and coded at once. */
const CODE_ROWS = 2048;
/** Surviving pairs that are collected before they are decided: 8 MB. */
const MOST_PAIRS = 1 << 20;
/** Share of the memory left for the engine's sessions and for buffers that wait to be collected. */
const RESERVE = 0.15;
/** Copies of a row's code that are held at once: of the row, the column, and the engine's packed one and its model. */
const CODE_COPIES = 4;

/** Vectors that are in memory together, with their codes. */
interface Superblock {
  readonly positions: Uint32Array;
  readonly values: Float32Array;
  readonly codes: Codes;
}

/**
 * The join by integer codes. Vectors are visited in superblocks that fit the memory. Each first meets the groups of
 * vectors kept before it, of which only those columns are read from the store that survive; then, tile by tile, the
 * vectors kept within it and itself. Codes of all kept vectors stay in memory where they fit in half of it, else they are
 * made again for each superblock by reading the vectors once.
 */
export class CascadeJoin {
  readonly #options: JoinOptions;
  readonly #plan: Plan;
  readonly #judge: Judge;
  readonly #screen: IntegerScreen;
  readonly #groups: ColumnGroup[] = [];
  readonly #pairs = new PairList();
  readonly #refinement: Refinement;
  readonly #keepCodes: boolean;
  readonly #superblockRows: number;

  constructor(options: JoinOptions, plan: Plan, judge: Judge) {
    const { vectors, order, threshold, engine, memory } = options;
    const { depth } = plan.book;
    this.#options = options;
    this.#plan = plan;
    this.#judge = judge;
    this.#screen = new IntegerScreen(plan.book, plan.product, threshold, plan.callRows);
    this.#refinement = new Refinement(engine, vectors.dim, threshold);
    const codeBytes = order.length * depth;
    this.#keepCodes = codeBytes <= memory / 2;
    // Columns read from the store and a chunk being coded come on top, and what the engine holds for each session.
    const fixed = (this.#keepCodes ? codeBytes : 0) + (GROUP + CODE_ROWS) * vectors.dim * 4;
    const rows = Math.floor(((1 - RESERVE) * memory - fixed) / (vectors.dim * 4 + CODE_COPIES * depth));
    this.#superblockRows = Math.max(TILE_ROWS, rows);
  }

  /** Runs the join; the outcome is the judge's. */
  async run(): Promise<void> {
    const { order, onProgress } = this.#options;
    try {
      for (let start = 0; start < order.length; start += this.#superblockRows) {
        const block = await this.#load(order.subarray(start, start + this.#superblockRows));
        let active: Int32Array = Int32Array.from(block.positions, (_, local) => local);
        for (const group of this.#groups) {
          if (active.length === 0) break;
          active = await this.#meetEarlier(block, active, group);
        }
        await this.#joinWithin(block, active, (decided) => onProgress?.(start + decided));
        onProgress?.(start + block.positions.length);
      }
    } finally {
      for (const group of this.#groups) await group.unfix();
      await this.#refinement.release();
    }
  }

  /** Reads and codes the vectors at some positions. */
  async #load(positions: Uint32Array): Promise<Superblock> {
    const { vectors, signal } = this.#options;
    const { dim } = vectors;
    const { book, projection } = this.#plan;
    const values = new Float32Array(positions.length * dim);
    const codes = allocateCodes(book, positions.length);
    // Where the positions ascend, a chunk is coded right after it is read, while it is in the cache.
    const ascending = isAscending(positions);
    if (!ascending) await gatherInAnyOrder(vectors, positions, values);
    for (let start = 0; start < positions.length; start += CODE_ROWS) {
      signal?.throwIfAborted();
      const rows = Math.min(CODE_ROWS, positions.length - start);
      const chunk = values.subarray(start * dim, (start + rows) * dim);
      if (ascending) await vectors.gather(positions.subarray(start, start + rows), chunk);
      const coordinates = await projection.project(chunk);
      encodeRows(book, coordinates, rows, codes, start);
    }
    return { positions, values, codes };
  }

  /** Compares a superblock with a group that was kept before it; returns the rows that stay. */
  async #meetEarlier(block: Superblock, active: Int32Array, group: ColumnGroup): Promise<Int32Array> {
    if (!group.isCoded) {
      const { codes } = await this.#load(group.positions.subarray(0, group.count));
      for (let column = 0; column < group.count; column++) group.encode(codes, column, column);
    }
    if (active.length > TILE_ROWS) await group.fix(this.#plan.product);
    const pairs = this.#pairs;
    pairs.length = 0;
    for (let start = 0; start < active.length; start += TILE_ROWS) {
      this.#options.signal?.throwIfAborted();
      const locals = active.subarray(start, start + TILE_ROWS);
      const tile = gatherCodes(this.#plan.book, block.codes, locals, start);
      await this.#screen.between(block.codes, tile, group, pairs);
      // Pairs of many tiles are decided together, so that each column is read once.
      if (pairs.length > MOST_PAIRS) await this.#decideEarlier(block, active, group);
    }
    await this.#decideEarlier(block, active, group);
    await group.unfix();
    if (!this.#keepCodes) group.dropCodes();
    return this.#remaining(block, active);
  }

  /** Reads the columns of the surviving pairs and decides them. */
  async #decideEarlier(block: Superblock, active: Int32Array, group: ColumnGroup): Promise<void> {
    const { vectors } = this.#options;
    const pairs = this.#pairs;
    if (pairs.length === 0) return;
    const used = new Uint8Array(group.count);
    for (let i = 0; i < pairs.length; i++) used[pairs.columns[i]] = 1;
    const slots = new Int32Array(group.count);
    for (let column = 0, slot = 0; column < group.count; column++) if (used[column] === 1) slots[column] = slot++;
    const positions = group.positions.slice(0, group.count).filter((_, column) => used[column] === 1);
    const values = new Float32Array(positions.length * vectors.dim);
    await gatherInAnyOrder(vectors, positions, values);
    await this.#decide(block, active, group.positions, values, slots);
    pairs.length = 0;
  }

  #remaining({ positions }: Superblock, locals: Int32Array): Int32Array {
    return locals.filter((local) => !this.#judge.isRemoved(positions[local]));
  }

  /** Joins a superblock with itself, tile after tile, and adds what stays to the groups. */
  async #joinWithin(block: Superblock, active: Int32Array, onProgress: (decided: number) => void): Promise<void> {
    const { codes, positions, values } = block;
    const { book } = this.#plan;
    const pairs = this.#pairs;
    const earlier = this.#groups.length;
    for (let start = 0; start < active.length; start += TILE_ROWS) {
      let tile = gatherCodes(book, codes, active.subarray(start, start + TILE_ROWS));
      for (let g = earlier; g < this.#groups.length && tile.locals.length > 0; g++) {
        this.#options.signal?.throwIfAborted();
        const group = this.#groups[g];
        pairs.length = 0;
        await this.#screen.between(codes, tile, group, pairs);
        if (pairs.length === 0) continue;
        await this.#decide(block, tile.locals, group.positions, values, group.locals);
        const locals = this.#remaining(block, tile.locals);
        if (locals.length < tile.locals.length) tile = gatherCodes(book, codes, locals);
      }
      if (tile.locals.length > 1) {
        this.#options.signal?.throwIfAborted();
        const own = new ColumnGroup(book);
        for (const local of tile.locals) own.push(codes, local, positions[local], local);
        pairs.length = 0;
        await this.#screen.within(codes, tile, own, pairs);
        if (pairs.length > 0) await this.#decide(block, tile.locals, own.positions, values, own.locals);
      }
      for (const local of this.#remaining(block, tile.locals)) await this.#keep(block, local, earlier);
      await this.#groups.at(-1)?.fix(this.#plan.product);
      onProgress(Math.min(start + TILE_ROWS, active.length));
    }
    for (let g = earlier; g < this.#groups.length; g++) {
      await this.#groups[g].unfix();
      if (!this.#keepCodes) this.#groups[g].dropCodes();
    }
  }

  /** Adds a kept row to the last group of this superblock, whose vectors are in memory. */
  async #keep({ codes, positions }: Superblock, local: number, earlier: number): Promise<void> {
    const groups = this.#groups;
    if (groups.length === earlier || groups[groups.length - 1].count === GROUP)
      groups.push(new ColumnGroup(this.#plan.book));
    const group = groups[groups.length - 1];
    group.push(codes, local, positions[local], local);
    if (group.count === GROUP) await group.fix(this.#plan.product);
  }

  /** Judges the pairs that survived, after a float32 product has thinned them where they are many. */
  async #decide(
    block: Superblock,
    locals: Int32Array,
    columnPositions: Uint32Array,
    columnValues: Float32Array,
    columnSlots: Int32Array,
  ): Promise<void> {
    const { dim } = this.#options.vectors;
    const { positions, values } = block;
    const judge = this.#judge;
    const pairs = this.#pairs;
    await this.#refinement.thin(pairs, {
      rows: values,
      rowSlots: locals,
      columns: columnValues,
      columnSlots,
    });
    for (let i = 0; i < pairs.length; i++) {
      const local = locals[pairs.rows[i]];
      const column = pairs.columns[i];
      judge.judge(
        positions[local],
        columnPositions[column],
        values,
        local * dim,
        columnValues,
        columnSlots[column] * dim,
      );
    }
  }
}
