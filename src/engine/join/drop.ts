import type { JoinFacts } from "../facts.js";
import type { Stage, TaskContext } from "../stage.js";
import { blocksOfRowGroup, countDropTasks, dropTask, partsOfDrop } from "./cut.js";
import { joinPart } from "./join-part.js";
import { settle, survivingRows } from "./row-fates.js";
import { joinOf, type RowGroup, type RunJoin, readRowGroup, writeRowGroup } from "./row-group.js";
import { allRows, keptOfBlock, type Rows, rowsOfBlock, rowsOfReferences, someRows } from "./rows.js";

/**
 * Compares the vectors of a row group with those of the references that `--against` names. Only where there are such
 * vectors; every other stage of the join then begins with what this one leaves.
 */
export const against: Stage<"against"> = {
  name: "against",
  phase: "join",
  after: ["order"],
  async count(_plan, tasks) {
    const { order, references } = await joinOf(tasks);
    return references === undefined ? 0 : order.rowGroups;
  },
  async run(context) {
    const join = await joinOf(context.tasks);
    const group = await readRowGroup(join, -2, blocksOfRowGroup(context.index, 0, join.order));
    return meet(context, join, group, { references: await rowsOfReferences(context.tasks), against: true });
  },
};

/** Compares the vectors of a row group, from two blocks further on, with those that a block has kept. */
export const drop: Stage<"drop"> = {
  name: "drop",
  phase: "join",
  after: ["order"],
  count: async (_plan, tasks) => countDropTasks((await joinOf(tasks)).order),
  async needs(index, _plan, tasks) {
    const { order, references } = await joinOf(tasks);
    const { block, group } = partsOfDrop(index, order);
    const decided = ["decide", block] as const;
    if (block > 0) return [decided, ["drop", dropTask(block - 1, group, order)]];
    return references === undefined ? [decided] : [decided, ["against", group]];
  },
  async run(context) {
    const join = await joinOf(context.tasks);
    const { block, group } = partsOfDrop(context.index, join.order);
    const rows = await readRowGroup(join, block - 1, blocksOfRowGroup(group, block + 2, join.order));
    return meet(context, join, rows, { references: await keptOfBlock(context.tasks, block), against: false });
  },
};

/** Compares the surviving rows of a group with vectors that come before them, and writes what is known then. */
async function meet(
  context: TaskContext,
  join: RunJoin,
  group: RowGroup,
  { references, against }: { readonly references: Rows; readonly against: boolean },
): Promise<JoinFacts> {
  const blocks: Rows[] = [];
  for (const block of group.blocks) blocks.push(await rowsOfBlock(join.tasks, block));
  const surviving = survivingRows(group.fates);
  const rows = someRows(allRows(blocks), surviving);
  const result = await joinPart(context, join, { rows, references, against, within: false });
  settle(group.fates, surviving, { ...rows, result, references: references.positions, against });
  await writeRowGroup(context.path, group);
  const kept = survivingRows(group.fates).length;
  return { removed: surviving.length - kept, kept, measured: result.measured };
}
