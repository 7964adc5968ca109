import { longSort } from "../../exact/long-sort.js";
import { compareKeys, type KeepPolicy } from "../../exact/priority.js";
import { readColumns, readRows } from "../../io/arrow/number-table.js";
import type { DedupOptions } from "../../run/options.js";
import { isGuarded } from "../../text/guard-choice.js";
import type { FinishedTask } from "../stage.js";
import { FILES } from "../task-files.js";
import { firstVectors } from "./run-vectors.js";

/** What the order of the vectors depends on, by position. */
export interface VectorColumns {
  readonly group: Uint32Array;
  /** The winner of each vector's group and its key; absent where rows go by their order in the input. */
  readonly keys?: { readonly winner: Uint32Array; readonly high: Float64Array; readonly low: Float64Array };
  /** Where a guard is active. */
  readonly signature?: BigUint64Array;
}

/** Columns of the groups that the stage number wrote. */
type GroupColumns = {
  readonly winner: Uint32Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly signature: BigUint64Array;
};

/**
 * Collects the groups of all vectors and what is known of these. Holds the groups of one task beside what it returns.
 * @param embedded all tasks of the stage embed
 */
export async function vectorColumns(
  { keep, guards }: Pick<DedupOptions, "keep" | "guards">,
  number: FinishedTask<"number">,
  embedded: readonly FinishedTask<"embed">[],
): Promise<VectorColumns> {
  const starts = firstVectors(embedded);
  const count = starts[embedded.length];
  const group = new Uint32Array(count);
  const keys =
    keep.kind === "first"
      ? undefined
      : { winner: new Uint32Array(count), high: new Float64Array(count), low: new Float64Array(count) };
  const signature = isGuarded(guards) ? new BigUint64Array(count) : undefined;
  for (const [task, { facts, path }] of embedded.entries()) {
    if (facts.vectors === 0) continue;
    const { group: groups } = await readColumns<{ group: Uint32Array }>(path(FILES.embed.groups));
    group.set(groups, starts[task]);
    if (keys === undefined && signature === undefined) continue;
    // The groups of a task ascend, and few of those between them have no vector.
    const [first] = groups;
    const end = groups[groups.length - 1] + 1;
    const { winner, high, low, ...guarded } = await readRows<GroupColumns>(
      number.path(FILES.number.groups),
      first,
      end,
    );
    for (const [i, each] of groups.entries()) {
      const position = starts[task] + i;
      if (keys !== undefined) {
        keys.winner[position] = winner[each - first];
        keys.high[position] = high[each - first];
        keys.low[position] = low[each - first];
      }
      if (signature !== undefined) signature[position] = guarded.signature[each - first];
    }
  }
  return { group, keys, signature };
}

/**
 * Puts vectors in priority order: that of the winners of their groups, as `vectorPriority` does on one machine.
 * @param pause awaited now and then while sorting; may throw to stop
 * @returns the positions, first in priority first
 */
export async function inPriority(
  { group, keys }: VectorColumns,
  keep: KeepPolicy,
  pause: () => Promise<void>,
): Promise<Uint32Array> {
  const positions = new Uint32Array(group.length);
  for (let position = 0; position < positions.length; position++) positions[position] = position;
  // Under `first` the winner is a group's first row, and groups are numbered by their first rows.
  if (keys === undefined) return positions;
  const { winner, high, low } = keys;
  const compare = compareKeys(keep);
  return longSort(positions, (a, b) => compare(high[a], low[a], winner[a], high[b], low[b], winner[b]), pause);
}
