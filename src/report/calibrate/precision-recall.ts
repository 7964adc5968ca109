import { type Interval, wilson } from "../../wilson.js";

/** Labelled pairs of texts: for each its cosine, and whether a person calls the two the same. */
export interface ScoredPairs {
  /** Cosine of each pair, at most 1; -Infinity where the pair is never merged, as by a guard. */
  readonly scores: Float64Array;
  /** 1 for each pair that is the same, else 0. */
  readonly same: Uint8Array;
}

/** What merging all pairs from a threshold on does. Shares are of the labelled pairs, each with its Wilson interval. */
export interface OperatingPoint {
  /** Pairs of at least this cosine are merged. The roundest number that merges the same pairs. */
  readonly threshold: number;
  /** The lowest cosine that is merged. */
  readonly cosine: number;
  /** Pairs that are merged, and those of them that are the same. */
  readonly merged: number;
  readonly correct: number;
  /** Share of the merged pairs that are the same. */
  readonly precision: number;
  readonly precision_interval: Interval;
  /** Share of the same pairs that are merged. */
  readonly recall: number;
  readonly recall_interval: Interval;
  /** Harmonic mean of precision and recall. */
  readonly f1: number;
}

/**
 * The operating point of every threshold that tells pairs apart: one for each distinct cosine, from the highest to the
 * lowest. Pairs of equal cosine are merged together or not at all.
 * @returns an empty list where no pair can be merged; recall is 0 to 1 where no pair is the same
 */
export function operatingPoints({ scores, same }: ScoredPairs): OperatingPoint[] {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a]);
  const positives = same.reduce((sum, one) => sum + one, 0);
  const points: OperatingPoint[] = [];
  let correct = 0;
  for (const [rank, pair] of order.entries()) {
    const score = scores[pair];
    if (score === Number.NEGATIVE_INFINITY) break;
    correct += same[pair];
    const next = rank + 1 < order.length ? scores[order[rank + 1]] : Number.NEGATIVE_INFINITY;
    if (next === score) continue;
    points.push(pointOf({ threshold: roundest(next, score), cosine: score, merged: rank + 1, correct, positives }));
  }
  return points;
}

/** The operating point of these counts. */
function pointOf(counts: {
  threshold: number;
  cosine: number;
  merged: number;
  correct: number;
  positives: number;
}): OperatingPoint {
  const { threshold, cosine, merged, correct, positives } = counts;
  return {
    threshold,
    cosine,
    merged,
    correct,
    precision: correct / merged,
    precision_interval: wilson(correct, merged),
    recall: positives === 0 ? 0 : correct / positives,
    recall_interval: wilson(correct, positives),
    f1: (2 * correct) / (merged + positives),
  };
}

/**
 * The number of fewest decimals that is greater than `below` and at most `top`, so that a threshold for people merges
 * the same pairs as the cosine itself: 0.93 between 0.9288 and 0.9341.
 */
export function roundest(below: number, top: number): number {
  for (let digits = 1; digits <= 15; digits++) {
    const scale = 10 ** digits;
    const rounded = Math.floor(top * scale) / scale;
    if (rounded > below && rounded <= top) return rounded;
  }
  return top;
}

/**
 * Average precision: the precision at each threshold, weighted by the recall that the threshold adds. The sum is not
 * interpolated, as in scikit-learn.
 */
export function averagePrecision(points: readonly OperatingPoint[]): number {
  let sum = 0;
  let before = 0;
  for (const { precision, recall } of points) {
    sum += (recall - before) * precision;
    before = recall;
  }
  return sum;
}

/** The point of the highest F1, of equal ones that with the highest threshold; undefined where nothing is merged right. */
export function bestF1(points: readonly OperatingPoint[]): OperatingPoint | undefined {
  let best: OperatingPoint | undefined;
  for (const point of points) if (point.f1 > (best?.f1 ?? 0)) best = point;
  return best;
}

/** Where a wanted precision is reached. Each is the lowest such threshold, which merges the most. */
export interface WantedPrecision {
  readonly wanted: number;
  /** The measured precision is at least the wanted one. */
  readonly reached?: OperatingPoint;
  /**
   * The ends of the interval of the threshold. Where `possible` begins, the upper bound of the precision is at least
   * the wanted one, so below it the precision is too low with confidence. Where `proven` begins, the lower bound is at
   * least the wanted one. Between them the pairs do not decide. Absent: no threshold is.
   */
  readonly possible?: OperatingPoint;
  readonly proven?: OperatingPoint;
}

/**
 * Finds the thresholds of a wanted precision. The interval inverts the test behind Wilson's interval at each threshold:
 * it holds the thresholds whose precision may be the wanted one, at 95 % for each threshold by itself.
 */
export function thresholdForPrecision(points: readonly OperatingPoint[], wanted: number): WantedPrecision {
  const lowest = (fits: (point: OperatingPoint) => boolean) => points.findLast(fits);
  return {
    wanted,
    reached: lowest(({ precision }) => precision >= wanted),
    possible: lowest(({ precision_interval: { high } }) => high >= wanted),
    proven: lowest(({ precision_interval: { low } }) => low >= wanted),
  };
}
