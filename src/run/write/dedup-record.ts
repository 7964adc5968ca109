import type { ExactTexts } from "../../exact/exact.js";
import { formatKeepPolicy } from "../../exact/priority.js";
import type { Decisions } from "../../join/decisions.js";
import type { JoinResult } from "../../join/judge.js";
import { stricterThresholds } from "../../join/stricter.js";
import type { EmbeddedInputs } from "../embed/embed-inputs.js";
import type { DedupOptions } from "../options.js";
import type { DedupSummary } from "../summary.js";
import { type FileRecord, fileRecord, modelRecord, VERSION } from "../work/manifest.js";
import type { WorkArea } from "../work/work-area.js";
import { EMBEDDINGS } from "./output-names.js";
import type { OutputCounts } from "./outputs.js";

/* What the summary and the manifest of bge-dedup say of a run. */

/**
 * What the exact stage has found: the copies of rows of this run, and the rows that equal rows of the references. Rows
 * that equal one which a reference removed as a near-duplicate are no copies.
 */
export function exactCounts(exact: ExactTexts, decisions: Decisions): DedupSummary["exact_stage"] {
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
export function describeRun(
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
export function countRows(
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
export function guarantees(threshold: number, vectors: number, measured: number) {
  return {
    certificate: `every removed row names a kept row that it equals or whose measured cosine is at least ${threshold}`,
    independence: `exact search of ${vectors} vectors, ${measured} pairs measured in float64`,
    lossless: "read = kept + removed + rejected, counted on writing",
    proof: "bge-dedup verify",
  };
}

/** Every option that a repetition of the run needs. `--fresh` is left out, because it does not change the result. */
export function describeOptions(options: DedupOptions, threshold: number) {
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
