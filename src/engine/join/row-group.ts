import { readColumns, writeColumns } from "../../io/arrow/number-table.js";
import type { NumberFacts, OrderFacts } from "../facts.js";
import type { FinishedTask, FinishedTasks } from "../stage.js";
import { blocksOfRowGroup, dropTask, rangeOfBlock, rowGroupOfBlock } from "./cut.js";
import { partOfFates, type RowFates, type SparseFates, sparse, spread, unknownFates } from "./row-fates.js";

/** File of what tasks of against and drop know of the blocks of a row group: one part a block, sparse. */
const STATE = "state.arrow";

/** What the join of a run is about. */
export interface RunJoin {
  readonly tasks: FinishedTasks;
  readonly order: OrderFacts;
  readonly references: NumberFacts["references"];
}

/** What this process knows of runs already: facts never change, and the needs of every task ask for them. */
const known = new WeakMap<FinishedTasks, RunJoin>();

/** Finds out what the join of a run is about. */
export async function joinOf(tasks: FinishedTasks): Promise<RunJoin> {
  const before = known.get(tasks);
  if (before !== undefined) return before;
  const [{ facts: order }, { facts: number }] = await Promise.all([tasks.get("order", 0), tasks.get("number", 0)]);
  const join = { tasks, order, references: number.references };
  known.set(tasks, join);
  return join;
}

/** Blocks of one row group, one behind the other, and what is known of their vectors. */
export interface RowGroup {
  readonly blocks: readonly number[];
  /** First row of each block, and the number of all rows. */
  readonly starts: readonly number[];
  readonly fates: RowFates;
}

/**
 * What the vectors of a row group's blocks have become by the blocks up to `block`, which every later block of the group
 * has met: by the references alone if `block` is -1, by nothing if it is less.
 * @param blocks of the group, from block + 2 on at the earliest
 */
export async function readRowGroup(join: RunJoin, block: number, blocks: readonly number[]): Promise<RowGroup> {
  const { order, references } = join;
  const starts = [0];
  for (const [i, each] of blocks.entries()) {
    const [first, end] = rangeOfBlock(each, order);
    starts.push(starts[i] + end - first);
  }
  const fates = unknownFates(starts[blocks.length], references !== undefined);
  if (blocks.length === 0) return { blocks, starts, fates };
  const state = await stateAfter(join, block, rowGroupOfBlock(blocks[0], order));
  if (state === undefined) return { blocks, starts, fates };
  for (const [i, each] of blocks.entries()) {
    const part = await readColumns<SparseFates>(state.task.path(STATE), state.blocks.indexOf(each));
    spread(part, partOfFates(fates, starts[i], starts[i + 1]));
  }
  return { blocks, starts, fates };
}

/** The task that last looked at a row group, and the blocks of which it wrote what it knows. */
async function stateAfter(
  { tasks, order, references }: RunJoin,
  block: number,
  group: number,
): Promise<{ readonly task: FinishedTask; readonly blocks: readonly number[] } | undefined> {
  if (block >= 0) {
    const task = await tasks.get("drop", dropTask(block, group, order));
    return { task, blocks: blocksOfRowGroup(group, block + 2, order) };
  }
  if (references === undefined || block < -1) return undefined;
  return { task: await tasks.get("against", group), blocks: blocksOfRowGroup(group, 0, order) };
}

/** Writes what is known of a row group, for `readRowGroup`. */
export async function writeRowGroup(
  path: (name: string) => string,
  { blocks, starts, fates }: RowGroup,
): Promise<void> {
  const parts = blocks.map((_, i) => sparse(partOfFates(fates, starts[i], starts[i + 1])));
  await writeColumns(path(STATE), ...parts);
}
