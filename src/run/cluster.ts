import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ChosenK } from "../cluster/choose-k.js";
import { UsageError } from "../errors.js";
import { type TimedReporter, timedReporter } from "../reporter.js";
import { clustersWarning, driftWarning, rejectsWarning } from "./check/warnings.js";
import type { FoundDrift } from "./cluster/drift.js";
import { findClusters } from "./cluster/find-clusters.js";
import { type Former, readFormer } from "./cluster/former.js";
import { requireSameKind, requireSameModel } from "./cluster/same-model.js";
import type { ClusterOptions, RunContext } from "./options.js";
import { findInputs } from "./read/find-inputs.js";
import type { ClusterDrift, ClusterSummary } from "./summary.js";
import { isDedupFolder } from "./work/dedup-folder.js";
import { createGpuMeter } from "./work/gpu-meter.js";
import { environment, fileRecord, MANIFEST, readManifestIfAny, VERSION, writeManifest } from "./work/manifest.js";
import { noteOverMemory, noteSmallMemory, peakMemory } from "./work/memory.js";
import { openWorkArea } from "./work/work-area.js";
import { type ClusterRows, dedupRows, rawRows } from "./write/cluster-rows.js";
import { type Clustering, writeClusters } from "./write/clusters.js";
import { CENTROIDS, CLUSTER_FILES, CLUSTERS, EMBEDDINGS, REJECTS } from "./write/output-names.js";
import { stalePage } from "./write/stale-page.js";

/** Number of clusters that the summary lists. */
const SHOWN = 10;

/** Most UTF-16 units of a text in the summary. */
const TEXT_UNITS = 200;

/**
 * Runs bge-cluster from the rows to the published output folder:
 *
 *     kept rows and vectors of bge-dedup, or read -> embed -> store of raw files
 *                                            |
 *                     (choose k) -> seed -> k-means        over the store, by tile
 *                                            |
 *                                  write -> label          streaming
 *
 * Clusters of a folder that bge-dedup wrote may go into the same folder. The manifest of bge-dedup then stays and takes
 * the record of this run under `cluster`.
 * @returns the summary that the command prints
 * @throws the same errors as `runDedup`; UsageError also if `--k` exceeds the number of distinct vectors and `strictK` is set
 */
export async function runCluster(options: ClusterOptions, context: RunContext): Promise<ClusterSummary> {
  const reporter = timedReporter(context.reporter);
  noteSmallMemory(options.memory, reporter.note);
  const { fromFolder, inPlace } = await checkFolders(options);
  const work = await openWorkArea(options.out, {
    files: [...CLUSTER_FILES, EMBEDDINGS, REJECTS, MANIFEST],
    note: reporter.note,
  });
  const signal = work.stopSignal(context.signal);
  const { shared, gpus = createGpuMeter() } = context;
  try {
    const former = options.like && (await readFormer(options.like.folder));
    if (former) requireSameKind(former, options.spherical);
    const accepts = former && ((model: object) => requireSameModel(former, model));
    const rows = fromFolder
      ? await dedupRows(options.inputs[0])
      : await rawRows({ options, work, context: { ...context, reporter, signal, gpus }, accepts });
    const { result, chosen, drift } = await findClusters({ options, rows, former, reporter, shared, signal });
    await shared?.close();
    const writing = reporter.stage("write", rows.count);
    const written = await writeClusters({
      rows,
      result,
      labels: options.labels,
      described: SHOWN,
      quoted: drift?.farthest.map(({ row }) => row) ?? [],
      path: work.path,
      stage: writing,
      signal,
    });
    writing.end();

    const files = [...(rows.own ? [EMBEDDINGS] : []), CLUSTERS, CENTROIDS];
    if (rows.rejected > 0) files.push(REJECTS);
    const found = { options, rows, result, chosen, drift, written, files, reporter };
    const summary = { ...summaryOf(found), ...gpus.record() };
    const record = {
      ...summary,
      next_cluster: result.next,
      far_distance: result.farDistance,
      stages: reporter.stages,
      environment: environment(),
      ...(shared === undefined ? {} : { engine: shared.record() }),
      options: describeOptions(options, former),
      model: rows.model,
      inputs: rows.inputs,
      outputs: await Promise.all(
        files.map((name) => fileRecord(name === EMBEDDINGS ? rows.storePath : work.path(name), name)),
      ),
      vectors: rows.state,
    };
    await rows.requireUnchanged();
    // The manifest of the bge-dedup run stays in the folder and takes the record of this run.
    const before = inPlace ? await readManifestIfAny(join(options.out, MANIFEST)) : undefined;
    await writeManifest(work.path(MANIFEST), before === undefined ? record : { ...before, cluster: record });
    // An earlier run on raw files left its vectors and rejects beside its clusters; both would contradict the new
    // clusters.
    const stale = inPlace ? [] : [EMBEDDINGS, REJECTS].filter((name) => !files.includes(name));
    await work.publish([...files, MANIFEST], [...stale, ...(await stalePage(options.out))]);
    noteOverMemory(options.memory, reporter.note);
    return summary;
  } catch (error) {
    throw work.explain(error);
  } finally {
    gpus.stop();
    await shared?.close();
    await work.close();
  }
}

