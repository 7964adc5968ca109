import { createBreaks } from "../breaks.js";
import { exactDecisions } from "../exact/winners.js";
import { sourcesSchema } from "../io/schema/source-schema.js";
import { type Decisions, decisionsFrom, vectorPriority } from "../join/decisions.js";
import { stricterThresholds } from "../join/stricter.js";
import { type TimedReporter, timedReporter } from "../reporter.js";
import type { Against } from "./against/against.js";
import { applyRemovedBrake, textsOfRows } from "./check/removed-brake.js";
import { rejectsWarning } from "./check/warnings.js";
import { type EmbeddedInputs, embedInputs } from "./embed/embed-inputs.js";
import { chooseJoinDevice } from "./embed/join-device.js";
import { joinStore } from "./join-store.js";
import type { DedupOptions, RunContext } from "./options.js";
import { type GuardSignatures, guardSignatures } from "./read/guard-signatures.js";
import type { ReadableInputs } from "./read/read-rows.js";
import type { DedupSummary } from "./summary.js";
import { createGpuMeter, type GpuMeter } from "./work/gpu-meter.js";
import { MANIFEST, writeManifest } from "./work/manifest.js";
import { makeRoom, noteOverMemory, noteSmallMemory, peakMemory } from "./work/memory.js";
import { openWorkArea, type WorkArea } from "./work/work-area.js";
import { dedupManifest, dedupSummary, describeOutputs } from "./write/dedup-record.js";
import { GUARDED, writeGuarded } from "./write/guarded.js";
import { EMBEDDINGS, OUTPUT_FILES, REJECTS } from "./write/output-names.js";
import { misfitOf, type OutputCounts, writeOutputs } from "./write/outputs.js";
import { staleFiles } from "./write/stale-files.js";

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
  const run = (against?: Against) => runAgainst(options, { ...context, reporter }, against);
  if (options.against === undefined) return run();
  const { openAgainst, whileUnchanged } = await import("./against/against.js");
  const against = await openAgainst(options, { reporter, signal: context.signal });
  try {
    return await whileUnchanged(against, () => run(against));
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
  const work = await openWorkArea(options.out, {
    files: [...OUTPUT_FILES, MANIFEST],
    note: reporter.note,
    tasks: options.fresh ? "dropped" : "refused",
  });
  const signal = work.stopSignal(context.signal);
  const gpus = context.gpus ?? createGpuMeter();
  try {
    const guards = await guardSignatures(options.guards);
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
    const run = { options, inputs, guards, against, work, gpus, reporter, signal };
    const { decisions, join, threshold, readable } = await decide(run);
    makeRoom(options.memory);
    const { outputs, guarded } = await write(run, decisions, readable);

    const files = [EMBEDDINGS, ...outputs.files];
    if (inputs.rejected > 0) files.push(REJECTS);
    if (guards.active) files.push(GUARDED);
    const { exact } = inputs.index;
    const summary = dedupSummary({
      ...inputs,
      options,
      threshold,
      stricter: stricterThresholds(join, threshold),
      exact: exact.counts,
      known: exact.known,
      unordered: inputs.index.order.unordered,
      texts: { ...inputs.texts, vectors: inputs.groupOfVector.length, refused: inputs.texts.refused.length },
      outputs,
      guarded,
      references: await against?.records(outputs.against),
      files,
      warnings: [...rejectsWarning(inputs.rejected, exact.counts.rows, options.out), ...(against?.warnings ?? [])],
      seconds: reporter.seconds,
      peakMemory: peakMemory(),
      ...gpus.record(),
    });
    const manifest = dedupManifest(summary, {
      stages: reporter.stages,
      options,
      inputs: inputs.inputs,
      outputs: await describeOutputs(files, inputs, work),
      vectors: inputs.texts.state,
      measured: join.measured,
    });
    await writeManifest(work.path(MANIFEST), manifest);
    await against?.requireUnchanged();
    await work.publish([...files, MANIFEST], await staleFiles(options.out, files));
    noteOverMemory(options.memory, reporter.note);
    return summary;
  } catch (error) {
    throw work.explain(error);
  } finally {
    gpus.stop();
    await work.close();
  }
}

/** A run whose texts are embedded. */
interface EmbeddedRun {
  readonly options: DedupOptions;
  readonly inputs: EmbeddedInputs;
  readonly guards: GuardSignatures;
  readonly against: Against | undefined;
  readonly work: WorkArea;
  readonly gpus: GpuMeter;
  readonly reporter: TimedReporter;
  readonly signal: AbortSignal;
}

/**
 * Joins the vectors and decides what becomes of each row.
 * @throws BrakeError where more rows would go than `--max-removed` allows
 */
async function decide({ options, inputs, guards, against, gpus, reporter, signal }: EmbeddedRun) {
  const schema = await sourcesSchema(inputs.sources, options);
  const threshold = options.threshold ?? inputs.model.threshold;
  const { exact, order: rowOrder } = inputs.index;
  const { winner, size } = exactDecisions(exact, (a, b) => rowOrder.compare(a, b));
  const order = await vectorPriority(winner, inputs.groupOfVector, rowOrder, createBreaks(signal));
  const { device } = options;
  const { provider, reason } = await chooseJoinDevice({ device, used: inputs.provider, rows: order.length });
  if (reason !== undefined) reporter.note(reason);
  gpus.watch(provider);
  const join = await joinStore({
    options,
    path: inputs.texts.storePath,
    threshold,
    order,
    signatures: guards.of(inputs.groupOfVector),
    references: against?.vectors,
    provider,
    reporter,
    signal,
  });
  const decisions = decisionsFrom({ ...inputs, exact, winner, size, join, references: against });
  const readable = { sources: inputs.sources, index: inputs.index, schema };
  await applyRemovedBrake({
    limit: options.maxRemoved,
    rows: exact.counts.rows,
    decisions,
    folders: against?.paths,
    textsOf: (rows) => textsOfRows(rows, readable, options),
  });
  return { decisions, join, threshold, readable };
}

/** The second pass: writes the tables of kept and removed rows, and that of the rows which guards kept apart. */
async function write(
  { options, inputs, guards, against, work, reporter, signal }: EmbeddedRun,
  decisions: Decisions,
  readable: ReadableInputs,
): Promise<{ readonly outputs: OutputCounts; readonly guarded: number }> {
  const bytes = inputs.sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const stage = reporter.stage("write", bytes);
  const folders = against?.paths;
  const { path } = work;
  const outputs = await writeOutputs({
    inputs: readable,
    decisions,
    folders,
    options,
    path,
    stage,
    note: reporter.note,
    signal,
  });
  const { rows } = inputs.index.exact.counts;
  const guarded = guards.active ? await writeGuarded(path(GUARDED), [0, rows], decisions, folders) : 0;
  stage.end();
  return { outputs, guarded };
}
