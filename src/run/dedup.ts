import { createBreaks } from "../breaks.js";
import { type ExactTexts, exactDecisions } from "../exact/exact.js";
import { formatKeepPolicy } from "../exact/priority.js";
import { sourcesSchema } from "../io/schema/source-schema.js";
import { type Decisions, decisionsFrom, vectorPriority } from "../join/decisions.js";
import type { JoinResult } from "../join/judge.js";
import { stricterThresholds } from "../join/stricter.js";
import { type TimedReporter, timedReporter } from "../reporter.js";
import { type Against, openAgainst, whileUnchanged } from "./against/against.js";
import { applyRemovedBrake } from "./check/removed-brake.js";
import { rejectsWarning } from "./check/warnings.js";
import { joinProvider } from "./embed/device.js";
import { type EmbeddedInputs, embedInputs, REJECTS } from "./embed/embed-inputs.js";
import { joinStore } from "./join-store.js";
import type { DedupOptions, RunContext } from "./options.js";
import { guardSignatures } from "./read/guard-signatures.js";
import type { DedupSummary } from "./summary.js";
import { createGpuMeter } from "./work/gpu-meter.js";
import {
  environment,
  type FileRecord,
  fileRecord,
  MANIFEST,
  modelRecord,
  VERSION,
  writeManifest,
} from "./work/manifest.js";
import { makeRoom, noteOverMemory, noteSmallMemory, peakMemory } from "./work/memory.js";
import { openWorkArea, type WorkArea } from "./work/work-area.js";
import { GUARDED, writeGuarded } from "./write/guarded.js";
import { CLUSTER_FILES, EMBEDDINGS, OUTPUT_FILES, TABLE_FILES } from "./write/output-names.js";
import { misfitOf, type OutputCounts, writeOutputs } from "./write/outputs.js";
import { stalePage } from "./write/stale-page.js";

/**
 * Outputs that an earlier run may have left in the output folder. A run publishes some of these files and removes the
 * others, so that a folder never mixes the results of two runs.
 */
const OPTIONAL = [REJECTS, GUARDED, ...TABLE_FILES];

/**
 * Runs bge-dedup from the inputs to the published output folder:
 *
 *     read -> exact -> tokenize -> embed -> store      embedInputs, streaming
 *                                            |
 *                 references ->  join -> decide        needs all vectors
 *                                            |
 *                                          write       second pass, streaming
 *
 * The output folder changes only at the end, when every file is complete. An interrupted run leaves its vectors in the
 * work area, and the same command continues with them.
 * @param options resolved options; the flags and their defaults are in `run/flags`
 * @param context reporter, standard input and the signal that stops the run
 * @returns the summary that the command prints; the manifest holds the same figures
 * @throws UsageError, InputError, BrakeError or UnavailableError, by which the command chooses its exit code; any other
 * Error if the run failed for a reason that may pass, such as a full disk
 */
export async function runDedup(options: DedupOptions, context: RunContext): Promise<DedupSummary> {
  const reporter = timedReporter(context.reporter);
  noteSmallMemory(options.memory, reporter.note);
  const against = await openAgainst(options, { reporter, signal: context.signal });
  try {
    return await whileUnchanged(against, () => runAgainst(options, { ...context, reporter }, against));
  } finally {
    await against?.close();
  }
}

/** The run, once its references are open. */
async function runAgainst(
  options: DedupOptions,
  { reporter, ...context }: RunContext & { readonly reporter: TimedReporter },
  against: Against | undefined,
): Promise<DedupSummary> {
  const work = await openWorkArea(options.out, { files: [...OUTPUT_FILES, MANIFEST], note: reporter.note });
  const signal = work.stopSignal(context.signal);
  const gpus = context.gpus ?? createGpuMeter();
  try {
    const guards = guardSignatures(options.guards);
    const inputs = await embedInputs({
      shared: options,
      keep: options.keep,
      misfit: await misfitOf(options.formats),
      onGroup: guards.add,
      references: against,
      work,
      context: { ...context, reporter, signal, gpus },
    });
    against?.forgetTexts();
    const schema = await sourcesSchema(inputs.sources, options);
    const threshold = options.threshold ?? inputs.model.threshold;
    const { exact, order: rowOrder } = inputs.index;
    const { winner } = exactDecisions(exact, (a, b) => rowOrder.compare(a, b));
    const order = await vectorPriority(winner, inputs.groupOfVector, rowOrder, createBreaks(signal));
    const signatures = guards.of(inputs.groupOfVector);
    const provider = await joinProvider(options.device, inputs.provider);
    gpus.watch(provider);
    const join = await joinStore({
      options,
      path: inputs.texts.storePath,
      threshold,
      order,
      signatures,
      references: against?.vectors,
      provider,
      reporter,
      signal,
    });
    const decisions = decisionsFrom({ ...inputs, exact, winner, join, references: against });
    const readable = { sources: inputs.sources, index: inputs.index, schema };
    await applyRemovedBrake(options.maxRemoved, decisions, readable, { ...options, folders: against?.paths });

    makeRoom(options.memory);
    const bytes = inputs.sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const writing = reporter.stage("write", bytes);
    const outputs = await writeOutputs({
      inputs: readable,
      decisions,
      folders: against?.paths,
      options,
      path: work.path,
      stage: writing,
      note: reporter.note,
      signal,
    });
    const guarded = guards.active
      ? await writeGuarded(work.path(GUARDED), exact.counts.rows, decisions, against?.paths)
      : 0;
    writing.end();

    const files = [EMBEDDINGS, ...outputs.files];
    if (inputs.rejected > 0) files.push(REJECTS);
    if (guards.active) files.push(GUARDED);
    const summary: DedupSummary = {
      ...describeRun(options, inputs, threshold, join, exactCounts(exact, decisions)),
      ...(against === undefined ? {} : { references: await against.records(outputs.against) }),
      files: [...files, MANIFEST],
      counts: countRows(inputs, outputs, guarded, against !== undefined),
      warnings: [
        ...rejectsWarning(inputs.rejected, inputs.index.exact.counts.rows, options.out),
        ...(against?.warnings ?? []),
      ],
      seconds: reporter.seconds,
      peak_memory: peakMemory(),
      ...gpus.record(),
    };
    await writeManifest(work.path(MANIFEST), {
      ...summary,
      stages: reporter.stages,
      environment: environment(),
      options: describeOptions(options, threshold),
      inputs: inputs.inputs,
      outputs: await describeOutputs(files, inputs, work),
      vectors: inputs.texts.state,
      guarantees: guarantees(threshold, order.length, join.measured),
    });
    await against?.requireUnchanged();
    const absent = OPTIONAL.filter((name) => !files.includes(name));
    await work.publish([...files, MANIFEST], [...CLUSTER_FILES, ...absent, ...(await stalePage(options.out))]);
    noteOverMemory(options.memory, reporter.note);
    return summary;
  } catch (error) {
    throw work.explain(error);
  } finally {
    gpus.stop();
    await work.close();
  }
}

