import { type Block, TILE_ROWS } from "./block.js";
import type { CodeJoin } from "./code-join.js";
import { allOf, ColumnCodes, GROUP } from "./codes/column-codes.js";
import { gatherCodes } from "./codes/row-codes.js";
import { ColumnGroup } from "./column-group.js";
import type { ColumnHost, Meeting } from "./column-host.js";
import { PairList } from "./pair-list.js";

/** Rows on their way past the groups that hosts hold. */
interface Tile {
  /** Index of each row within the block. */
  readonly locals: Int32Array;
  /** 1 for each row that has been removed. */
  readonly removed: Uint8Array;
  /** Number after that of the last group that it meets at a host. */
  readonly end: number;
  /** Its way past the groups of each host. */
  readonly meetings: ReadonlyMap<ColumnHost, Meeting>;
}

/** The join of a block with itself, which adds what stays to the groups. */
export class JoinWithin {
  readonly #join: CodeJoin;
  readonly #block: Block;
  /** Number of this block's first group, and the number after that of its last whole one. */
  readonly #first: number;
  #whole: number;
  readonly #pairs = new PairList();

  constructor(join: CodeJoin, block: Block) {
    this.#join = join;
    this.#block = block;
    this.#first = join.groups.length;
    this.#whole = this.#first;
  }

  /**
   * Tile after tile, each in priority order; `deal.ahead` tiles are sent to the hosts before the one that is decided.
   * @param active rows of the block that have stayed so far, ascending
   */
  async run(active: Int32Array, onProgress: (decided: number) => void): Promise<void> {
    const { groups, options, deal } = this.#join;
    const inFlight: Tile[] = [];
    for (let next = 0, decided = 0; decided < active.length; ) {
      options.signal?.throwIfAborted();
      while (inFlight.length <= deal.ahead && next < active.length) {
        inFlight.push(await this.#send(active.subarray(next, next + TILE_ROWS)));
        next += TILE_ROWS;
      }
      const tile = inFlight.shift() as Tile;
      await this.#measureTile(tile);
      // Codes that all tiles under way meet at the hosts are needed here no more.
      const end = inFlight.length > 0 ? inFlight[0].end : this.#whole;
      for (let g = this.#first; g < end; g++) groups[g].codes = undefined;
      decided += tile.locals.length;
      onProgress(decided);
    }
  }

  /** Brings the groups to where later blocks look for them. */
  async handOver(): Promise<void> {
    const { groups, deal, keepCodes } = this.#join;
    for (let g = this.#first; g < groups.length; g++) {
      const host = deal.hostOf(g);
      const { codes } = groups[g];
      if (!keepCodes) await host.drop(g);
      else if (g < this.#whole) await host.rest(g);
      else if (codes !== undefined) await host.hold(g, codes);
      groups[g].codes = undefined;
    }
  }

  async #send(locals: Int32Array): Promise<Tile> {
    const { plan, deal } = this.#join;
    await this.#block.code(locals[locals.length - 1] + 1);
    const codes = gatherCodes(plan.book.depth, this.#block.codes, locals);
    const removed = new Uint8Array(new SharedArrayBuffer(locals.length));
    const end = this.#whole;
    const meetings = new Map<ColumnHost, Meeting>();
    for (const host of deal.hosts) {
      const numbers: number[] = [];
      for (let g = this.#first; g < end; g++) if (deal.hostOf(g) === host) numbers.push(g);
      meetings.set(host, host.meet({ codes, removed }, numbers));
    }
    return { locals, removed, end, meetings };
  }

  /** Decides a tile: against the groups at the hosts, those here, and itself. */
  async #measureTile({ locals, removed, end, meetings }: Tile): Promise<void> {
    const { groups, measurer, deal, options, plan, screen } = this.#join;
    const block = this.#block;
    const { codes, positions, values } = block;
    for (let g = this.#first; g < end; g++) {
      options.signal?.throwIfAborted();
      const pairs = await (meetings.get(deal.hostOf(g)) as Meeting).next();
      if (pairs.length === 0) continue;
      await measurer.measure(pairs, block, locals, { positions: groups[g].positions, values, slots: groups[g].locals });
      measurer.markRemoved(block, locals, removed);
    }
    let staying = measurer.remaining(block, locals);
    let tile = gatherCodes(plan.book.depth, codes, staying);
    const pairs = this.#pairs;
    for (let g = end; g < groups.length && staying.length > 0; g++) {
      const group = groups[g];
      pairs.length = 0;
      await screen.between(tile, group.codes as ColumnCodes, undefined, pairs);
      if (pairs.length === 0) continue;
      await measurer.measure(pairs, block, staying, { positions: group.positions, values, slots: group.locals });
      const remaining = measurer.remaining(block, staying);
      if (remaining.length < staying.length) tile = gatherCodes(plan.book.depth, codes, remaining);
      staying = remaining;
    }
    if (staying.length > 1) {
      options.signal?.throwIfAborted();
      const own = new ColumnCodes();
      own.append(plan.book, tile, allOf(staying.length));
      pairs.length = 0;
      await screen.within(tile, own, pairs);
      const columns = { positions: Uint32Array.from(staying, (local) => positions[local]), values, slots: staying };
      await measurer.measure(pairs, block, staying, columns);
    }
    await this.#keep(measurer.remaining(block, staying));
  }

  /** Adds kept rows to the last group of this block; whole ones go to their hosts. */
  async #keep(locals: Int32Array): Promise<void> {
    const { groups, deal, plan } = this.#join;
    const { codes, positions } = this.#block;
    for (let next = 0; next < locals.length; ) {
      if (groups.length === this.#whole) groups.push(new ColumnGroup(new ColumnCodes()));
      const group = groups[groups.length - 1];
      const columns = group.codes as ColumnCodes;
      const joining = locals.subarray(next, next + GROUP - group.count);
      columns.append(plan.book, codes, joining);
      group.append(positions, joining);
      next += joining.length;
      if (group.count < GROUP) return;
      await deal.hostOf(this.#whole).hold(this.#whole++, columns);
    }
  }
}
