import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "../errors.js";
import type { InputFile } from "../io/open-sources.js";
import {
  averagePrecision,
  bestF1,
  type OperatingPoint,
  operatingPoints,
  thresholdForPrecision,
  type WantedPrecision,
} from "../report/calibrate/precision-recall.js";
import type { Guards } from "../text/guard-choice.js";
import { hitsToProve } from "../wilson.js";
import { prepareModel } from "./embed/prepare-model.js";
import type { RunContext, SharedOptions } from "./options.js";
import { type PairFaults, type PairRecord, readPairs } from "./pairs/labelled-pairs.js";
import { keepsApart, measurePairs, type PairMeasure } from "./pairs/measure-pairs.js";
import { PairTable, type TableCounts } from "./pairs/pair-table.js";
import { openInputs } from "./read/open-inputs.js";
import { VERSION } from "./work/manifest.js";

/** Options of `calibratePairs`; of the shared ones those of the model and of the format of the file count. */
export interface PairsOptions extends SharedOptions {
  /** File, glob or folder of labelled pairs, or "-". */
  readonly pairs: string;
  /** Wanted share of merged pairs that are the same, below 1. */
  readonly precision: number;
  /** Pairs that a guard keeps apart count as not merged. */
  readonly guards: Guards;
}

/** The model that measured pairs. */
export interface PairsModel {
  readonly name: string;
  readonly fingerprint: string;
  readonly dtype: string;
}

/** What labelled pairs say about thresholds. */
export interface PairsReport {
  readonly command: "calibrate";
  readonly version: string;
  readonly model: PairsModel;
  /** Records of the file by their fate. */
  readonly pairs: TableCounts & { readonly rejected: number };
  /** Absent where no labelled pair is the same, or none is different, as are the two below. */
  readonly average_precision?: number;
  readonly best_f1?: OperatingPoint;
  readonly for_precision?: WantedPrecision;
  /** Every threshold that tells pairs apart, from the highest down; of more than 10,000 a choice evenly spaced. */
  readonly curve: readonly OperatingPoint[];
  readonly warnings: readonly string[];
}

/** Points of a curve that are reported. */
const CURVE_POINTS = 10_000;
/** What to know of answers. */
const CHOSEN_PAIRS =
  "--ask chose these pairs around the boundary, so precision and recall speak of such pairs and not of the whole input; " +
  "the suggestion of --ask takes that into account";
/** Pairs of either label below which the intervals are too wide to choose by. */
const FEW_PAIRS = 30;

/**
 * Measures labelled pairs with the user's model: precision and recall at every threshold, the threshold of a wanted
 * precision and that of the best F1. With `vectorField` no model is asked, and the file gives the cosines, as answers
 * of an earlier calibration do. Texts are embedded window by window and not kept.
 * @throws InputError where no pair has a label; whatever `readPairs` and `measurePairs` throw
 */
export async function calibratePairs(options: PairsOptions, context: RunContext): Promise<PairsReport> {
  const { pairs: input, guards, precision } = options;
  const { reporter, signal } = context;
  const folder = await mkdtemp(join(tmpdir(), "bge-dedup-"));
  try {
    const files = await openInputs({ ...options, inputs: [input], sourceField: undefined }, folder, context);
    const faults: PairFaults = { rejected: 0 };
    const pairs = pairsOf(files, faults, signal);
    const { model, start, windowChars } = await prepareModel(options, reporter, signal);
    const measures =
      options.vectorField === undefined
        ? measurePairs({ pairs, start, windowChars, guards, signal })
        : givenCosines(pairs, guards);
    const table = new PairTable();
    for await (const measure of measures) table.add(measure);
    const counts = { ...table.counts(), rejected: faults.rejected + table.refused };
    requireLabels(counts, input, faults);
    const points = operatingPoints(table.judged());
    const judges = counts.same > 0 && counts.different > 0;
    return {
      command: "calibrate",
      version: VERSION,
      model: { name: model.name, fingerprint: model.fingerprint, dtype: model.dtype },
      pairs: counts,
      ...(judges && {
        average_precision: averagePrecision(points),
        best_f1: bestF1(points),
        for_precision: thresholdForPrecision(points, precision),
      }),
      curve: evenly(points, CURVE_POINTS),
      warnings: [...(table.asked > 0 ? [CHOSEN_PAIRS] : []), ...warningsFor(counts, faults, { points, precision })],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The pairs of all files in their order. */
async function* pairsOf(
  files: readonly InputFile[],
  faults: PairFaults,
  signal?: AbortSignal,
): AsyncGenerator<PairRecord> {
  for (const { source } of files) {
    for await (const pair of readPairs(source, faults)) {
      signal?.throwIfAborted();
      yield pair;
    }
  }
}

/** Takes the cosines that the file has. */
async function* givenCosines(pairs: AsyncIterable<PairRecord>, guards: Guards): AsyncGenerator<PairMeasure> {
  for await (const pair of pairs) {
    const { cosine, first } = pair;
    if (cosine === undefined) {
      throw new InputError(
        `the pair of ${JSON.stringify(first.slice(0, 40))} has no cosine in -1 to 1, which --vector-field takes from ` +
          "the pairs as --ask writes them; leave out --vector-field to embed the texts with a model",
      );
    }
    yield { pair, cosine, ...(keepsApart(pair, guards) && { apart: "guarded" }) };
  }
}

/** @throws InputError where no pair has a label */
function requireLabels(counts: TableCounts & { rejected: number }, input: string, { example }: PairFaults): void {
  if (counts.same + counts.different > 0) return;
  const rejected = counts.rejected > 0 ? `, and ${counts.rejected} were rejected (${example ?? "by the server"})` : "";
  throw new InputError(
    counts.unlabelled === 0
      ? `${input} holds no pairs${rejected}; expected records with text_a, text_b and label`
      : `none of the ${counts.unlabelled} pairs of ${input} has a label${rejected}; write 1 (the same) or 0 (different) ` +
          "as label, or let bge-dedup calibrate INPUT --ask 40 show you pairs to judge",
  );
}

/** At most `most` points, evenly spaced, the first and the last among them. */
function evenly(points: readonly OperatingPoint[], most: number): readonly OperatingPoint[] {
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, i) => points[Math.round((i * (points.length - 1)) / (most - 1))]);
}

/** What a person should know before trusting the figures. */
function warningsFor(
  { same, different, rejected, unlabelled, undirected }: TableCounts & { rejected: number },
  { example }: PairFaults,
  { points, precision }: { readonly points: readonly OperatingPoint[]; readonly precision: number },
): string[] {
  const warnings: string[] = [];
  if (rejected > 0)
    warnings.push(`${rejected} records were rejected; the first: ${example ?? "the server refused it"}`);
  if (unlabelled > 0) warnings.push(`${unlabelled} pairs without a label were passed over`);
  if (undirected > 0) warnings.push(`${undirected} pairs have a text without a known token and are never merged`);
  const few = Math.min(same, different);
  if (few > 0 && few < FEW_PAIRS) {
    const kind = same < different ? "are the same" : "are different";
    warnings.push(`only ${few} pairs ${kind}, so the intervals are wide; label ${FEW_PAIRS} at least`);
  }
  const needed = hitsToProve(precision);
  if (few > 0 && thresholdForPrecision(points, precision).proven === undefined) {
    warnings.push(
      `no threshold is proven to have precision ${precision}: that takes ${needed} merged pairs, all of them the same, ` +
        `or more with an error among them; ${same} pairs are the same`,
    );
  }
  return warnings;
}
