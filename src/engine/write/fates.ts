import { readColumns, writeColumns } from "../../io/arrow/number-table.js";
import { type GroupFates, groupFates, type ReferenceRows } from "../../join/group-fates.js";
import { stricterThresholds } from "../../join/stricter.js";
import { type Against, openAgainst, whileUnchanged } from "../../run/against/against.js";
import { limitReached } from "../../run/check/limit.js";
import type { FatesFacts } from "../facts.js";
import { readOutcome } from "../join/outcome.js";
import type { FinishedTask, Stage, TaskContext } from "../stage.js";
import { FILES } from "../task-files.js";
import { FATES, fateColumns } from "./group-table.js";
import { refuseRemoved } from "./refuse-removed.js";
import { refusedGroups } from "./refused-groups.js";
import { requireSameReferences } from "./same-references.js";
import { shardGroups } from "./shard-texts.js";

/**
 * Decides what becomes of every group, by the rules of one machine, and cuts the fates by the shards that hold rows of the
 * groups. Enforces `--max-removed`. Memory: 30 bytes a vector, 20 bytes a group and 38 bytes a group of a shard; the texts
 * of the references as on one machine.
 */
export const fates: Stage<"fates"> = {
  name: "fates",
  phase: "write",
  after: ["order", "against", "decide", "drop"],
  count: async () => 1,
  async run(context) {
    const { options, reporter, signal, tasks } = context;
    const against = await openAgainst(options, { reporter, signal });
    try {
      await requireSameReferences(tasks, against);
      const order = await tasks.get("order", 0);
      return await whileUnchanged(against, async () => {
        await against?.readTexts(order.facts.model);
        against?.forgetTexts();
        const facts = await decideGroups(context, order, against);
        if (against === undefined) return facts;
        const { accounts, warnings } = against;
        return { ...facts, references: { accounts, warnings } };
      });
    } finally {
      await against?.close();
    }
  },
};

/** The columns of the groups that decide their fates. */
interface GroupColumns {
  readonly winner: Uint32Array;
  readonly size: Uint32Array;
  readonly first: Uint32Array;
  readonly entry: Int32Array;
  readonly [name: string]: Uint32Array | Int32Array;
}

/** @throws BrakeError where more rows would go than `--max-removed` allows */
async function decideGroups(
  context: TaskContext,
  order: FinishedTask<"order">,
  against: Against | undefined,
): Promise<FatesFacts> {
  const { options, plan, tasks, path } = context;
  const number = await tasks.get("number", 0);
  const columns = await readColumns<GroupColumns>(number.path(FILES.number.groups), undefined, [
    "winner",
    "size",
    "first",
    "entry",
  ]);
  const refused = refusedGroups(order.facts, columns.first);
  let refusedRows = 0;
  for (const group of refused.keys()) {
    refusedRows += columns.size[group];
    columns.size[group] = 0;
  }
  const join = await readOutcome(tasks);
  const all = await fatesOfGroups({ columns, order, join, references: against });
  const limit = options.maxRemoved;
  if (limit !== undefined) {
    const rows = number.facts.firstRows.at(-1) as number;
    let kept = 0;
    for (let group = 0; group < number.facts.groups; group++) if (all.size(group) > 0) kept++;
    if (limitReached(limit, rows - number.facts.rejected - refusedRows - kept, rows)) {
      const folders = against?.paths;
      await refuseRemoved({ context, number, fates: all, refused, limit, folders });
    }
  }
  const parts = await shardGroups(tasks, plan.shards.length);
  await writeColumns(path(FATES), ...parts.map((groups) => fateColumns(groups, all, refused)));
  const { threshold } = order.facts;
  return { measured: join.measured, stricter: stricterThresholds(join, threshold) };
}

async function fatesOfGroups(options: {
  readonly columns: GroupColumns;
  readonly order: FinishedTask<"order">;
  readonly join: Awaited<ReturnType<typeof readOutcome>>;
  readonly references: ReferenceRows | undefined;
}): Promise<GroupFates> {
  const { columns, order, join, references } = options;
  const { winner, size, entry } = columns;
  const { group: groupOfVector } = await readColumns<{ group: Uint32Array }>(order.path(FILES.order.vectors));
  const vectorOfGroup = new Int32Array(winner.length).fill(-1);
  for (const [vector, group] of groupOfVector.entries()) vectorOfGroup[group] = vector;
  const entryOf = (group: number) => entry[group];
  return groupFates({ winner, size, entryOf, vectorOfGroup, groupOfVector, join, references });
}
