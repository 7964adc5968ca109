import { InputError } from "../errors.js";
import { type Random, seededRandom } from "../random.js";
import { DAMAGES, type DamageKind, damageTexts, MUST_MERGE } from "../report/calibrate/damage.js";
import { classIndex, type LengthClass, type LengthSample, sampleByLength } from "../report/calibrate/length-sample.js";
import { MarginPairs, NearestVectors, type NearPair, RemovalCurve } from "../report/calibrate/pair-visitors.js";
import { quantile, suggestThreshold, thresholdGrid } from "../report/calibrate/suggest.js";
import { mergedShares, type PlantedDamage, type ThresholdRow } from "../report/calibrate/table.js";
import { type TimedReporter, timedReporter } from "../reporter.js";
import { normalise } from "../text/normalise.js";
import { cosine } from "../vectors/cosine.js";
import type { CalibrationCounts, CalibrationInputsOptions } from "./calibrate/embedded-rows.js";
import { type CalibrationInputs, openCalibration } from "./calibrate/inputs.js";
import { nextArguments } from "./calibrate/next-run.js";
import { choose, type SuggestedThreshold, warningsOf } from "./calibrate/suggested.js";
import type { RunContext } from "./options.js";
import { VERSION } from "./work/manifest.js";

/** Options of `bge-dedup calibrate` without labels. */
export interface CalibrateOptions extends CalibrationInputsOptions {
  /** Texts that are damaged and whose neighbours are looked for. */
  readonly sample: number;
}

/** A pair of rows of the input, near to a threshold. */
export interface ExamplePair {
  readonly threshold: number;
  readonly rows: readonly [number, number];
  readonly texts: readonly [string, string];
  readonly cosine: number;
}

/** What `bge-dedup calibrate` finds. */
export interface Calibration {
  readonly command: "calibrate";
  readonly version: string;
  readonly model: {
    readonly name: string;
    readonly dim: number;
    readonly threshold: number;
    readonly threshold_source: string;
  };
  readonly counts: CalibrationCounts & {
    /** Rows that equal an earlier one and are removed at any threshold. */
    readonly copies: number;
    /** Distinct texts without a direction, which are always kept. */
    readonly undirected: number;
    readonly sampled: number;
  };
  /** The classes of length, in characters. */
  readonly lengths: readonly LengthClass[];
  /** Number of texts of the sample that offered a place for each damage; empty where no model can embed any. */
  readonly damages: Readonly<Partial<Record<DamageKind, number>>>;
  /** Cosines of the texts of the sample with their nearest other texts. */
  readonly background: Readonly<Record<"median" | "p90" | "p99" | "max", number>> | null;
  /** How the rows that go at each threshold were counted: exactly, or as an upper bound from the sample. */
  readonly removed_by: "all pairs" | "sample";
  readonly thresholds: readonly ThresholdRow[];
  readonly pairs: readonly ExamplePair[];
  readonly suggestion: SuggestedThreshold;
  /** Arguments with which bge-dedup follows the suggestion. */
  readonly next: readonly string[];
  readonly warnings: readonly string[];
  readonly seconds: Readonly<Record<string, number>>;
}

/** Example pairs of each threshold. */
const PAIRS_EACH = 2;
/**
 * Calibrates the threshold on an input without labels: damages planted in a sample tell what a threshold finds, the
 * pairs of the input itself tell what it removes. Nothing is written.
 * @throws the errors of `openCalibration`; InputError if no text has a direction
 */
export async function runCalibrate(options: CalibrateOptions, context: RunContext): Promise<Calibration> {
  const reporter = timedReporter(context.reporter);
  const inputs = await openCalibration(options, { ...context, reporter });
  try {
    return await calibrateInputs(inputs, { options, reporter });
  } finally {
    await inputs.close();
  }
}

