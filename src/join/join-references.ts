import { type Block, TILE_ROWS } from "./block.js";
import type { CodeJoin } from "./code-join.js";
import { ColumnCodes, GROUP } from "./codes/column-codes.js";
import { allocateCodes, encodeRows, firstCodes, type RowCodes } from "./codes/row-codes.js";
import { ColumnGroup } from "./column-group.js";
import type { ColumnHost, Meeting } from "./column-host.js";
import { PairList, type Pairs } from "./pair-list.js";
import { type ReferenceTile, referenceTiles } from "./reference-tiles.js";

/** A tile of the references with its codes. */
interface CodedTile extends ReferenceTile {
  readonly codes: RowCodes;
}

/** A tile whose meetings with the groups of each host are under way. */
interface TileInFlight {
  readonly tile: CodedTile;
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

/**
 * Makes rows of a block columns of groups and sends these to their hosts. There their numbers follow those of the groups
 * kept by earlier blocks, which the hosts still hold: the first of these groups has number `join.groups.length`.
 */
async function holdRows(
  { groups: kept, plan, deal }: CodeJoin,
  block: Block,
  rows: Int32Array,
): Promise<ColumnGroup[]> {
  const groups: ColumnGroup[] = [];
  for (let start = 0; start < rows.length; start += GROUP) {
    const part = rows.subarray(start, start + GROUP);
    const codes = new ColumnCodes();
    codes.append(plan.book, block.codes, part);
    const group = new ColumnGroup(codes);
    group.append(block.positions, part);
    const number = kept.length + groups.length;
    await deal.hostOf(number).hold(number, codes);
    group.codes = undefined;
    groups.push(group);
  }
  return groups;
}

async function dropGroups({ groups: kept, deal }: CodeJoin, groups: readonly ColumnGroup[]): Promise<void> {
  for (const i of groups.keys()) await deal.hostOf(kept.length + i).drop(kept.length + i);
}

/** Reads and codes the references' vectors. As many tiles are valid at a time as are in flight. */
async function* codedTiles({ options, plan, deal }: CodeJoin, kept: Uint32Array): AsyncGenerator<CodedTile> {
  const { book, projection } = plan;
  const lasting = deal.ahead + 1;
  const codes = Array.from({ length: lasting }, () => allocateCodes(book, Math.min(TILE_ROWS, kept.length)));
  let number = 0;
  for await (const tile of referenceTiles(options.vectors, kept, { rows: TILE_ROWS, lasting })) {
    const { length } = tile.positions;
    const own = codes[number++ % lasting];
    encodeRows(book, await projection.project(tile.values), length, own, 0);
    yield { ...tile, codes: firstCodes(book.depth, own, length) };
  }
}

/** Starts the meetings of a tile with all groups. */
function meetGroups({ groups: kept, deal }: CodeJoin, groups: readonly ColumnGroup[], { codes }: CodedTile) {
  // No reference vector is ever removed.
  const tile = { codes, removed: new Uint8Array(codes.count) };
  const numbers = new Map<ColumnHost, number[]>();
  for (const i of groups.keys()) {
    const number = kept.length + i;
    const host = deal.hostOf(number);
    numbers.set(host, [...(numbers.get(host) ?? []), number]);
  }
  return new Map([...numbers].map(([host, those]) => [host, host.meet(tile, those)]));
}

/** Decides the pairs of a tile with each group. */
async function decideTile(
  { groups: kept, deal, measurer, options }: CodeJoin,
  block: Block,
  groups: readonly ColumnGroup[],
  { positions, values }: ReferenceTile,
  meetings: ReadonlyMap<ColumnHost, Meeting>,
): Promise<void> {
  const slots = Int32Array.from(positions, (_, i) => i);
  const columns = { positions, values, slots };
  for (const [i, { locals }] of groups.entries()) {
    options.signal?.throwIfAborted();
    const found = await (meetings.get(deal.hostOf(kept.length + i)) as Meeting).next();
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
