import type { CacheCounts } from "../../cache/settings.js";
import type { ExactCounts, KnownCounts } from "../../exact/exact.js";
import { formatKeepPolicy } from "../../exact/priority.js";
import type { Stricter } from "../../join/stricter.js";
import type { ModelSpec } from "../../models/spec.js";
import type { StageTiming } from "../../reporter.js";
import type { DeviceName } from "../embed/device.js";
import type { EmbeddedInputs } from "../embed/embed-inputs.js";
import type { DedupOptions } from "../options.js";
import type { InputRecord } from "../read/open-inputs.js";
import type { DedupSummary } from "../summary.js";
import { environment, type FileRecord, fileRecord, MANIFEST, modelRecord, VERSION } from "../work/manifest.js";
import type { WorkArea } from "../work/work-area.js";
import type { WorkState } from "../work/work-state.js";
import { EMBEDDINGS } from "./output-names.js";
import type { OutputCounts } from "./outputs.js";

/* What the summary and the manifest of bge-dedup say of a run. */

/** What a run has counted and measured by its end, on one machine or on many. */
export interface DedupRecord {
  readonly options: DedupOptions;
  readonly model: ModelSpec;
  readonly provider: DeviceName;
  readonly threshold: number;
  readonly stricter: readonly Stricter[];
  readonly exact: ExactCounts;
  /** Those of `exact` whose texts the references have. */
  readonly known: KnownCounts;
  /** Rejected records, those among them whose texts a server refused. */
  readonly rejected: number;
  readonly unordered: number;
  readonly texts: {
    /** Components of a vector. */
    readonly dim: number;
    readonly vectors: number;
    /** Distinct texts that a server refused. */
    readonly refused: number;
    readonly truncated: number;
    readonly tokens: number;
    readonly resumed: number;
    readonly reused: number;
  };
  readonly cache: CacheCounts;
  readonly outputs: Omit<OutputCounts, "files">;
  /** Kept rows that only a guard keeps apart from another kept row. */
  readonly guarded: number;
  readonly references: DedupSummary["references"];
  /** Names of the files, without the manifest. */
  readonly files: readonly string[];
  readonly warnings: readonly string[];
  readonly seconds: DedupSummary["seconds"];
  readonly peakMemory: number;
  readonly gpu?: DedupSummary["gpu"];
}

/**
 * The summary of a finished run.
 * @throws Error as `countRows`
 */
export function dedupSummary(record: DedupRecord): DedupSummary {
  const { options, model, texts, references, gpu } = record;
  return {
    command: "bge-dedup",
    version: VERSION,
    out: options.out,
    exact_stage: exactCounts(record),
    threshold: record.threshold,
    threshold_source: options.threshold === undefined ? model.thresholdSource : "--threshold",
    stricter: record.stricter,
    model: modelRecord(model, texts.dim, record.provider),
    tokens: texts.tokens,
    resumed: texts.resumed,
    reused: texts.reused,
    cache: record.cache,
    ...(references === undefined ? {} : { references }),
    files: [...record.files, MANIFEST],
    counts: countRows(record),
    warnings: record.warnings,
    seconds: record.seconds,
    peak_memory: record.peakMemory,
    ...(gpu === undefined ? {} : { gpu }),
  };
}

/**
 * What the exact stage has found: the copies of rows of this run, and the rows that equal rows of the references. Rows
 * that equal one which a reference removed as a near-duplicate are no copies.
 */
function exactCounts({ exact, known, outputs }: DedupRecord): DedupSummary["exact_stage"] {
  return {
    exact: exact.exactSurplus - (known.rows - known.rawTexts) + outputs.known.exact,
    normalized: exact.normalisedSurplus - (known.rawTexts - known.groups) + outputs.known.normalized,
    distinct: exact.groups - known.groups,
  };
}

/**
 * Counts the rows by their fate, as the second pass wrote them.
 * @throws Error if the numbers of kept, removed and rejected rows do not add up to the rows read. A lost row is a
 * defect of this program, and the run must not publish it silently.
 */
function countRows(record: DedupRecord): DedupSummary["counts"] {
  const { exact, known, rejected, texts, guarded, unordered } = record;
  const { kept, removed, against } = record.outputs;
  const directed = texts.vectors + texts.refused + known.groups;
  const all = removed.exact + removed.normalized + removed.semantic;
  if (kept + all + rejected !== exact.rows) {
    throw new Error(
      `${exact.rows} rows were read but ${kept} kept, ${all} removed and ${rejected} rejected: nothing was published`,
    );
  }
  return {
    read: exact.rows,
    rejected,
    kept,
    removed: all,
    ...removed,
    ...(record.references === undefined ? {} : { against: against.reduce((sum, count) => sum + count, 0) }),
    truncated: texts.truncated,
    undirected: exact.groups - directed,
    guarded,
    unordered,
  };
}

/** What the manifest tells beside the summary. */
export interface ManifestParts {
  readonly stages: readonly StageTiming[];
  readonly options: DedupOptions;
  readonly inputs: readonly InputRecord[];
  readonly outputs: readonly FileRecord[];
  /** The complete state of the store, by which a later run recognises its vectors. */
  readonly vectors: WorkState;
  /** Pairs whose cosine the join computed in float64. */
  readonly measured: number;
}

/** The manifest of a run, whose members come in the order of the file. */
export function dedupManifest(summary: DedupSummary, parts: ManifestParts) {
  const { stages, options, inputs, outputs, vectors, measured } = parts;
  const { threshold } = summary;
  return {
    ...summary,
    stages,
    environment: environment(),
    options: describeOptions(options, threshold),
    inputs,
    outputs,
    vectors,
    guarantees: guarantees(threshold, vectors.stored, measured),
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

/**
 * Records the size and the SHA-256 of each output. The writer of the store has hashed the store already if this run
 * wrote all of it; every other file is read and hashed.
 */
export function describeOutputs(
  files: readonly string[],
  { texts }: EmbeddedInputs,
  work: WorkArea,
): Promise<FileRecord[]> {
  return Promise.all(
    files.map((name) =>
      name === EMBEDDINGS && texts.file !== undefined ? { name, ...texts.file } : fileRecord(work.path(name), name),
    ),
  );
}