/** Calibrates on an open input, which stays the caller's. */
export async function calibrateInputs(
  inputs: CalibrationInputs,
  { options, reporter }: { options: Pick<CalibrateOptions, "sample" | "seed">; reporter: TimedReporter },
): Promise<Calibration> {
  const { vectors, model, counts, hasModel } = inputs;
  if (vectors.count === 0) {
    throw new InputError(`no text has a token that model ${model.name} knows; there is nothing to calibrate`);
  }
  const random = seededRandom(options.seed);
  const lengths = await inputs.lengths();
  const sample = sampleByLength(lengths, options.sample, random);
  const texts = await inputs.textsAt(sample.positions);
  const nearest = await findNearest(inputs, sample.positions, reporter);
  const planted = hasModel ? await plantDamages({ inputs, sample, texts, random, reporter }) : [];
  // What the exact stage finds goes at any threshold and says nothing about one.
  const telling = planted.filter(({ equal }) => !equal);
  const mustMerge = telling.filter(({ kind }) => MUST_MERGE.some((must) => must === kind));
  const background = nearest.nearest.filter((value) => value > -1);
  const thresholds = thresholdGrid(
    mustMerge.map((damage) => damage.cosine),
    Array.from(background),
  );
  const { removed, pairs } = await measureInput({ inputs, thresholds, nearest, rows: sample.positions, reporter });
  const shares = thresholds.map((threshold) => mergedShares(telling, threshold));
  const hard = telling.filter(({ kind }) => kind === "typo" || kind === "insertion" || kind === "deletion");
  const planting = mustMerge.length > 0;
  const guess = suggestThreshold({
    thresholds,
    removed,
    nearest: Array.from(background),
    recall: planting ? shares.map(({ found }) => found ?? 0) : undefined,
    hardRecall: hard.length > 0 ? thresholds.map((threshold) => mergedShares(hard, threshold).found ?? 0) : undefined,
  });
  const copies = counts.read - counts.rejected - counts.distinct;
  const rows = counts.read - counts.rejected;
  const table = thresholds.map((threshold, i): ThresholdRow => {
    const gone = copies + Math.round(removed[i] * vectors.count);
    return {
      threshold,
      removed_rows: gone,
      removed_share: gone / rows,
      ...mergedShares(planted, threshold),
      false_merges: planting ? Math.round(guess.falseMerges[i] * vectors.count) : null,
    };
  });
  const chosen = choose({ inputs, table, guess });
  return {
    command: "calibrate",
    version: VERSION,
    model: {
      name: model.name,
      dim: vectors.dim,
      threshold: model.threshold,
      threshold_source: model.thresholdSource,
    },
    counts: { ...counts, copies, undirected: counts.distinct - vectors.count, sampled: sample.positions.length },
    lengths: sample.classes,
    damages: Object.fromEntries(
      DAMAGES.map((kind) => [kind, planted.filter((damage) => damage.kind === kind).length] as const).filter(
        ([, texts]) => texts > 0,
      ),
    ),
    background: describeBackground(background),
    removed_by: inputs.comparesAllPairs ? "all pairs" : "sample",
    thresholds: table,
    pairs: await examplePairs(inputs, thresholds, pairs),
    suggestion: chosen,
    next: nextArguments({
      run: inputs.run,
      threshold: chosen.threshold,
      guards: chosen.guards.map(({ guard }) => guard),
    }),
    warnings: warningsOf({ inputs, wanted: options.sample, sampled: sample.positions.length }),
    seconds: reporter.seconds,
  };
}

/** Finds the nearest other text of each text of the sample, among all texts of the input. */
async function findNearest(
  inputs: CalibrationInputs,
  rows: Uint32Array,
  reporter: TimedReporter,
): Promise<NearestVectors> {
  const stage = reporter.stage("nearest", rows.length);
  const { count } = inputs.vectors;
  const nearest = new NearestVectors(rows);
  await inputs.scan({
    rows,
    earlierOnly: false,
    visitors: [nearest],
    onProgress: (pairs) => stage.advance(pairs / count),
  });
  stage.end();
  return nearest;
}

