import { allocateBlock, Block, CODE_ROWS, TILE_ROWS } from "./block.js";
import type { CodeJoin } from "./code-join.js";
import type { CodePlan } from "./codes/code-plan.js";
import { GROUP } from "./codes/column-codes.js";
import { IntegerScreen } from "./codes/integer-screen.js";
import type { Deal } from "./deal.js";
import { joinEarlier } from "./join-earlier.js";
import type { JoinOptions } from "./join-options.js";
import { JoinWithin } from "./join-within.js";
import type { Judge } from "./judge.js";
import { PairMeasurer } from "./pair-measurer.js";

/** Share of the memory left for the engine's sessions and for buffers that wait to be collected. */
const RESERVE = 0.15;
/** Copies of a group on its way to a host: as it is made, sent and held, and one of a group before that is not yet collected. */
const GROUP_COPIES = 4;
/** Bytes of the numbers that go with a row's code. */
const NUMBER_BYTES = 4 * 8;

/**
 * The join by integer codes. Vectors are visited in blocks that fit the memory. Each first meets the groups of
 * vectors kept before it, of which only those columns are read from the store that survive; then, tile by tile, the
 * vectors kept within it and itself. Where the hosts of the groups are workers, a tile is on its way past them while the
 * one before is decided. Codes of all kept vectors stay in memory where they fit in half of it, else they are made again
 * for each block by reading the vectors once. The outcome is the judge's.
 */
export async function joinByCodes(
  options: JoinOptions,
  { plan, judge, deal }: { plan: CodePlan; judge: Judge; deal: Deal },
): Promise<void> {
  const { vectors, order, threshold, memory, onProgress } = options;
  const { book, callRows } = plan;
  // Each kept vector's code is held once as a column, by whichever host, and once as a row while its block is here.
  const codeBytes = order.length * book.depth;
  const keepCodes = codeBytes <= memory / 2;
  const groupBytes = GROUP * book.depth;
  const columnBytes = (keepCodes ? codeBytes : 0) + deal.roundGroups * GROUP_COPIES * groupBytes;
  // Columns read from the store and a chunk being coded come on top, and for each host tiles on their way to it.
  const tileBytes = deal.roundGroups * (deal.ahead + 1) * TILE_ROWS * (book.depth + NUMBER_BYTES);
  const fixed = columnBytes + tileBytes + (GROUP + CODE_ROWS) * vectors.dim * 4;
  const rowBytes = vectors.dim * 4 + (keepCodes ? 1 : 2) * book.depth + NUMBER_BYTES;
  const rows = Math.floor(((1 - RESERVE) * memory - fixed) / rowBytes);
  const blockRows = Math.min(order.length, Math.max(TILE_ROWS, rows));

  const screen = new IntegerScreen(book, plan.product, threshold, callRows);
  const measurer = new PairMeasurer(options, judge);
  const buffers = allocateBlock(plan, blockRows);
  const groupBuffers = allocateBlock(plan, blockRows < order.length ? GROUP : 0);
  const join: CodeJoin = { options, plan, measurer, screen, deal, groups: [], groupBuffers, keepCodes };
  try {
    for (const host of deal.hosts) await host.open({ book: plan.scale, threshold, callRows });
    for (let start = 0; start < order.length; start += blockRows) {
      const block = new Block(vectors, plan, order.subarray(start, start + blockRows), buffers);
      const active = await joinEarlier(join, block);
      const within = new JoinWithin(join, block);
      await within.run(active, (decided) => onProgress?.(start + decided));
      const end = start + block.positions.length;
      if (end < order.length) await within.handOver();
      onProgress?.(end);
    }
  } finally {
    await measurer.release();
  }
}
