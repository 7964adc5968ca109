import { gatherInAnyOrder } from "../vectors/gather.js";
import { Block, TILE_ROWS } from "./block.js";
import type { CodeJoin } from "./code-join.js";
import { allOf, ColumnCodes } from "./codes/column-codes.js";
import { gatherCodes } from "./codes/row-codes.js";
import type { ColumnGroup } from "./column-group.js";
import type { ColumnHost, Meeting } from "./column-host.js";
import { PairList } from "./pair-list.js";

/** Surviving pairs that are collected before they are decided: 8 bytes each, so 8 MB. */
const MOST_PAIRS = 1 << 20;

/**
 * Joins a block with the groups kept by earlier blocks. The groups go in rounds of as many as there are hosts: all
 * tiles of the block meet the groups of a round, then the surviving pairs are decided. A vector of an earlier block is
 * read from the store only if one of its pairs survives, and once for all pairs that are decided together.
 * @param rows rows of the block that are not removed, as ascending indices
 * @returns those that were not removed here either
 */
export async function joinEarlier(join: CodeJoin, block: Block, rows: Int32Array): Promise<Int32Array> {
  const { groups, deal } = join;
  let active = rows;
  for (let first = 0; first < groups.length && active.length > 0; first += deal.roundGroups) {
    if (!join.keepCodes) await sendGroups(join, first);
    await screenTiles(join, block, active, first);
    await releaseGroups(join, first);
    active = join.measurer.remaining(block, active);
  }
  return active;
}

/** The groups of the round that starts with group `first`, with their numbers and hosts. */
function* groupsOfRound({ groups, deal }: CodeJoin, first: number) {
  for (let g = first; g < Math.min(first + deal.roundGroups, groups.length); g++) {
    yield { number: g, group: groups[g], host: deal.hostOf(g) };
  }
}

/** Sends the codes of a round's groups to their hosts, made anew from the store. */
async function sendGroups(join: CodeJoin, first: number): Promise<void> {
  for (const { number, group, host } of groupsOfRound(join, first)) {
    await host.hold(number, await codesOf(join, group));
  }
}

/** Makes the hosts free what a round took: the codes too where they are not kept. */
async function releaseGroups(join: CodeJoin, first: number): Promise<void> {
  for (const { number, host } of groupsOfRound(join, first)) {
    if (join.keepCodes) await host.unload(number);
    else await host.drop(number);
  }
}

/** Makes the codes of a group again from its vectors in the store. */
async function codesOf({ options, plan, groupBuffers }: CodeJoin, group: ColumnGroup): Promise<ColumnCodes> {
  const block = new Block(options.vectors, plan, group.positions.slice(0, group.count), groupBuffers);
  await block.code(group.count);
  const columns = new ColumnCodes();
  columns.append(plan.book, block.codes, allOf(group.count));
  return columns;
}

/** Screens all tiles of the active rows against the groups of a round, and decides the surviving pairs. */
async function screenTiles(join: CodeJoin, block: Block, active: Int32Array, first: number): Promise<void> {
  const { options, plan, deal } = join;
  const round = [...groupsOfRound(join, first)];
  /** Numbers of the groups of each host, in ascending order. */
  const found = round.map(() => new PairList());
  const numbers = new Map<ColumnHost, number[]>();
  for (const { host, number } of round) numbers.set(host, [...(numbers.get(host) ?? []), number]);
  const inFlight: { start: number; meetings: Map<ColumnHost, Meeting> }[] = [];
  for (let next = 0; next < active.length || inFlight.length > 0; ) {
    options.signal?.throwIfAborted();
    while (inFlight.length <= deal.ahead && next < active.length) {
      const locals = active.subarray(next, next + TILE_ROWS);
      await block.code(locals[locals.length - 1] + 1);
      // Nothing is decided while tiles are in flight, so none of their rows is removed meanwhile.
      const tile = { codes: gatherCodes(plan.book.depth, block.codes, locals), removed: new Uint8Array(locals.length) };
      const meetings = new Map([...numbers].map(([host, groups]) => [host, host.meet(tile, groups)]));
      inFlight.push({ start: next, meetings });
      next += TILE_ROWS;
    }
    const { start, meetings } = inFlight.shift() as (typeof inFlight)[number];
    for (const { host, number } of round) {
      const { rows, columns, length } = await (meetings.get(host) as Meeting).next();
      for (let p = 0; p < length; p++) found[number - first].push(start + rows[p], columns[p]);
    }
    const pairs = found.reduce((sum, { length }) => sum + length, 0);
    if (pairs > MOST_PAIRS) await measureFound(join, block, active, first, found);
  }
  await measureFound(join, block, active, first, found);
}

/**
 * Reads the vectors of surviving columns and decides the pairs, group by group, since columns must come in priority
 * order.
 */
async function measureFound(
  join: CodeJoin,
  block: Block,
  active: Int32Array,
  first: number,
  found: readonly PairList[],
): Promise<void> {
  const { vectors } = join.options;
  for (const { number, group } of groupsOfRound(join, first)) {
    const pairs = found[number - first];
    if (pairs.length === 0) continue;
    const { count, positions } = group;
    // The distinct columns get slots in ascending order: first marked 0, then numbered.
    const slots = new Int32Array(count).fill(-1);
    for (let p = 0; p < pairs.length; p++) slots[pairs.columns[p]] = 0;
    let used = 0;
    for (let column = 0; column < count; column++) if (slots[column] === 0) slots[column] = used++;
    const columnPositions = new Uint32Array(used);
    for (let column = 0; column < count; column++)
      if (slots[column] >= 0) columnPositions[slots[column]] = positions[column];
    const values = join.groupBuffers.values.subarray(0, used * vectors.dim);
    await gatherInAnyOrder(vectors, columnPositions, values);
    await join.measurer.measure(pairs, block, active, { positions, values, slots });
    pairs.length = 0;
  }
}
