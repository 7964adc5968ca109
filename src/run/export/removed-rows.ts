import { readTableBatches } from "../../io/arrow/arrow.js";
import type { MilvusCollection } from "../../io/milvus/client.js";
import type { RowPlan } from "../../io/milvus/collection.js";
import { keptInColumn } from "../write/output-columns.js";
import { type IdChoice, openIds, type RowIds } from "./ids.js";

/** Ids that one request deletes. */
const AT_ONCE = 1000;

/**
 * Deletes the rows from a collection that a run removed, so that a row which was kept on an earlier day leaves once a
 * better one takes its place. A row that was removed on account of a reference stays: it may be that very row of an
 * earlier night.
 * @param options.kept ids that stay in any case, since a kept row has them
 * @returns the number of rows that were there and are no more
 */
export async function deleteRemoved(options: {
  readonly server: MilvusCollection;
  readonly plan: RowPlan;
  readonly removedPath: string;
  readonly choice: IdChoice;
  readonly kept: RowIds;
  readonly signal?: AbortSignal;
}): Promise<number> {
  const { server, plan, removedPath, choice, kept, signal } = options;
  const ids = await openIds(removedPath, choice);
  let deleted = 0;
  for await (const batch of readTableBatches(removedPath)) {
    const read = ids.of(batch);
    const keptIn = keptInColumn(batch);
    const gone = Array.from({ length: batch.numRows }, (_, row) =>
      (keptIn?.get(row) ?? null) === null ? read(row) : null,
    ).filter((id): id is string => id !== null && id !== "" && !kept.has(id));
    for (let start = 0; start < gone.length; start += AT_ONCE) {
      signal?.throwIfAborted();
      const found = await server.find({ id: plan.id, ids: gone.slice(start, start + AT_ONCE), fields: [] });
      if (found.size === 0) continue;
      await server.remove(plan.id, [...found.keys()]);
      deleted += found.size;
    }
  }
  return deleted;
}