/**
 * Records the size and the SHA-256 of each output. The writer of the store has hashed the store already if this run
 * wrote all of it; every other file is read and hashed.
 */
function describeOutputs(files: readonly string[], { texts }: EmbeddedInputs, work: WorkArea): Promise<FileRecord[]> {
  return Promise.all(
    files.map((name) =>
      name === EMBEDDINGS && texts.file !== undefined ? { name, ...texts.file } : fileRecord(work.path(name), name),
    ),
  );
}

/**
 * What the exact stage has found: the copies of rows of this run, and the rows that equal rows of the references. Rows
 * that equal one which a reference removed as a near-duplicate are no copies.
 */
function exactCounts(exact: ExactTexts, decisions: Decisions): DedupSummary["exact_stage"] {
  const { counts, known } = exact;
  const equal = { exact: 0, normalized: 0, semantic: 0 };
  for (let row = 0; known.rows > 0 && row < counts.rows; row++) {
    const group = exact.groupOf(row);
    if (group >= 0 && exact.entryOf(group) >= 0) equal[decisions.reason(row)]++;
  }
  return {
    exact: counts.exactSurplus - (known.rows - known.rawTexts) + equal.exact,
    normalized: counts.normalisedSurplus - (known.rawTexts - known.groups) + equal.normalized,
    distinct: counts.groups - known.groups,
  };
}

/** The part of the summary that describes the settings and the first pass. */
function describeRun(
  options: DedupOptions,
  { texts, model, provider, cache }: EmbeddedInputs,
  threshold: number,
  join: JoinResult,
  exactStage: DedupSummary["exact_stage"],
) {
  return {
    command: "bge-dedup" as const,
    version: VERSION,
    out: options.out,
    exact_stage: exactStage,
    threshold,
    threshold_source: options.threshold === undefined ? model.thresholdSource : "--threshold",
    stricter: stricterThresholds(join, threshold),
    model: modelRecord(model, texts.dim, provider),
    tokens: texts.tokens,
    resumed: texts.resumed,
    reused: texts.reused,
    cache,
  };
}

/**
 * Counts the rows by their fate, as the second pass wrote them.
 * @param guarded kept rows that only a guard keeps apart from another kept row
 * @throws Error if the numbers of kept, removed and rejected rows do not add up to the rows read. A lost row is a
 * defect of this program, and the run must not publish it silently.
 */
function countRows(
  { index, texts, rejected }: EmbeddedInputs,
  { kept, removed, against }: OutputCounts,
  guarded: number,
  hasReferences: boolean,
): DedupSummary["counts"] {
  const { rows, groups } = index.exact.counts;
  const directed = texts.rowOfVector.length + texts.refused.length + index.exact.known.groups;
  const all = removed.exact + removed.normalized + removed.semantic;
  if (kept + all + rejected !== rows) {
    throw new Error(
      `${rows} rows were read but ${kept} kept, ${all} removed and ${rejected} rejected: nothing was published`,
    );
  }
  return {
    read: rows,
    rejected,
    kept,
    removed: all,
    ...removed,
    ...(hasReferences ? { against: against.reduce((sum, count) => sum + count, 0) } : {}),
    truncated: texts.truncated,
    undirected: groups - directed,
    guarded,
    unordered: index.order.unordered,
  };
}

/**
 * The guarantees in words, as the manifest states them.
 * @param vectors number of vectors that the join compared
 * @param measured pairs whose cosine the join computed in float64
 */
function guarantees(threshold: number, vectors: number, measured: number) {
  return {
    certificate: `every removed row names a kept row that it equals or whose measured cosine is at least ${threshold}`,
    independence: `exact search of ${vectors} vectors, ${measured} pairs measured in float64`,
    lossless: "read = kept + removed + rejected, counted on writing",
    proof: "bge-dedup verify",
  };
}

/** Every option that a repetition of the run needs. `--fresh` is left out, because it does not change the result. */
function describeOptions(options: DedupOptions, threshold: number) {
  const { keep, maxRemoved, maxRejects, fresh: _, ...rest } = options;
  return {
    ...rest,
    threshold,
    keep: formatKeepPolicy(keep),
    maxRemoved: maxRemoved?.text,
    maxRejects: maxRejects?.text,
  };
}
