import { realpath } from "node:fs/promises";
import { referenceRecords } from "../../run/against/accounts.js";
import { rejectsWarning } from "../../run/check/warnings.js";
import { fingerprintOf } from "../../run/embed/fingerprint.js";
import type { DedupOptions } from "../../run/options.js";
import type { WorkState } from "../../run/work/work-state.js";
import { type DedupRecord, dedupManifest, dedupSummary } from "../../run/write/dedup-record.js";
import { kindsOf } from "../embed/kinds.js";
import type { AssembleFacts, EmbedFacts, FatesFacts, NumberFacts, OrderFacts, WriteFacts } from "../facts.js";
import type { FinishedTask, TaskContext } from "../stage.js";
import { plannedOptions, resultFiles } from "./assemble.js";
import { tasksTook } from "./engine-record.js";
import { embedTasks } from "./refused-groups.js";

/** The facts of all stages that a manifest is made of. */
interface RunFacts {
  readonly number: NumberFacts;
  readonly order: OrderFacts;
  readonly fates: FatesFacts;
  readonly embedded: readonly EmbedFacts[];
  readonly written: readonly WriteFacts[];
  readonly assembled: readonly AssembleFacts[];
}

/** A finished run before it is published. */
export interface RunRecord {
  readonly manifest: object;
  /** The files of the result but the manifest, by their names. */
  readonly files: ReadonlyMap<string, FinishedTask<"assemble">>;
}

/**
 * Describes a finished run as one machine would, with an account of its tasks besides.
 * @throws Error if the rows written are not all rows that were read
 */
export async function describeRun({ plan, options: { out }, tasks }: TaskContext): Promise<RunRecord> {
  // Threads and memory are those of the plan, not those of the machine that happens to publish.
  const options = { ...plannedOptions(plan), out };
  const order = await tasks.get("order", 0);
  const embedTasksDone = await embedTasks(tasks, order);
  const assembleTasks = await tasks.all("assemble", resultFiles(options).length);
  const facts: RunFacts = {
    number: (await tasks.get("number", 0)).facts,
    order: order.facts,
    fates: (await tasks.get("fates", 0)).facts,
    embedded: embedTasksDone.map((task) => task.facts),
    written: (await tasks.all("write", plan.shards.length)).map((task) => task.facts),
    assembled: assembleTasks.map((task) => task.facts),
  };
  const files = new Map(
    assembleTasks.flatMap((task) => (task.facts.file === undefined ? [] : [[task.facts.file.name, task] as const])),
  );
  const { engine, stages, ...took } = await tasksTook(out, plan, embedTasksDone);
  const record = await recordOf(options, facts, [...files.keys()]);
  const manifest = dedupManifest(dedupSummary({ ...record, ...took }), {
    stages,
    options,
    inputs: facts.number.inputs,
    outputs: facts.assembled.flatMap(({ file }) => file ?? []),
    vectors: stateOf(options, facts),
    measured: facts.fates.measured,
  });
  return { manifest: { ...manifest, engine }, files };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

async function recordOf(
  options: DedupOptions,
  facts: RunFacts,
  files: readonly string[],
): Promise<Omit<DedupRecord, "seconds" | "peakMemory">> {
  const { number, order, fates, embedded, written } = facts;
  const rows = number.firstRows.at(-1) as number;
  const rejected = number.rejected + sum(written.map(({ refused }) => refused));
  const { references } = fates;
  const outputs = outputsOf(written);
  return {
    options,
    model: order.model,
    provider: order.device,
    threshold: order.threshold,
    stricter: fates.stricter,
    exact: {
      rows,
      rejected: number.rejected,
      rawTexts: number.raws,
      groups: number.groups,
      exactSurplus: rows - number.rejected - number.raws,
      normalisedSurplus: number.raws - number.groups,
    },
    known: { rows: number.known.rows, rawTexts: number.known.raws, groups: number.known.groups },
    rejected,
    unordered: number.unordered,
    texts: {
      dim: order.dim,
      vectors: order.vectors,
      refused: sum(embedded.map(({ refused }) => refused.length)),
      truncated: sum(embedded.map(({ truncated }) => truncated)),
      tokens: sum(embedded.map(({ tokens }) => tokens)),
      resumed: 0,
      reused: 0,
    },
    cache: {
      kind: embedded[0]?.cache.kind ?? "none",
      hits: sum(embedded.map(({ cache }) => cache.hits)),
      misses: sum(embedded.map(({ cache }) => cache.misses)),
    },
    outputs,
    guarded: sum(written.map(({ guarded }) => guarded)),
    references:
      references === undefined
        ? undefined
        : referenceRecords(references.accounts, await realpath(options.out), outputs.against),
    files,
    warnings: [
      ...rejectsWarning(rejected, rows, options.out),
      ...(references?.warnings ?? []),
      ...kindsOf(embedded.map((each) => ({ facts: each })).entries()).warnings,
    ],
  };
}

/** The counts of all shards together. */
function outputsOf(written: readonly WriteFacts[]): DedupRecord["outputs"] {
  const folders = written[0].against.length;
  return {
    kept: sum(written.map(({ kept }) => kept)),
    removed: {
      exact: sum(written.map(({ removed }) => removed.exact)),
      normalized: sum(written.map(({ removed }) => removed.normalized)),
      semantic: sum(written.map(({ removed }) => removed.semantic)),
    },
    against: Array.from({ length: folders }, (_, folder) => sum(written.map(({ against }) => against[folder]))),
    known: {
      exact: sum(written.map(({ known }) => known.exact)),
      normalized: sum(written.map(({ known }) => known.normalized)),
    },
  };
}

/** The state of the store as one machine would have left it: so a later run uses the vectors again. */
function stateOf(options: DedupOptions, { number, order, embedded, assembled }: RunFacts): WorkState {
  const texts = assembled.find((each) => each.texts !== undefined)?.texts;
  if (texts === undefined) throw new Error("no task has assembled the vectors");
  return {
    fingerprint: fingerprintOf(number.inputs, options, order.model, order.device, number.against),
    stored: order.vectors,
    complete: true,
    dim: order.dim,
    through: texts.through,
    digest: texts.digest,
    truncated: sum(embedded.map(({ truncated }) => truncated)),
    tokens: sum(embedded.map(({ tokens }) => tokens)),
    refused: embedded.flatMap(({ refused }) => refused),
  };
}
