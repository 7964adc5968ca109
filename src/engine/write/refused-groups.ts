import { indexOf } from "../../run/read/row-index.js";
import type { OrderFacts } from "../facts.js";
import type { FinishedTask, FinishedTasks } from "../stage.js";

/** All tasks of the stage embed, in order. */
export function embedTasks(
  tasks: FinishedTasks,
  order: FinishedTask<"order">,
): Promise<readonly FinishedTask<"embed">[]> {
  return tasks.all("embed", order.facts.firstVectors.length - 1);
}

/**
 * First row of each group whose text the server refused, by the number of the group.
 * @param firstRows first row of each group, ascending since groups are numbered by their first rows
 */
export function refusedGroups({ refused }: OrderFacts, firstRows: Uint32Array): ReadonlyMap<number, number> {
  return new Map(refused.map(({ row }) => [indexOf(firstRows, row), row]));
}
