import type { OrderFacts } from "../facts.js";

/** How the join is cut into tasks: the part of the order's facts that says so. */
export type JoinCut = Pick<OrderFacts, "vectors" | "blockVectors" | "blocks" | "rowGroups">;

/** Fewest and most vectors of a block; the last one may be smaller. */
const LEAST_VECTORS = 4096;
const MOST_VECTORS = 2 ** 20;
/** Vectors of a block from which reading and coding a vector takes far less time than multiplying it with the block. */
const USUAL_VECTORS = 2 ** 14;
/**
 * Blocks for each worker where they are of a usual size: the others then have enough to drop while one of them decides,
 * and share the last blocks evenly. Of smaller blocks there are two for each worker at least.
 *
 * test/bench/engine-join.ts measured 18 µs a vector and 3.3 ns a pair (AMD EPYC, 1,024 components). By its model the
 * efficiencies at 2, 4, 6 and 8 blocks a worker are 0.55, 0.67, 0.67 and 0.65 for a million vectors and 8 workers, and
 * 0.57, 0.75, 0.82 and 0.85 for 100 million and 64.
 */
const MOST_BLOCKS = 6;
const LEAST_BLOCKS = 2;

/**
 * Cuts the join of some vectors for a number of workers.
 * @param options.blockVectors vectors of a block where the user has chosen them
 */
export function cutOfJoin(options: {
  readonly vectors: number;
  readonly workers: number;
  readonly blockVectors?: number;
}): JoinCut {
  const { vectors, workers } = options;
  if (vectors === 0) return { vectors, blockVectors: 0, blocks: 0, rowGroups: 0 };
  const share = (blocks: number) => Math.ceil(vectors / (blocks * workers));
  const wanted = Math.max(share(MOST_BLOCKS), Math.min(USUAL_VECTORS, share(LEAST_BLOCKS)), LEAST_VECTORS);
  // One worker has nobody to wait for.
  const most = workers === 1 ? MOST_VECTORS : Math.min(MOST_VECTORS, wanted);
  const blocks = Math.ceil(vectors / (options.blockVectors ?? most));
  const blockVectors = options.blockVectors ?? Math.ceil(vectors / blocks);
  return { vectors, blockVectors, blocks, rowGroups: Math.min(workers, blocks) };
}

/** First vector of a block in priority order, and the one after its last. */
export function rangeOfBlock(block: number, { vectors, blockVectors }: JoinCut): readonly [first: number, end: number] {
  return [block * blockVectors, Math.min((block + 1) * blockVectors, vectors)];
}

/** The row group that a block belongs to. */
export function rowGroupOfBlock(block: number, { rowGroups }: JoinCut): number {
  return block % rowGroups;
}

/** The blocks of a row group, ascending, from block `from` on. */
export function blocksOfRowGroup(group: number, from: number, { blocks, rowGroups }: JoinCut): number[] {
  const found: number[] = [];
  const first = from + ((((group - from) % rowGroups) + rowGroups) % rowGroups);
  for (let block = first; block < blocks; block += rowGroups) found.push(block);
  return found;
}

/**
 * Tasks of the stage drop. What block b keeps goes through the row groups that have a block from b + 2 on, as
 * block b + 1 meets it in its own decision. The group of block b + 2 comes first, since that block waits for it.
 *
 *     tasks of block 0 | tasks of block 1 | ... | tasks of block blocks - 3
 *     group of block 2, of block 3, ...         | group of block blocks - 1
 */
export function countDropTasks(cut: JoinCut): number {
  return firstDropTask(Math.max(0, cut.blocks - 2), cut);
}

/** The task of drop that a block's kept vectors and a row group make. The group must have a block from `block` + 2 on. */
export function dropTask(block: number, group: number, cut: JoinCut): number {
  const [next] = blocksOfRowGroup(group, block + 2, cut);
  if (next === undefined) throw new Error(`row group ${group} has no block after ${block + 1}`);
  return firstDropTask(block, cut) + next - (block + 2);
}

/** The block and the row group of a task of drop. */
export function partsOfDrop(task: number, cut: JoinCut): { readonly block: number; readonly group: number } {
  let block = 0;
  while (firstDropTask(block + 1, cut) <= task) block++;
  return { block, group: rowGroupOfBlock(block + 2 + task - firstDropTask(block, cut), cut) };
}

/** Number of the tasks of all blocks before `block`; each block has as many as there are groups or blocks left. */
function firstDropTask(block: number, { blocks, rowGroups }: JoinCut): number {
  const whole = Math.min(block, Math.max(0, blocks - 2 - rowGroups));
  const others = block - whole;
  return whole * rowGroups + (others * (2 * (blocks - 2) - whole - block + 1)) / 2;
}