/** The summary that the command prints. */
function summaryOf({
  options,
  rows,
  result,
  chosen,
  drift,
  written,
  files,
  reporter,
}: {
  readonly options: ClusterOptions;
  readonly rows: ClusterRows;
  readonly result: Clustering;
  readonly chosen?: ChosenK;
  readonly drift?: FoundDrift;
  readonly written: Awaited<ReturnType<typeof writeClusters>>;
  readonly files: readonly string[];
  readonly reporter: TimedReporter;
}): ClusterSummary {
  return {
    command: "bge-cluster",
    version: VERSION,
    out: options.out,
    files: [...files, MANIFEST],
    counts: {
      clustered: written.clustered,
      undirected: rows.count - written.clustered,
      rejected: rows.rejected,
      clusters: result.sizes.length,
    },
    inertia: result.inertia,
    iterations: result.iterations,
    converged: result.converged,
    ...(chosen === undefined ? {} : { chosen_k: chosen }),
    largest: written.described.map(({ representatives, ...described }) => ({
      ...described,
      representatives: representatives.map(({ row, text }) => ({ row, text: cut(text) })),
    })),
    ...(drift === undefined ? {} : { drift: withTexts(drift, written.texts) }),
    ...(rows.cache === undefined ? {} : { cache: rows.cache }),
    warnings: [
      ...rejectsWarning(rows.rejected, rows.count + rows.rejected, options.out),
      ...(typeof options.k === "number" ? clustersWarning(options.k, result.sizes.length) : []),
      ...driftWarning(drift),
    ],
    seconds: reporter.seconds,
    peak_memory: peakMemory(),
  };
}

/** The drift with the texts of the rows that it names. */
function withTexts(drift: FoundDrift, texts: ReadonlyMap<number, string>): ClusterDrift {
  const farthest = drift.farthest.map(({ row, ...far }) => ({ row, ...far, text: cut(texts.get(row) ?? "") }));
  return { ...drift, farthest };
}

/** The start of a text; "…" stands for the rest. */
function cut(text: string): string {
  if (text.length <= TEXT_UNITS) return text;
  // A character of two units is not cut in half.
  return `${text.slice(0, TEXT_UNITS).replace(/[\ud800-\udbff]$/, "")}…`;
}

/**
 * Checks the inputs and the output folder before anything is written.
 * @returns `fromFolder`: the input is a folder that bge-dedup wrote; `inPlace`: the clusters go into that same folder
 * @throws InputError if an input is missing; UsageError if the output folder holds the result of another bge-dedup run
 */
async function checkFolders({ inputs, out }: ClusterOptions): Promise<{ fromFolder: boolean; inPlace: boolean }> {
  const fromFolder = isDedupFolder(inputs);
  const inPlace = fromFolder && resolve(inputs[0]) === resolve(out);
  if (!fromFolder) await findInputs({ inputs, out });
  // Clusters or vectors of other rows beside a kept.arrow would contradict that table.
  const kept = ["arrow", "parquet", "jsonl"].map((format) => join(out, `kept.${format}`)).find(existsSync);
  if (kept !== undefined && !inPlace) {
    throw new UsageError(`${kept} is a result of bge-dedup; cluster that folder, or name another one by --out`);
  }
  return { fromFolder, inPlace };
}

/**
 * Every option that a repetition of the run needs. `--fresh` is left out, because it does not change the result; what
 * the former clusters decided is filled in.
 */
function describeOptions({ maxRejects, fresh: _, ...rest }: ClusterOptions, former?: Former) {
  const { spherical = former?.spherical, k = former?.ids.length } = rest;
  return { ...rest, k, spherical, maxRejects: maxRejects?.text };
}
