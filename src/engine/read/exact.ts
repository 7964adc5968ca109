import { compareKeys } from "../../exact/priority.js";
import { addFields } from "../../io/added-columns.js";
import { readColumns, writeColumns } from "../../io/arrow/number-table.js";
import { checkColumns } from "../../run/read/check-inputs.js";
import type { ReadableInputs } from "../../run/read/read-rows.js";
import { misfitOf } from "../../run/write/outputs.js";
import type { ExactFacts } from "../facts.js";
import type { FinishedTask, Stage, TaskContext } from "../stage.js";
import { FILES } from "../task-files.js";
import { type AddedTexts, Bucket } from "./bucket.js";
import type { Entries } from "./entries.js";
import { lacksOrder, withoutOrder } from "./folder-order.js";
import { faultOf } from "./input-fault.js";
import { rejectedRecords, reopenShard } from "./shard-inputs.js";
import { requireUsable } from "./usable.js";

/**
 * Finds equal texts over all shards, those of a bucket by each task: which shard has a group first, which of all its rows
 * wins, and which texts equal the winner's as received. It writes
 *
 *     groups.arrow    the groups of the bucket, a part for each shard, see `BucketGroups`
 *     raws.arrow      the distinct texts of the bucket, a part for each shard, see `BucketRaws`
 *
 * The tasks also read the columns of columnar files, which are known to fit the outputs only under the schema of all files:
 * each task those of every `buckets`th shard. A fault does not fail the task, see `read`. Memory: that of `Bucket`, 17 bytes
 * for each text of the bucket in each shard, 65 for those of one shard, and 40 for each group of each shard at the end.
 * @throws what `requireUsable` throws
 */
export const exact: Stage<"exact"> = {
  name: "exact",
  phase: "read",
  after: ["read"],
  count: async ({ buckets }) => buckets,
  run: findEqual,
};

async function findEqual(context: TaskContext): Promise<ExactFacts> {
  const { plan, options, index, tasks, path } = context;
  const shards = await tasks.all("read", plan.shards.length);
  const schema = await requireUsable(context, shards);
  const fault = await findFault(context, shards, schema);
  const bucket = new Bucket(compareKeys(options.keep));
  const added: AddedTexts[] = [];
  let firstRow = 0;
  for (const [shard, read] of shards.entries()) {
    context.signal?.throwIfAborted();
    const entries = await readColumns<Entries>(read.path(FILES.read.entries), index);
    added.push(bucket.add(shard, firstRow, lacksOrder(shards, shard) ? withoutOrder(entries) : entries));
    firstRow += read.facts.records;
  }
  await writeColumns(path(FILES.exact.groups), ...added.map((texts) => bucket.groupsOf(texts)));
  await writeColumns(path(FILES.exact.raws), ...added.map((texts) => bucket.rawsOf(texts)));
  return { ...bucket.counts, ...(fault === undefined ? {} : { fault }) };
}

/** Reads the columnar files of some shards to their ends; the first fault, if there is one. */
async function findFault(
  { plan, options, index, signal }: TaskContext,
  shards: readonly FinishedTask<"read">[],
  schema: ReadableInputs["schema"],
): Promise<ExactFacts["fault"]> {
  const misfit = await misfitOf(options.formats);
  for (let shard = index; shard < shards.length; shard += plan.buckets) {
    const { formats } = shards[shard].facts;
    const columnar = formats.flatMap((format, at) => (format === "parquet" || format === "arrow" ? [at] : []));
    if (columnar.length === 0) continue;
    const files = await reopenShard({ plan, options, shard }, shards[shard]);
    const rejected = await rejectedRecords(shards[shard]);
    const whole = addFields(schema, files[0].source.added ?? [], options.sourceField);
    try {
      for (const at of columnar) {
        await checkColumns(files[at].source, { schema: whole, rejected: rejected[at] }, misfit, signal);
      }
    } catch (error) {
      return { ...faultOf("columns", error), shard };
    }
  }
  return undefined;
}
