import { orderFieldOf, RowOrder } from "../../exact/priority.js";
import { partitionNames, someHolds } from "../../io/added-columns.js";
import type { InputFile } from "../../io/open-sources.js";
import type { FinishedTask, TaskContext } from "../stage.js";
import type { Entries } from "./entries.js";

/**
 * The priority of the rows of a shard where `--keep` names a field that folders `FIELD=...` have. A scan takes the values
 * of the folders as long as no file is known to hold the field; one that turns out to hold it is scanned once more.
 * @param files of the shard, which have been scanned
 * @param scanned the priority that the scan has found
 */
export async function orderOfShard(
  { plan, options, signal }: TaskContext,
  files: readonly InputFile[],
  scanned: RowOrder,
): Promise<{ readonly order: RowOrder; readonly orderedByFolders: boolean }> {
  const orderField = orderFieldOf(options.keep);
  const names = plan.files.map(({ name }) => name);
  if (orderField === undefined || !partitionNames(names).has(orderField)) {
    return { order: scanned, orderedByFolders: false };
  }
  const sources = files.map(({ source }) => source);
  if (!(await someHolds(sources, orderField))) return { order: scanned, orderedByFolders: true };
  const order = new RowOrder(options.keep);
  const { textFields, vectorField } = options;
  let vectorDim = 0;
  for (const source of sources) {
    for await (const { texts, order: values, vectors } of source.scan({
      textFields,
      vectorField,
      vectorDim,
      orderField,
    })) {
      signal?.throwIfAborted();
      vectorDim = vectors?.dim ?? 0;
      for (const [i, text] of texts.entries()) order.add(text === undefined ? "" : text, values?.[i]);
    }
  }
  return { order, orderedByFolders: false };
}

/** Whether the rows of a shard have no value under `--keep`, since files of other shards hold the field and its own do not. */
export function lacksOrder(shards: readonly FinishedTask<"read">[], shard: number): boolean {
  return shards[shard].facts.orderedByFolders && shards.some(({ facts }) => !facts.orderedByFolders);
}

/** The texts of a shard whose rows have no value under `--keep`: the first row of each wins. */
export function withoutOrder(entries: Entries): Entries {
  return { ...entries, row: entries.first, high: entries.high.fill(Number.NaN), low: entries.low.fill(0) };
}
