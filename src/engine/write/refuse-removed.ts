import { type Decisions, decisionsOf } from "../../join/decisions.js";
import type { GroupFates } from "../../join/group-fates.js";
import type { Limit } from "../../run/check/limit.js";
import { applyRemovedBrake, textsOfRows } from "../../run/check/removed-brake.js";
import { readableShard } from "../read/shard-inputs.js";
import type { FinishedTask, TaskContext } from "../stage.js";
import { readShardTexts, type ShardTexts, shardGroups } from "./shard-texts.js";

/** What `refuseRemoved` needs. */
interface RefuseRemovedOptions {
  readonly context: TaskContext;
  readonly number: FinishedTask<"number">;
  /** Fates of all groups, by their numbers over all shards. */
  readonly fates: GroupFates;
  readonly refused: ReadonlyMap<number, number>;
  readonly limit: Limit;
  readonly folders: readonly string[] | undefined;
}

/**
 * Refuses a result that removes more rows than `--max-removed` allows, in the words of one machine. Only now the rows are
 * needed that show what would go: 4 bytes a row, and of each shard that holds one of the rows the inputs once more.
 * @throws BrakeError
 */
export async function refuseRemoved(options: RefuseRemovedOptions): Promise<void> {
  const { context, number, limit, folders } = options;
  const { firstRows } = number.facts;
  await applyRemovedBrake({
    limit,
    rows: firstRows.at(-1) as number,
    decisions: await decisionsOfAll(options),
    folders,
    async textsOf(rows) {
      const texts = new Map<number, string>();
      for (const [shard, first] of firstRows.slice(0, -1).entries()) {
        const inside = new Set([...rows].filter((row) => row >= first && row < firstRows[shard + 1]));
        if (inside.size === 0) continue;
        const read = await context.tasks.get("read", shard);
        const inputs = await readableShard({ ...context, shard }, { read, number });
        for (const [row, text] of await textsOfRows(inside, inputs, context.options)) texts.set(row, text);
      }
      return texts;
    },
  });
}

/** The fate of each row of all shards. */
async function decisionsOfAll({ context, fates, refused }: RefuseRemovedOptions): Promise<Decisions> {
  const { plan, tasks } = context;
  const groups = await shardGroups(tasks, plan.shards.length);
  const shards: ShardTexts[] = [];
  for (let shard = 0; shard < groups.length; shard++) shards.push(await readShardTexts(tasks, plan, shard));
  const shardOf = (row: number) => {
    let [low, high] = [0, shards.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (shards[middle].rows[1] <= row) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const groupOf = (row: number) => {
    const shard = shardOf(row);
    const local = shards[shard].groupOf(row);
    const group = local < 0 ? -1 : groups[shard][local];
    return refused.has(group) ? -1 : group;
  };
  const equalsKept = (row: number) => {
    const texts = shards[shardOf(row)];
    return fates.fate(groupOf(row)) === "known" ? texts.equalsKnown(row) : texts.equalsWinner(row);
  };
  return decisionsOf({ groupOf, equalsKept }, fates);
}
