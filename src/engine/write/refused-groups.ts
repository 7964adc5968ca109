import { indexOf } from "../../run/read/row-index.js";
import type { RefusedText } from "../../run/work/work-state.js";
import type { FinishedTask, FinishedTasks } from "../stage.js";

/** All tasks of the stage embed, in order. */
export function embedTasks(
  tasks: FinishedTasks,
  order: FinishedTask<"order">,
): Promise<readonly FinishedTask<"embed">[]> {
  return tasks.all("embed", order.facts.firstVectors.length - 1);
}

/** The texts that the server refused, by their first rows over all shards, ascending. */
export async function refusedTexts(
  tasks: FinishedTasks,
  order: FinishedTask<"order">,
): Promise<readonly RefusedText[]> {
  const embedded = await embedTasks(tasks, order);
  return embedded.flatMap(({ facts }) => facts.refused).sort((a, b) => a.row - b.row);
}

/**
 * First row of each group whose text the server refused, by the number of the group.
 * @param firstRows first row of each group, ascending since groups are numbered by their first rows
 */
export async function refusedGroups(
  tasks: FinishedTasks,
  order: FinishedTask<"order">,
  firstRows: Uint32Array,
): Promise<ReadonlyMap<number, number>> {
  const refused = await refusedTexts(tasks, order);
  return new Map(refused.map(({ row }) => [indexOf(firstRows, row), row]));
}
