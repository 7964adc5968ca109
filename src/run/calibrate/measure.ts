import type { Random } from "../../random.js";
import { type DamagedText, damageTexts } from "../../report/calibrate/damage.js";
import { classIndex, type LengthSample } from "../../report/calibrate/length-sample.js";
import { MarginPairs, NearestVectors, type NearPair, RemovalCurve } from "../../report/calibrate/pair-visitors.js";
import type { PlantedDamage } from "../../report/calibrate/table.js";
import type { TimedReporter } from "../../reporter.js";
import { normalise } from "../../text/normalise.js";
import { cosine } from "../../vectors/cosine.js";
import type { ExamplePair } from "../calibration.js";
import type { CalibrationInputs } from "./inputs.js";

/** Example pairs of each threshold. */
const PAIRS_EACH = 2;
/** Finds the nearest other text of each text of the sample, among all texts of the input. */
export async function findNearest(
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

/**
 * Damages the texts of the sample and measures how near the damaged texts are to their originals. Of the damaged texts
 * all are held, of their vectors one window at a time.
 */
export async function plantDamages(options: {
  inputs: CalibrationInputs;
  sample: LengthSample;
  texts: readonly string[];
  random: Random;
  reporter: TimedReporter;
}): Promise<PlantedDamage[]> {
  const { inputs, sample, texts, random, reporter } = options;
  const damaged = damageTexts(texts, random);
  const normal = texts.map(normalise);
  const equal = damaged.map(({ text, origin }) => normalise(text) === normal[origin]);
  const sent = damaged.filter((_, i) => !equal[i]);
  const stage = reporter.stage("damages", sent.length);
  const cosines = await cosinesWithOriginals({ inputs, sample, sent, onProgress: (done) => stage.advance(done) });
  stage.end();
  const lengthOf = (origin: number) => sample.classes[classIndex(sample.classes, texts[origin].length)].name;
  let at = 0;
  return damaged.map(({ kind, origin }, i): PlantedDamage => {
    const length = lengthOf(origin);
    return equal[i] ? { kind, length, cosine: 1, equal: true } : { kind, length, cosine: cosines[at++], equal: false };
  });
}

/** The cosine of each damaged text with its original; 0 for one without a direction. */
async function cosinesWithOriginals(options: {
  inputs: CalibrationInputs;
  sample: LengthSample;
  /** In the order of their originals. */
  sent: readonly DamagedText[];
  onProgress: (done: number) => void;
}): Promise<Float64Array> {
  const { inputs, sample, sent, onProgress } = options;
  const { dim } = inputs.vectors;
  const cosines = new Float64Array(sent.length);
  for await (const { first, vectors, directed } of inputs.embedTexts(sent.map(({ text }) => text))) {
    const window = sent.slice(first, first + directed.length);
    const from = window[0].origin;
    const positions = sample.positions.subarray(from, window[window.length - 1].origin + 1);
    const originals = new Float32Array(positions.length * dim);
    await inputs.vectors.gather(positions, originals);
    for (const [i, { origin }] of window.entries()) {
      if (directed[i] === 1) cosines[first + i] = cosine(originals, (origin - from) * dim, vectors, i * dim, dim);
    }
    onProgress(first + window.length);
  }
  return cosines;
}

/**
 * Finds the share of the distinct texts that each threshold removes, and the pairs nearest to each threshold. Where the
 * input is too large to compare all pairs, the rows of the sample meet all texts: a text that has an earlier neighbour
 * may go, so the share is an upper bound.
 */
export async function measureInput(options: {
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
export async function examplePairs(
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
