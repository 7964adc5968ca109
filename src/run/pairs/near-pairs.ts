import { seededRandom } from "../../random.js";
import type { AskCandidate } from "../../report/calibrate/ask-session.js";
import type { Reporter } from "../../reporter.js";
import type { Guards } from "../../text/guard-choice.js";
import { guardSignature } from "../../text/guards.js";
import { cosine } from "../../vectors/cosine.js";
import type { VectorReader } from "../../vectors/reader.js";
import type { CalibrationInputs } from "../calibrate/inputs.js";
import { drawPositions } from "../calibrate/positions.js";

/** Two texts of an input that resemble each other, and the near pairs for which they stand. */
export interface NearTexts extends AskCandidate {
  readonly first: string;
  readonly second: string;
  /** First rows of the two texts. */
  readonly rows: readonly [number, number];
}

/** Neighbours that a text has on average from the lowest cosine on; where it has more, nobody seeks duplicates. */
const NEIGHBOURS = 50;
/** Bounds of that lowest cosine: a threshold is greater than 0, and near copies need a range of their own. */
const LEAST = 0.01;
const MOST = 0.999;
/** Random vectors whose cosines tell that lowest cosine. */
const SCOUTS = 1500;
/** Bands of equal width above it, and pairs drawn from each. */
const BANDS = 40;
const EACH = 30;
/** Rows that meet all vectors where an input is too large for all pairs, for the progress. */
const SCANNED_ROWS = 2000;

/**
 * Draws near pairs of an input for a person to judge, evenly over the cosines from the one at which a text has 50
 * neighbours on average up to 1. Pairs that a guard keeps apart are left out.
 * @returns an empty list where the input has fewer than two texts with a direction
 */
export async function nearTexts(
  inputs: CalibrationInputs,
  { guards, seed, reporter }: { guards: Guards; seed: number; reporter: Reporter },
): Promise<NearTexts[]> {
  const { count } = inputs.vectors;
  if (count < 2) return [];
  const lowest = await cosineOfNeighbours(inputs.vectors, seed);
  const width = (1 - lowest) / BANDS;
  const bands = Array.from({ length: BANDS }, (_, i) => ({
    from: lowest + i * width,
    // Rounding may carry the cosine of two vectors above 1.
    to: i === BANDS - 1 ? 2 : lowest + (i + 1) * width,
  }));
  const stage = reporter.stage("pairs", inputs.comparesAllPairs ? (count * (count - 1)) / 2 : SCANNED_ROWS * count);
  const drawn = await inputs.pairsInBands({ bands, each: EACH, onProgress: (pairs) => stage.advance(pairs) });
  stage.end();
  const positions = drawn.flatMap(({ pairs }) => pairs.flatMap(({ a, b }) => [a, b]));
  const texts = await inputs.textsAt(positions);
  const textOf = new Map(positions.map((position, i) => [position, texts[i]]));
  return drawn.flatMap(({ count: all, pairs }) =>
    pairs.flatMap(({ a, b, cosine: measured }) => {
      const [first, second] = [textOf.get(a) ?? "", textOf.get(b) ?? ""];
      if (guardSignature(first, guards) !== guardSignature(second, guards)) return [];
      const rows: [number, number] = [inputs.rowOfVector[a], inputs.rowOfVector[b]];
      return [{ first, second, rows, cosine: Math.min(1, measured), weight: all / pairs.length }];
    }),
  );
}

/** The cosine from which on a vector has `NEIGHBOURS` others on average, by the pairs of some random vectors. */
async function cosineOfNeighbours(vectors: VectorReader, seed: number): Promise<number> {
  const { count, dim } = vectors;
  const positions = drawPositions(count, SCOUTS, seededRandom(seed));
  const values = new Float32Array(positions.length * dim);
  await vectors.gather(positions, values);
  const cosines = new Float64Array((positions.length * (positions.length - 1)) / 2);
  let pair = 0;
  for (let a = 1; a < positions.length; a++) {
    for (let b = 0; b < a; b++) cosines[pair++] = cosine(values, a * dim, values, b * dim, dim);
  }
  cosines.sort();
  const share = Math.min(1, NEIGHBOURS / (count - 1));
  const lowest = cosines[Math.floor((1 - share) * (cosines.length - 1))];
  return Math.max(LEAST, Math.min(MOST, lowest));
}
