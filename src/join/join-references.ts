import { gatherInAnyOrder } from "../vectors/gather.js";
import { allocateBlock, type Block, type BlockBuffers, TILE_ROWS } from "./block.js";
import type { CodeJoin } from "./code-join.js";
import { ColumnCodes, GROUP } from "./codes/column-codes.js";
import { encodeRows, firstCodes } from "./codes/row-codes.js";
import { ColumnGroup } from "./column-group.js";
import type { ColumnHost, Meeting } from "./column-host.js";
import { PairList, type Pairs } from "./pair-list.js";

/** A tile of reference vectors, in buffers that tiles use in turn. */
interface ReferenceTile {
  /** Position of each vector, in priority order. */
  readonly positions: Uint32Array;
  readonly buffers: BlockBuffers;
  /** Number of reference vectors up to the end of this tile. */
  readonly end: number;
}

/** A tile whose meetings with the groups of each host are under way. */
interface TileInFlight {
  readonly tile: ReferenceTile;
  readonly meetings: ReadonlyMap<ColumnHost, Meeting>;
}

/** Share of the columns that must be removed before the others are worth grouping anew. */
const REGROUP_SHARE = 1 / 4;

/**
 * Joins a block with the references' vectors, which are read and coded once, tile by tile:
 *
 *     columns, at the hosts    | rows of the block, in groups |
 *     tiles, streamed          | reference vectors 0 .. 1023  |  meets all groups
 *                              | 1024 .. 2047                 |  coded meanwhile
 *                              | 2048 .. 3071                 |  read meanwhile
 *
 * The block's rows are the columns here, since they stay while the references pass by: a device takes them once, and a
 * reference vector needs no place in a group. Tiles are decided in priority order. The vectors of a surviving pair are
 * both in memory.
 * @param kept positions of the references' vectors, in priority order
 * @param onTile receives the number of reference vectors that the block has met
 * @returns the rows of the block that were not removed, as ascending indices
 */
export async function joinReferences(
  join: CodeJoin,
  block: Block,
  kept: Uint32Array,
  onTile: (met: number) => void,
): Promise<Int32Array> {
  const { deal, measurer, options } = join;
  let active: Int32Array = Int32Array.from(block.positions, (_, local) => local);
  if (kept.length === 0) return active;
  await block.code(active.length);
  let groups = await holdRows(join, block, active);
  const inFlight: TileInFlight[] = [];
  const decideFirst = async () => {
    const { tile, meetings } = inFlight.shift() as TileInFlight;
    await decideTile(join, block, groups, tile, meetings);
    onTile(tile.end);
  };
  for await (const tile of codedTiles(join, kept)) {
    options.signal?.throwIfAborted();
    inFlight.push({ tile, meetings: meetGroups(join, groups, tile) });
    if (inFlight.length <= deal.ahead) continue;
    await decideFirst();
    const staying = measurer.remaining(block, active);
    if (staying.length > 0 && staying.length > (1 - REGROUP_SHARE) * active.length) continue;
    // Nothing may be under way while groups change.
    while (inFlight.length > 0) await decideFirst();
    active = measurer.remaining(block, active);
    await dropGroups(join, groups);
    groups = await holdRows(join, block, active);
    if (active.length === 0) break;
  }
  while (inFlight.length > 0) await decideFirst();
  await dropGroups(join, groups);
  return measurer.remaining(block, active);
}

/** Makes rows of a block columns of groups, numbered from 0, and sends these to their hosts. */
async function holdRows({ plan, deal }: CodeJoin, block: Block, rows: Int32Array): Promise<ColumnGroup[]> {
  const groups: ColumnGroup[] = [];
  for (let start = 0; start < rows.length; start += GROUP) {
    const part = rows.subarray(start, start + GROUP);
    const codes = new ColumnCodes();
    codes.append(plan.book, block.codes, part);
    const group = new ColumnGroup(codes);
    group.append(block.positions, part);
    await deal.hostOf(groups.length).hold(groups.length, codes);
    group.codes = undefined;
    groups.push(group);
  }
  return groups;
}

async function dropGroups({ deal }: CodeJoin, groups: readonly ColumnGroup[]): Promise<void> {
  for (const number of groups.keys()) await deal.hostOf(number).drop(number);
}

/** Reads and codes the references' vectors; while a tile is with the caller, the next one is read. */
async function* codedTiles({ options, plan, deal }: CodeJoin, kept: Uint32Array): AsyncGenerator<ReferenceTile> {
  const { vectors } = options;
  const { book, projection } = plan;
  // The tiles in flight, the one that is sent, and the one being read.
  const ring = Array.from({ length: deal.ahead + 2 }, () => allocateBlock(plan, Math.min(TILE_ROWS, kept.length)));
  const read = async (start: number) => {
    const positions = kept.subarray(start, start + TILE_ROWS);
    const buffers = ring[(start / TILE_ROWS) % ring.length];
    await gatherInAnyOrder(vectors, positions, buffers.values.subarray(0, positions.length * vectors.dim));
    return { positions, buffers, end: start + positions.length };
  };
  let reading = read(0);
  try {
    for (let start = 0; start < kept.length; start += TILE_ROWS) {
      const tile = await reading;
      if (tile.end < kept.length) {
        reading = read(tile.end);
        // A read error is reported to whoever awaits the read, at the next tile.
        reading.catch(() => {});
      }
      const { positions, buffers } = tile;
      const values = buffers.values.subarray(0, positions.length * vectors.dim);
      encodeRows(book, await projection.project(values), positions.length, buffers.codes, 0);
      yield tile;
    }
  } finally {
    // Where the join ends before, the caller may close the file only after this.
    await reading.catch(() => {});
  }
}

/** Starts the meetings of a tile with all groups. */
function meetGroups({ plan, deal }: CodeJoin, groups: readonly ColumnGroup[], { positions, buffers }: ReferenceTile) {
  const count = positions.length;
  const tile = { codes: firstCodes(plan.book.depth, buffers.codes, count), removed: new Uint8Array(count) };
  const numbers = new Map<ColumnHost, number[]>();
  for (const number of groups.keys()) {
    const host = deal.hostOf(number);
    numbers.set(host, [...(numbers.get(host) ?? []), number]);
  }
  return new Map([...numbers].map(([host, those]) => [host, host.meet(tile, those)]));
}

/** Decides the pairs of a tile with each group. */
async function decideTile(
  { deal, measurer, options }: CodeJoin,
  block: Block,
  groups: readonly ColumnGroup[],
  { positions, buffers }: ReferenceTile,
  meetings: ReadonlyMap<ColumnHost, Meeting>,
): Promise<void> {
  const slots = Int32Array.from(positions, (_, i) => i);
  const columns = { positions, values: buffers.values, slots };
  for (const [number, { locals }] of groups.entries()) {
    options.signal?.throwIfAborted();
    const found = await (meetings.get(deal.hostOf(number)) as Meeting).next();
    if (found.length === 0) continue;
    await measurer.measure(turned(found, positions.length), block, locals, columns);
  }
}

/** Pairs (reference, row of the block) as pairs (row, reference), which for each row are in the references' order. */
function turned({ rows, columns, length }: Pairs, count: number): Pairs {
  const pairs = new PairList();
  for (let i = 0; i < length; i++) pairs.push(rows[i], columns[i]);
  pairs.sortByRow(count);
  return { rows: pairs.columns, columns: pairs.rows, length };
}