/** Damages the texts of the sample and measures how near the damaged texts are to their originals. */
async function plantDamages(options: {
  inputs: CalibrationInputs;
  sample: LengthSample;
  texts: readonly string[];
  random: Random;
  reporter: TimedReporter;
}): Promise<PlantedDamage[]> {
  const { inputs, sample, texts, random, reporter } = options;
  const { dim } = inputs.vectors;
  const damaged = damageTexts(texts, random);
  const normal = texts.map(normalise);
  const equal = damaged.map(({ text, origin }) => normalise(text) === normal[origin]);
  const sent = damaged.filter((_, i) => !equal[i]);
  const stage = reporter.stage("damages", sent.length);
  const { vectors, directed } = await inputs.embedTexts(
    sent.map(({ text }) => text),
    (done) => stage.advance(done),
  );
  stage.end();
  const originals = new Float32Array(sample.positions.length * dim);
  await inputs.vectors.gather(sample.positions, originals);
  const lengthOf = (origin: number) => sample.classes[classIndex(sample.classes, texts[origin].length)].name;
  const planted: PlantedDamage[] = [];
  let at = 0;
  for (const [i, { kind, origin }] of damaged.entries()) {
    if (equal[i]) planted.push({ kind, length: lengthOf(origin), cosine: 1, equal: true });
    else {
      const measured = directed[at] === 1 ? cosine(originals, origin * dim, vectors, at * dim, dim) : 0;
      planted.push({ kind, length: lengthOf(origin), cosine: measured, equal: false });
      at++;
    }
  }
  return planted;
}

/**
 * Finds the share of the distinct texts that each threshold removes, and the pairs nearest to each threshold. Where the
 * input is too large to compare all pairs, the rows of the sample meet all texts: a text that has an earlier neighbour
 * may go, so the share is an upper bound.
 */
async function measureInput(options: {
  inputs: CalibrationInputs;
  thresholds: readonly number[];
  nearest: NearestVectors;
  rows: Uint32Array;
  reporter: TimedReporter;
}): Promise<{ removed: number[]; pairs: readonly (readonly NearPair[])[] }> {
  const { inputs, thresholds, nearest, reporter } = options;
  const { count } = inputs.vectors;
  const all = inputs.comparesAllPairs;
  const rows = all ? inputs.allRows : options.rows;
  const stage = reporter.stage("pairs", rows.length);
  const pairsOfRow = all ? count / 2 : count;
  const margins = new MarginPairs({ rows, thresholds, each: PAIRS_EACH });
  const curve = all ? new RemovalCurve(count, thresholds) : undefined;
  const visitors = curve === undefined ? [margins] : [curve, margins];
  await inputs.scan({ rows, earlierOnly: all, visitors, onProgress: (pairs) => stage.advance(pairs / pairsOfRow) });
  stage.end();
  const removed =
    curve?.removed.map((number) => number / count) ??
    thresholds.map((threshold) => nearest.earlier.filter((value) => value >= threshold).length / rows.length);
  return { removed, pairs: margins.pairs };
}

/** Reads the texts of the pairs, all at once. */
async function examplePairs(
  inputs: CalibrationInputs,
  thresholds: readonly number[],
  pairs: readonly (readonly NearPair[])[],
): Promise<ExamplePair[]> {
  const positions = pairs.flat().flatMap(({ a, b }) => [a, b]);
  const texts = await inputs.textsAt(positions);
  let at = 0;
  return pairs.flatMap((list, i) =>
    list.map(({ a, b, cosine }): ExamplePair => {
      const pair = [texts[at++], texts[at++]] as const;
      return { threshold: thresholds[i], rows: [inputs.rowOfVector[a], inputs.rowOfVector[b]], texts: pair, cosine };
    }),
  );
}

function describeBackground(cosines: Float64Array): Calibration["background"] {
  if (cosines.length === 0) return null;
  const sorted = cosines.slice().sort();
  const [median, p90, p99, max] = [0.5, 0.9, 0.99, 1].map((share) => quantile(sorted, share));
  return { median, p90, p99, max };
}
