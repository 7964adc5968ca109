import { createBreaks } from "../breaks.js";
import { exactDecisions } from "../exact/exact.js";
import { formatKeepPolicy } from "../exact/priority.js";
import { sourcesSchema } from "../io/schema/source-schema.js";
import { decisionsFrom, vectorPriority } from "../join/decisions.js";
import type { JoinResult } from "../join/judge.js";
import { selfJoin } from "../join/self-join.js";
import { createOrtEngine, type Provider } from "../onnx/ort-engine.js";
import { type Reporter, timedReporter } from "../reporter.js";
import { openVectorStore } from "../vectors/store.js";
import { columnWorkers } from "../workers/column-workers.js";
import { applyRemovedBrake } from "./check/removed-brake.js";
import { joinProvider } from "./embed/device.js";
import { type EmbeddedInputs, embedInputs, REJECTS } from "./embed/embed-inputs.js";
import type { DedupOptions, RunContext } from "./options.js";
import { guardSignatures } from "./read/guard-signatures.js";
import { requireColumn } from "./read/missing-field.js";
import type { DedupSummary } from "./summary.js";
import {
  environment,
  type FileRecord,
  fileRecord,
  MANIFEST,
  modelRecord,
  VERSION,
  writeManifest,
} from "./work/manifest.js";
import { makeRoom, noteOverMemory, noteSmallMemory, peakMemory, vectorBudget } from "./work/memory.js";
import { openWorkArea, type WorkArea } from "./work/work-area.js";
import { GUARDED, writeGuarded } from "./write/guarded.js";
import { CLUSTER_FILES, EMBEDDINGS, TABLE_FILES } from "./write/output-names.js";
import { writeOutputs } from "./write/outputs.js";

/** Files of other runs in the output folder, which would not fit the new ones. */
const OPTIONAL = [REJECTS, GUARDED, ...TABLE_FILES];

/**
 * The whole flow of bge-dedup:
 *
 *     read -> exact -> tokenize -> embed -> store      embedInputs, streaming
 *                                            |
 *                                join -> decide        needs all vectors
 *                                            |
 *                                          write       second pass, streaming
 *
 * Nothing appears in the output folder before everything is there; an interrupted run continues with the vectors it has.
 */
export async function runDedup(options: DedupOptions, context: RunContext): Promise<DedupSummary> {
  const reporter = timedReporter(context.reporter);
  noteSmallMemory(options.memory, reporter.note);
  const work = await openWorkArea(options.out);
  const signal = work.stopSignal(context.signal);
  try {
    const guards = guardSignatures(options.guards);
    const inputs = await embedInputs({
      shared: options,
      keep: options.keep,
      onGroup: guards.add,
      work,
      context: { ...context, reporter, signal },
    });
    const schema = await checkedSchema(options, inputs, reporter);
    const threshold = options.threshold ?? inputs.model.threshold;
    const { exact, order: rowOrder } = inputs.index;
    const { winner } = exactDecisions(exact, (a, b) => rowOrder.compare(a, b));
    const order = await vectorPriority(winner, inputs.groupOfVector, rowOrder, createBreaks(signal));
    const signatures = guards.of(inputs.groupOfVector);
    const provider = await joinProvider(options.device, inputs.provider);
    const join = await joinStore({ options, work, threshold, order, signatures, provider, reporter, signal });
    const decisions = decisionsFrom({ ...inputs, exact, winner, join });
    const readable = { sources: inputs.sources, index: inputs.index, schema };
    await applyRemovedBrake(options.maxRemoved, decisions, readable, options);

    makeRoom(options.memory);
    const bytes = inputs.sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const writing = reporter.stage("write", bytes);
    const { formats } = options;
    const outputs = await writeOutputs({
      inputs: readable,
      decisions,
      formats,
      path: work.path,
      stage: writing,
      signal,
    });
    const guarded = guards.active ? await writeGuarded(work.path(GUARDED), exact.counts.rows, decisions) : 0;
    writing.end();

    const files = [EMBEDDINGS, ...outputs.files];
    if (inputs.rejected > 0) files.push(REJECTS);
    if (guards.active) files.push(GUARDED);
    const summary: DedupSummary = {
      ...describeRun(options, inputs, threshold),
      files: [...files, MANIFEST],
      counts: countRows(inputs, outputs, guarded),
      seconds: reporter.seconds,
      peak_memory: peakMemory(),
    };
    await writeManifest(work.path(MANIFEST), {
      ...summary,
      stages: reporter.stages,
      environment: environment(),
      options: describeOptions(options, threshold),
      inputs: inputs.inputs,
      outputs: await describeOutputs(files, inputs, work),
      guarantees: guarantees(threshold, order.length, join.measured),
    });
    await work.publish([...files, MANIFEST], [...CLUSTER_FILES, ...OPTIONAL.filter((name) => !files.includes(name))]);
    noteOverMemory(options.memory, reporter.note);
    return summary;
  } catch (error) {
    throw work.explain(error);
  } finally {
    await work.close();
  }
}

