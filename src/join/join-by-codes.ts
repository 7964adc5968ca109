import { allocateBlocks, Block, CODE_ROWS, TILE_ROWS } from "./block.js";
import type { CodeJoin } from "./code-join.js";
import type { CodePlan } from "./codes/code-plan.js";
import { GROUP } from "./codes/column-codes.js";
import { IntegerScreen } from "./codes/integer-screen.js";
import type { Deal } from "./deal.js";
import { joinEarlier } from "./join-earlier.js";
import type { JoinOptions } from "./join-options.js";
import { joinReferences } from "./join-references.js";
import { JoinWithin } from "./join-within.js";
import type { Judge } from "./judge.js";
import { PairMeasurer } from "./pair-measurer.js";

/** Share of the memory left for the sessions of the engine and for buffers that await collection. */
const RESERVE = 0.15;
/**
 * Copies of a group on its way to a host: the original, the sent one, the held one, and an earlier one not yet
 * collected.
 */
const GROUP_COPIES = 4;
/** Most elements of a typed array in every version of Node that is supported: 4 million vectors of 1,024 components. */
const MOST_ELEMENTS = 2 ** 32 - 1;
/** Bytes of the four float64 numbers that belong to the code of a row. */
const NUMBER_BYTES = 4 * 8;

/**
 * The join by integer codes, block by block in priority order, as many rows in a block as the memory holds.
 *
 *     for each block of rows
 *       joinReferences  the references' vectors pass by once, tile by tile
 *       joinEarlier     its tiles meet the groups kept by earlier blocks; left out, as the rest, with `within: false`
 *       JoinWithin      tile by tile: the tile meets the groups kept within this block, then itself,
 *                       and its remaining rows become columns of the last group
 *
 * Where hosts are workers, the next tiles meet groups there while this thread decides one tile. Codes of all kept
 * vectors stay in memory where they fit in half of it; otherwise each block reads the kept vectors once and codes them
 * again. To measure pairs, only the vectors of surviving columns are read from earlier blocks. The outcome is in
 * `judge`.
 * @param parts.kept positions of the references' vectors, in priority order; none by default
 * @throws the signal's reason once that is aborted, or the error of a host
 */
export async function joinByCodes(
  options: JoinOptions,
  { plan, judge, deal, kept = new Uint32Array(0) }: { plan: CodePlan; judge: Judge; deal: Deal; kept?: Uint32Array },
): Promise<void> {
  const { vectors, order, threshold, memory, within = true, onProgress } = options;
  const { book, callRows } = plan;
  // A kept vector's code is held once as a column, by its host, and once as a row while its block is in memory.
  const codeBytes = order.length * book.depth;
  const keepCodes = within && codeBytes <= memory / 2;
  const groupBytes = GROUP * book.depth;
  const columnBytes = (keepCodes ? codeBytes : 0) + deal.roundGroups * GROUP_COPIES * groupBytes;
  // Beside the codes: columns read from the store, the chunk being coded, and for each host the tiles on their way to
  // it.
  const tileBytes = deal.hosts.length * (deal.ahead + 1) * TILE_ROWS * (book.depth + NUMBER_BYTES);
  const vectorBytes = vectors.dim * 4;
  const referenceBytes =
    Math.min(kept.length, (deal.ahead + 2) * TILE_ROWS) * (vectorBytes + book.depth + NUMBER_BYTES);
  const fixed = columnBytes + tileBytes + referenceBytes + (GROUP + CODE_ROWS) * vectorBytes;
  const rowBytes = vectorBytes + (keepCodes ? 1 : 2) * book.depth + NUMBER_BYTES;
  const rows = Math.floor(((1 - RESERVE) * memory - fixed) / rowBytes);
  const most = Math.floor(MOST_ELEMENTS / Math.max(vectors.dim, book.depth)) - GROUP;
  const blockRows = Math.min(order.length, most, Math.max(TILE_ROWS, rows));

  const screen = new IntegerScreen(book, plan.product, threshold, callRows);
  const measurer = new PairMeasurer(options, judge);
  const [buffers, groupBuffers] = allocateBlocks(plan, blockRows, blockRows < order.length ? GROUP : 0);
  const join: CodeJoin = { options, plan, measurer, screen, deal, groups: [], groupBuffers, keepCodes };
  try {
    for (const host of deal.hosts) await host.open({ book: plan.scale, threshold, callRows });
    for (let start = 0; start < order.length; start += blockRows) {
      const block = new Block(vectors, plan, order.subarray(start, start + blockRows), buffers);
      // Each block meets all references: its share of the rows is its share of that work.
      const share = block.positions.length / order.length;
      const met = await joinReferences(join, block, kept, (count) =>
        options.onReferences?.(Math.floor((kept.length * start) / order.length + share * count)),
      );
      const end = start + block.positions.length;
      if (within) {
        const active = await joinEarlier(join, block, met);
        const own = new JoinWithin(join, block);
        await own.run(active, (decided) => onProgress?.(start + decided));
        if (end < order.length) await own.handOver();
      }
      onProgress?.(end);
    }
  } finally {
    await measurer.release();
  }
}
