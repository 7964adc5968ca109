import { MOST_REFUSED } from "../../embed/local/embedder.js";
import { readColumns } from "../../io/arrow/number-table.js";
import type { Reject } from "../../io/source.js";
import { limitReached } from "../../run/check/limit.js";
import { RejectsBrake } from "../../run/check/rejects-brake.js";
import { rejectedRowsNote, requireAccepted } from "../../run/embed/refused-rows.js";
import { requireFewRefused, TooManyRefusedError } from "../../run/embed/refused-texts.js";
import type { RefusedText } from "../../run/work/work-state.js";
import { reopenShard } from "../read/shard-inputs.js";
import type { FinishedTask, TaskContext } from "../stage.js";
import { FILES } from "../task-files.js";

/** What is refused, by groups. */
interface RefusedGroups {
  /** Reason of each refused group, by its number. */
  readonly errors: ReadonlyMap<number, string>;
  /** Number of rows that have their texts. */
  readonly rows: number;
}

/**
 * Judges the texts that a server has refused over all embed tasks, and the rows that are rejected with them, as one
 * machine does. Nothing is written: the stage write rejects the rows. The inputs are read again only as far as messages
 * need it.
 * @param refused ascending
 * @throws TooManyRefusedError; BrakeError where more records are rejected than `--max-rejects` allows; InputError where
 * none is left
 */
export async function rejectRefusedTexts(
  context: TaskContext,
  number: FinishedTask<"number">,
  refused: readonly RefusedText[],
): Promise<void> {
  if (refused.length === 0) return;
  const { firstRows, groups, known, rejected } = number.facts;
  if (refused.length > MOST_REFUSED) throw new TooManyRefusedError(refused, "");
  requireFewRefused(refused, groups - known.groups);
  const found = await refusedGroups(number, refused);
  const records = firstRows[firstRows.length - 1];
  const limit = context.options.maxRejects;
  const brake = new RejectsBrake(limit, rejected);
  const braked = limit !== undefined && limitReached(limit, rejected + found.rows, records);
  let example = "";
  for await (const { source, batch } of refusedRecords(context, number, found.errors)) {
    if (example === "") example = `line ${batch[0].line} of ${source}: ${batch[0].error}`;
    if (!braked) break;
    brake.add(source, batch);
  }
  if (braked) brake.end(records);
  context.reporter.note(rejectedRowsNote(found.rows, refused.length, example));
  requireAccepted(rejected + found.rows, records);
}

/** Finds the groups of refused texts. Groups are numbered by their first rows, which therefore ascend. */
async function refusedGroups(number: FinishedTask<"number">, refused: readonly RefusedText[]): Promise<RefusedGroups> {
  const errorOf = new Map(refused.map(({ row, error }) => [row, error]));
  const groups = await readColumns<{ first: Uint32Array; size: Uint32Array }>(number.path(FILES.number.groups));
  const errors = new Map<number, string>();
  let rows = 0;
  for (let group = 0; group < groups.first.length; group++) {
    const error = errorOf.get(groups.first[group]);
    if (error === undefined) continue;
    errors.set(group, error);
    rows += groups.size[group];
  }
  return { errors, rows };
}

/** The records of refused texts as the inputs hold them, in order, in the batches that one machine reads them in. */
async function* refusedRecords(
  { plan, options, tasks, signal }: TaskContext,
  number: FinishedTask<"number">,
  errors: RefusedGroups["errors"],
): AsyncGenerator<{ readonly source: string; readonly batch: readonly Reject[] }> {
  for (let shard = 0; shard < plan.shards.length; shard++) {
    signal?.throwIfAborted();
    const read = await tasks.get("read", shard);
    const rows = await refusedRows(read, number, shard, errors);
    if (rows.length === 0) continue;
    const files = await reopenShard({ plan, options, shard }, read);
    for (const [at, { first_row: first, rows: count }] of read.facts.inputs.entries()) {
      const own = rows.filter(({ row }) => row >= first && row < first + count);
      if (own.length === 0) continue;
      const { source } = files[at];
      let done = 0;
      for await (const found of source.reread(own.map(({ row }) => row - first))) {
        yield { source: source.name, batch: found.map((raw): Reject => ({ ...raw, error: own[done++].error })) };
      }
      if (done < own.length) {
        throw new Error(`the input changed during the run: ${source.name} has lost records; start again`);
      }
    }
  }
}

/** The rows of a shard, counted from its first one, that have refused texts; ascending. */
async function refusedRows(
  read: FinishedTask<"read">,
  number: FinishedTask<"number">,
  shard: number,
  errors: RefusedGroups["errors"],
): Promise<readonly { readonly row: number; readonly error: string }[]> {
  const { group: numberOf } = await readColumns<{ group: Uint32Array }>(number.path(FILES.number.shards), shard);
  const refused = new Map<number, string>();
  for (let local = 0; local < numberOf.length; local++) {
    const error = errors.get(numberOf[local]);
    if (error !== undefined) refused.set(local, error);
  }
  if (refused.size === 0) return [];
  const entries = await readColumns<{ raw: Uint32Array; group: Uint32Array }>(read.path(FILES.read.entries));
  const errorOfRaw = new Map<number, string>();
  for (const [i, raw] of entries.raw.entries()) {
    const error = refused.get(entries.group[i]);
    if (error !== undefined) errorOfRaw.set(raw, error);
  }
  const { raw: rawOfRow } = await readColumns<{ raw: Int32Array }>(read.path(FILES.read.rows));
  const rows: { readonly row: number; readonly error: string }[] = [];
  for (let row = 0; row < rawOfRow.length; row++) {
    const error = errorOfRaw.get(rawOfRow[row]);
    if (error !== undefined) rows.push({ row, error });
  }
  return rows;
}
