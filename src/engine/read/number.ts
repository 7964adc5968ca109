import { writeColumns } from "../../io/arrow/number-table.js";
import type { InputRecord } from "../../run/read/open-inputs.js";
import type { NumberFacts } from "../facts.js";
import type { FinishedTask, Stage, TaskContext } from "../stage.js";
import { FILES } from "../task-files.js";
import { lacksOrder } from "./folder-order.js";
import { errorOf } from "./input-fault.js";
import { knownByReferences } from "./known.js";
import { groupColumns, numberGroups } from "./numbering.js";
import { writeUnitedSchema } from "./united-schema.js";
import { requireUsable } from "./usable.js";

/**
 * Numbers all rows and groups as one machine does, by first appearance, and checks what concerns all inputs. It writes
 *
 *     shards.arrow    group Uint32: number of each local group, a part for each shard. A group begins in the shard where its
 *                     number is at least the shard's `firstGroups`
 *     groups.arrow    winner, size, first Uint32, high, low Float64 of each group, see `BucketGroups`; signature BigUint64
 *                     where a guard is active; entry Int32, its entry among the texts of the references, -1 for none
 *     known.arrow     equals Uint8: 1 for each local text that equals the references' text as received, a part for each shard
 *     references.arrow  position Uint32 of each kept vector of the references, first in priority first, and its signature
 *     schema.json     the schema of all files
 *
 * Memory: 8 bytes for each group of each shard, and 32 for each group, 8 more with a guard; with references the same again
 * as `ReferenceTexts` says, and 1 byte for each distinct text of each shard.
 * @throws what `requireUsable` throws, and the InputError of columns that cannot be read or written
 */
export const number: Stage<"number"> = {
  name: "number",
  phase: "read",
  after: ["read", "exact"],
  count: async () => 1,
  run: numberAll,
};

async function numberAll(context: TaskContext): Promise<NumberFacts> {
  const { plan, options, tasks, path, reporter } = context;
  const shards = await tasks.all("read", plan.shards.length);
  const buckets = await tasks.all("exact", plan.buckets);
  await writeUnitedSchema(path, await requireUsable(context, shards, reporter.note));
  requireColumns(buckets);

  const numbers = await numberGroups(shards, buckets);
  await writeColumns(path(FILES.number.shards), ...numbers.ofShard.map((group) => ({ group })));
  const numbered = { shards, buckets, numbers };
  const known = await knownByReferences(context, numbered);
  const entry = known?.entry ?? new Int32Array(numbers.groups).fill(-1);
  await writeColumns(path(FILES.number.groups), { ...(await groupColumns(options, numbered)), entry });

  const firstRows = [0];
  const inputs: InputRecord[] = [];
  const counts = { rejected: 0, unordered: 0 };
  let vectorDim = 0;
  for (const [shard, { facts }] of shards.entries()) {
    const first = firstRows[firstRows.length - 1];
    inputs.push(...facts.inputs.map((input) => ({ ...input, first_row: first + input.first_row })));
    firstRows.push(first + facts.records);
    counts.rejected += facts.rejected;
    counts.unordered += lacksOrder(shards, shard) ? facts.records - facts.rejected : facts.unordered;
    vectorDim ||= facts.vectorDim;
  }
  const raws = buckets.reduce((sum, { facts }) => sum + facts.raws, 0);
  return {
    firstRows,
    firstGroups: numbers.firstGroups,
    ...counts,
    raws,
    groups: numbers.groups,
    chunks: shards.map(({ facts }) => facts.chunks),
    vectorDim,
    inputs,
    ...(known?.facts ?? { known: { rows: 0, raws: 0, groups: 0 } }),
  };
}

/** @throws InputError where the columns of a file cannot be read or written: of the first such file */
function requireColumns(buckets: readonly FinishedTask<"exact">[]): void {
  const faults = buckets.flatMap(({ facts }) => facts.fault ?? []);
  const [first] = faults.sort((a, b) => a.shard - b.shard);
  if (first !== undefined) throw errorOf(first);
}