/**
 * The schema of all inputs.
 * @throws InputError where it lacks a column that a flag names
 */
async function checkedSchema(options: DedupOptions, { sources, index }: EmbeddedInputs, reporter: Reporter) {
  if (index.exact.counts.rows === 0) reporter.note("the inputs hold no records, so the outputs will be empty");
  const schema = await sourcesSchema(sources);
  requireColumn(schema, "--id-field", options.idField);
  requireColumn(schema, "--keep", "field" in options.keep ? options.keep.field : undefined);
  return schema;
}

/** The self-join over the finished store, with what is left of `--memory`. */
async function joinStore(options: {
  options: DedupOptions;
  work: WorkArea;
  threshold: number;
  order: Uint32Array;
  signatures?: BigUint64Array;
  provider: Provider;
  reporter: Reporter;
  signal?: AbortSignal;
}): Promise<JoinResult> {
  const { work, threshold, order, signatures, provider, reporter, signal } = options;
  const { memory, threads } = options.options;
  const stage = reporter.stage("join", order.length);
  const vectors = await openVectorStore(work.path(EMBEDDINGS));
  try {
    const result = await selfJoin({
      vectors,
      order,
      threshold,
      signatures,
      engine: createOrtEngine({ threads: 1 }),
      wideEngine: createOrtEngine({ threads }),
      workers: columnWorkers(threads, provider),
      memory: vectorBudget(memory),
      onProgress: (decided) => stage.advance(decided),
      signal,
    });
    stage.end();
    return result;
  } finally {
    await vectors.close();
  }
}

/** Size and digest of each output; the store's are known where it was written by this run. */
function describeOutputs(files: readonly string[], { texts }: EmbeddedInputs, work: WorkArea): Promise<FileRecord[]> {
  return Promise.all(
    files.map((name) =>
      name === EMBEDDINGS && texts.file !== undefined ? { name, ...texts.file } : fileRecord(work.path(name), name),
    ),
  );
}

function describeRun(options: DedupOptions, { index, texts, model, provider }: EmbeddedInputs, threshold: number) {
  const { exactSurplus, normalisedSurplus, groups } = index.exact.counts;
  return {
    command: "bge-dedup" as const,
    version: VERSION,
    out: options.out,
    exact_stage: { exact: exactSurplus, normalized: normalisedSurplus, distinct: groups },
    threshold,
    threshold_source: options.threshold === undefined ? model.thresholdSource : "--threshold",
    model: modelRecord(model, texts.dim, provider),
    tokens: texts.tokens,
    resumed: texts.resumed,
  };
}

/** @throws Error where a row is lost, which would be a defect of this program and must not pass in silence */
function countRows(
  { index, texts, rejected }: EmbeddedInputs,
  { kept, removed }: { kept: number; removed: { exact: number; normalized: number; semantic: number } },
  guarded: number,
): DedupSummary["counts"] {
  const { rows, groups } = index.exact.counts;
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
    truncated: texts.truncated,
    undirected: groups - texts.rowOfVector.length,
    guarded,
    unordered: index.order.unordered,
  };
}

/** What the manifest promises of the tables. */
function guarantees(threshold: number, vectors: number, measured: number) {
  return {
    certificate: `every removed row names a kept row that it equals or whose measured cosine is at least ${threshold}`,
    independence: `exact search of ${vectors} vectors, ${measured} pairs measured in float64`,
    lossless: "read = kept + removed + rejected, counted on writing",
    proof: "bge-dedup verify",
  };
}

/** All that is needed to repeat the run. */
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
