import { UsageError } from "../../errors.js";
import { orderFieldOf } from "../../exact/priority.js";
import { addedFields } from "../../io/added-columns.js";
import { resolveOrderColumn } from "../../io/schema/order-columns.js";
import { type ScannedColumns, unitedSchema } from "../../io/schema/source-schema.js";
import { restoreColumns } from "../../io/schema/stored-schema.js";
import { limitReached } from "../../run/check/limit.js";
import { checkSchema } from "../../run/read/check-inputs.js";
import type { ReadableInputs } from "../../run/read/read-rows.js";
import { type ScannedFile, ScannedInputs } from "../../run/read/scanned-inputs.js";
import type { RunPlan } from "../plan.js";
import type { FinishedTask, TaskContext } from "../stage.js";
import { lacksOrder } from "./folder-order.js";
import { errorOf } from "./input-fault.js";
import { rejectBatches } from "./reject-batches.js";
import { filesOf, placeOf, readScanned } from "./shard-inputs.js";

/** Most records of a run: rows are numbered by signed 32-bit integers. */
const MOST_ROWS = 2 ** 31;

/**
 * Makes sure that the inputs of a run can be used, as far as their scans tell: everything that `checkInputs` checks on one
 * machine but the values of columnar files.
 * @param shards all read tasks, in order
 * @param note told of what a person should know; one task is enough to tell it
 * @returns the united schema of the files themselves, without added columns
 * @throws the InputError, UsageError or BrakeError that one machine would have ended with
 */
export async function requireUsable(
  { plan, options }: TaskContext,
  shards: readonly FinishedTask<"read">[],
  note: (message: string) => void = () => {},
): Promise<ReadableInputs["schema"]> {
  const unopened = shards.find(({ facts }) => facts.fault?.step === "open");
  if (unopened?.facts.fault !== undefined) throw errorOf(unopened.facts.fault);
  const scanned = new ScannedInputs(options);
  const sum = (name: "records" | "rejected") => shards.reduce((total, { facts }) => total + facts[name], 0);
  const [records, rejected] = [sum("records"), sum("rejected")];
  // Rejects are looked at one by one only where a message will show them.
  const telling = rejected === records || (options.maxRejects && limitReached(options.maxRejects, rejected, records));
  for (const [shard, read] of shards.entries()) {
    await addShard(scanned, { plan, shard, read, telling: telling === true });
    if (read.facts.fault !== undefined) throw errorOf(read.facts.fault);
  }
  await scanned.requireUseful();
  if (records > MOST_ROWS) {
    throw new UsageError(
      `the inputs have ${records} records, expected at most ${MOST_ROWS}; cut them into several runs`,
    );
  }
  const sources = await columnsOf(plan, shards, options.sourceField);
  const orderField = orderFieldOf(options.keep);
  await checkSchema(sources, { shared: options, orderField, note });
  await requireOrder({ plan, shards, sources, orderField });
  return unitedSchema(sources, options);
}

/** Adds what the scan of a shard has found, its rejects only where they are telling. @throws BrakeError */
async function addShard(
  scanned: ScannedInputs,
  { plan, shard, read, telling }: { plan: RunPlan; shard: number; read: FinishedTask<"read">; telling: boolean },
): Promise<void> {
  const { facts } = read;
  const files = filesOf(plan, shard).map((file, at): ScannedFile => {
    return { name: file.name, path: placeOf(file), format: facts.formats[at] };
  });
  for (const file of files) scanned.begin(file);
  if (facts.records > facts.rejected) scanned.add(files[0], facts.records - facts.rejected, []);
  if (!telling) return;
  for await (const { source, rejects } of rejectBatches(read)) {
    scanned.add(files.find(({ name }) => name === source) ?? files[0], rejects.length, rejects);
  }
}

/** The columns of all files, in order. */
async function columnsOf(
  { files }: RunPlan,
  shards: readonly FinishedTask<"read">[],
  sourceField: string | undefined,
): Promise<ScannedColumns[]> {
  const added = addedFields(
    files.map(({ name }) => name),
    sourceField,
  );
  const columns: ScannedColumns[] = [];
  for (const read of shards) {
    for (const scanned of await readScanned(read)) columns.push(restoreColumns(scanned.columns, added));
  }
  return columns;
}

/**
 * Requires the column of `--keep` in columnar files that were ordered by their folders, where other files hold it.
 * @throws InputError as a scan of the file does
 */
async function requireOrder(options: {
  readonly plan: RunPlan;
  readonly shards: readonly FinishedTask<"read">[];
  readonly sources: readonly ScannedColumns[];
  readonly orderField: string | undefined;
}): Promise<void> {
  const { plan, shards, sources, orderField } = options;
  for (const [shard, [start, end]] of plan.shards.entries()) {
    if (orderField === undefined || !lacksOrder(shards, shard)) continue;
    for (let at = start; at < end; at++) {
      if (sources[at].inferred !== undefined) continue;
      resolveOrderColumn(await sources[at].schema(), orderField, plan.files[at].name);
    }
  }
}
