import { InputError } from "../errors.js";
import { seededRandom } from "../random.js";
import { DAMAGES, type DamageKind, MUST_MERGE } from "../report/calibrate/damage.js";
import { sampleByLength } from "../report/calibrate/length-sample.js";
import { quantile, suggestThreshold, thresholdGrid } from "../report/calibrate/suggest.js";
import { mergedShares, type PlantedDamage, type ThresholdRow } from "../report/calibrate/table.js";
import { type TimedReporter, timedReporter } from "../reporter.js";
import type { CalibrationCounts, CalibrationInputsOptions } from "./calibrate/embedded-rows.js";
import { type CalibrationInputs, openCalibration } from "./calibrate/inputs.js";
import { examplePairs, findNearest, measureInput, plantDamages } from "./calibrate/measure.js";
import { nextArguments } from "./calibrate/next-run.js";
import { choose, warningsOf } from "./calibrate/suggested.js";
import type { Calibration } from "./calibration.js";
import type { RunContext } from "./options.js";
import { VERSION } from "./work/manifest.js";

/** Options of `bge-dedup calibrate` without labels. */
export interface CalibrateOptions extends CalibrationInputsOptions {
  /** Texts that are damaged and whose neighbours are looked for. */
  readonly sample: number;
}

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
  const table = tableOf({
    inputs,
    thresholds,
    removed,
    planted,
    falseMerges: planting ? guess.falseMerges : undefined,
  });
  const suggestion = choose({ inputs, table, guess });
  return {
    command: "calibrate",
    version: VERSION,
    model: {
      name: model.name,
      dim: vectors.dim,
      threshold: model.threshold,
      threshold_source: model.thresholdSource,
    },
    counts: {
      ...counts,
      copies: copiesIn(counts),
      undirected: counts.distinct - vectors.count,
      sampled: sample.positions.length,
    },
    lengths: sample.classes,
    damages: countByKind(planted),
    background: describeBackground(background),
    removed_by: inputs.comparesAllPairs ? "all pairs" : "sample",
    thresholds: table,
    pairs: await examplePairs(inputs, thresholds, pairs),
    suggestion,
    next: nextArguments({
      run: inputs.run,
      threshold: suggestion.threshold,
      guards: suggestion.guards.map(({ guard }) => guard),
    }),
    warnings: warningsOf({ inputs, wanted: options.sample, sampled: sample.positions.length }),
    seconds: reporter.seconds,
  };
}

/** Rows that equal an earlier one. */
function copiesIn({ read, rejected, distinct }: CalibrationCounts): number {
  return read - rejected - distinct;
}

/** What each threshold would do. */
function tableOf(from: {
  readonly inputs: CalibrationInputs;
  readonly thresholds: readonly number[];
  /** Share of the distinct texts that each threshold removes. */
  readonly removed: readonly number[];
  readonly planted: readonly PlantedDamage[];
  /** Share of the distinct texts that each removes wrongly; absent where nothing was planted. */
  readonly falseMerges?: readonly number[];
}): ThresholdRow[] {
  const { inputs, thresholds, removed, planted, falseMerges } = from;
  const { counts, vectors } = inputs;
  return thresholds.map((threshold, i) => {
    const gone = copiesIn(counts) + Math.round(removed[i] * vectors.count);
    return {
      threshold,
      removed_rows: gone,
      removed_share: gone / (counts.read - counts.rejected),
      ...mergedShares(planted, threshold),
      false_merges: falseMerges === undefined ? null : Math.round(falseMerges[i] * vectors.count),
    };
  });
}

/** Number of texts with each kind of damage, kinds without any left out. */
function countByKind(planted: readonly PlantedDamage[]): Calibration["damages"] {
  const texts = (wanted: DamageKind) => planted.filter(({ kind }) => kind === wanted).length;
  return Object.fromEntries(DAMAGES.map((kind) => [kind, texts(kind)] as const).filter(([, count]) => count > 0));
}

function describeBackground(cosines: Float64Array): Calibration["background"] {
  if (cosines.length === 0) return null;
  const sorted = cosines.slice().sort();
  const [median, p90, p99, max] = [0.5, 0.9, 0.99, 1].map((share) => quantile(sorted, share));
  return { median, p90, p99, max };
}
