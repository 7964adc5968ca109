import { type Block, TILE_ROWS } from "./block.js";
import type { CodeJoin } from "./code-join.js";
import { allOf, ColumnCodes, GROUP } from "./codes/column-codes.js";
import { gatherCodes } from "./codes/row-codes.js";
import { ColumnGroup } from "./column-group.js";
import type { ColumnHost, Meeting } from "./column-host.js";
import { PairList } from "./pair-list.js";

/** A tile of rows that meets groups at the hosts. */
interface Tile {
  /** Index of each row within the block. */
  readonly locals: Int32Array;
  /** 1 for each removed row, on memory that workers share. */
  readonly removed: Uint8Array;
  /** Number after that of the last group that the tile meets at a host. */
  readonly end: number;
  /** The tile's meeting with the groups of each host. */
  readonly meetings: ReadonlyMap<ColumnHost, Meeting>;
}

/**
 * The join of a block with itself. Rows that stay become columns of new groups, which later tiles meet:
 *
 *     groups   | earlier blocks | full, at hosts | the one being filled, here |
 *              0              #first           #whole                     groups.length
 *
 * A tile meets the groups [#first, end) at the hosts, where `end` was #whole when the tile was sent. Groups that filled
 * up since then are still here for it, as are the last group and the tile itself.
 */
export class JoinWithin {
  readonly #join: CodeJoin;
  readonly #block: Block;
  /** Number of this block's first group. */
  readonly #first: number;
  /** Number after that of this block's last full group, which is that of the group being filled. */
  #whole: number;
  /** Reused from group to group. */
  readonly #pairs = new PairList();

  constructor(join: CodeJoin, block: Block) {
    this.#join = join;
    this.#block = block;
    this.#first = join.groups.length;
    this.#whole = this.#first;
  }

  /**
   * Decides the active rows tile by tile in priority order. While one tile is decided, the next `deal.ahead` tiles meet
   * groups at the hosts.
   * @param active rows of the block that are not removed, as ascending indices
   * @param onProgress receives the number of active rows decided
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
      // Every tile still to be decided meets these groups at the hosts, so their codes are not needed here.
      const end = inFlight.length > 0 ? inFlight[0].end : this.#whole;
      for (let g = this.#first; g < end; g++) groups[g].codes = undefined;
      decided += tile.locals.length;
      onProgress(decided);
    }
  }

  /**
   * Leaves the groups of this block where later blocks expect them: at their hosts, or nowhere if codes are not kept.
   */
  async handOver(): Promise<void> {
    const { groups, deal, keepCodes } = this.#join;
    for (let g = this.#first; g < groups.length; g++) {
      const host = deal.hostOf(g);
      const { codes } = groups[g];
      if (!keepCodes) await host.drop(g);
      else if (g < this.#whole) await host.unload(g);
      else if (codes !== undefined) await host.hold(g, codes);
      groups[g].codes = undefined;
    }
  }

  /** Codes the rows of a tile and starts its meetings with the groups that are full now. */
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

  /** Decides a tile: against the groups at the hosts, then those in this thread, then its own rows. */
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
    // From here on only this thread computes: rows that one group removes are taken out before the next group.
    const pairs = this.#pairs;
    for (let g = end; g < groups.length && staying.length > 0; g++) {
      const group = groups[g];
      pairs.length = 0;
      await screen.between(tile, group.codes as ColumnCodes, pairs);
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

  /** Appends kept rows to this block's last group. A group that is full goes to its host. */
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
