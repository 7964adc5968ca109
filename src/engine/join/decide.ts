import { writeColumns } from "../../io/arrow/number-table.js";
import type { StageName } from "../facts.js";
import type { Stage } from "../stage.js";
import { FILES } from "../task-files.js";
import { dropTask, rowGroupOfBlock } from "./cut.js";
import { joinPart } from "./join-part.js";
import { settle, survivingRows } from "./row-fates.js";
import { joinOf, readRowGroup } from "./row-group.js";
import { keptOfBlock, type Rows, rowsOfBlock, someRows } from "./rows.js";

/** Nothing is kept before the first block. */
const NOTHING: Rows = { positions: new Uint32Array(0) };

/**
 * Decides a block: its vectors that neither the references nor the blocks up to the last but one have removed meet those
 * that the last block kept, then each other. It writes outcome.arrow: `RowFates`, a row for each vector in priority order.
 */
export const decide: Stage<"decide"> = {
  name: "decide",
  phase: "join",
  after: ["order"],
  count: async (_plan, tasks) => (await joinOf(tasks)).order.blocks,
  async needs(block, _plan, tasks) {
    const { order, references } = await joinOf(tasks);
    const group = rowGroupOfBlock(block, order);
    const needed: (readonly [StageName, number])[] = [];
    if (block > 0) needed.push(["decide", block - 1]);
    if (block > 1) needed.push(["drop", dropTask(block - 2, group, order)]);
    else if (references !== undefined) needed.push(["against", group]);
    return needed;
  },
  async run(context) {
    const { tasks, index: block } = context;
    const join = await joinOf(tasks);
    const { fates } = await readRowGroup(join, block > 1 ? block - 2 : -1, [block]);
    const surviving = survivingRows(fates);
    const rows = someRows(await rowsOfBlock(tasks, block), surviving);
    const before = block === 0 ? NOTHING : await keptOfBlock(tasks, block - 1);
    const result = await joinPart(context, join, { rows, references: before, against: false, within: true });
    settle(fates, surviving, { ...rows, result, references: before.positions, against: false });
    await writeColumns(context.path(FILES.decide.outcome), fates);
    const kept = survivingRows(fates).length;
    return { removed: surviving.length - kept, kept, measured: result.measured };
  },
};
