import { MOST_THRESHOLDS } from "./pair-visitors.js";

/** What is known at each threshold of a grid, ascending. */
export interface ThresholdEvidence {
  readonly thresholds: readonly number[];
  /** Share of the distinct texts that are removed at each threshold. */
  readonly removed: readonly number[];
  /**
   * Share of the planted damages found at each threshold, those that the exact stage finds left out; absent where nothing
   * could be planted.
   */
  readonly recall?: readonly number[];
  /** The same of typing errors, insertions and deletions alone, which most models find hardest. */
  readonly hardRecall?: readonly number[];
  /** Cosine of each text of the sample with its nearest other text. */
  readonly nearest: readonly number[];
}

/** What follows from the evidence. */
export interface Suggestion {
  /** Index of the suggested threshold. */
  readonly best: number;
  /** What it rests on: a gap between ordinary neighbours and near-duplicates, the planted damages, or neither. */
  readonly basis: "gap" | "damages" | "background";
  /** Estimated share of the distinct texts that are removed wrongly at each threshold; empty where nothing was planted. */
  readonly falseMerges: readonly number[];
}

/** Share of the hardest damages that a suggested threshold finds at least. */
const LEAST_RECALL = 0.5;
/** Share of the hardest damages that is to be found where there is no gap; the higher the share, the lower the threshold. */
const WANTED_RECALL = 0.95;
/** How much of a text may lie at a gap, which has to be as wide as the background is spread. */
const GAP_TEXTS = 0.25;

/**
 * Suggests a threshold.
 *
 * Ordinary neighbours become rarer with the cosine, near-duplicates pile up above them: a threshold lies best in the gap,
 * where the fewest texts have their nearest neighbour. The gap is looked for on the scale -log(1 - cosine), on which
 * ordinary neighbours are spread evenly whatever the model, up to the threshold that finds half of the hardest damages.
 * Without a gap, it is the highest threshold that finds nearly all of the hardest damages. Without damages, the spread of
 * the background decides.
 */
export function suggestThreshold(evidence: ThresholdEvidence): Suggestion {
  const { thresholds, removed, recall, hardRecall, nearest } = evidence;
  const background = backgroundOf(nearest);
  const last = hardRecall?.findLastIndex((share) => share >= LEAST_RECALL) ?? thresholds.length - 1;
  const gap = gapIn(thresholds.slice(0, Math.max(0, last) + 1), nearest, background);
  const basis = gap >= 0 ? "gap" : recall === undefined ? "background" : "damages";
  const spread = thresholds.findIndex((threshold) => scaled(threshold) >= background.middle + RARE * background.spread);
  const bySpread = spread < 0 ? thresholds.length - 1 : spread;
  const finding = Math.max(0, hardRecall?.findLastIndex((share) => share >= WANTED_RECALL) ?? 0);
  const best = gap >= 0 ? gap : basis === "damages" ? finding : bySpread;
  if (recall === undefined) return { best, basis, falseMerges: [] };
  const duplicates = removed[best] / Math.max(recall[best], LEAST_RECALL);
  return { best, basis, falseMerges: removed.map((share, i) => Math.max(0, share - duplicates * recall[i])) };
}

/** A cosine on the scale on which neighbours are spread evenly. */
function scaled(cosine: number): number {
  return -Math.log(Math.max(1 - cosine, 1e-4));
}

/** The opposite of `scaled`. */
function unscaled(value: number): number {
  return 1 - Math.exp(-value);
}

/** Where ordinary neighbours lie on the scale: the middle and the standard deviation. */
interface Background {
  readonly middle: number;
  readonly spread: number;
}

/** Least spread on the scale, for inputs whose texts are all equally far from each other. */
const LEAST_SPREAD = 0.05;

/** The background by the lower quarter of the neighbours, which near-duplicates do not reach. */
function backgroundOf(nearest: readonly number[]): Background {
  const values = nearest.map(scaled).sort((a, b) => a - b);
  if (values.length === 0) return { middle: 0, spread: LEAST_SPREAD };
  const [low, quarter] = [quantile(values, 0.05), quantile(values, 0.25)];
  // Of a normal distribution, 5 % lie below -1.645 and 25 % below -0.674 standard deviations.
  const spread = Math.max((quarter - low) / (1.645 - 0.674), LEAST_SPREAD);
  return { middle: quarter + 0.674 * spread, spread };
}

/**
 * The lowest of the thresholds around which hardly any text has its nearest neighbour, compared with those above it;
 * -1 where the neighbours become ever rarer up to the last threshold.
 */
function gapIn(thresholds: readonly number[], nearest: readonly number[], { middle, spread }: Background): number {
  const values = nearest.map(scaled);
  const densities = thresholds.map((threshold) => {
    const at = scaled(threshold);
    if (at < middle + spread) return Number.POSITIVE_INFINITY;
    // Texts around the threshold, each counted by a normal curve as wide as the background.
    return values.reduce((sum, value) => sum + Math.exp(-(((value - at) / spread) ** 2) / 2), 0);
  });
  const least = Math.min(...densities);
  const gap = densities.findIndex((density) => density <= least + GAP_TEXTS);
  return Number.isFinite(least) && gap >= 0 && gap < densities.length - 1 ? gap : -1;
}

/** Standard deviations above the middle of the background that one text in a thousand exceeds by chance. */
const RARE = 3.1;

/** Quantile of ascending numbers, the lower one of two between which it lies. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))];
}

/** Steps between thresholds, from which the finest is taken that leaves at most 31 of them. */
const STEPS = [0.0025, 0.005, 0.01, 0.0125, 0.02, 0.025, 0.04];
/** Highest threshold of a grid. */
const HIGHEST = 0.9975;
/** Lowest threshold of a grid. */
const LOWEST = 0.3;

/**
 * Chooses thresholds where the data lie: above most ordinary neighbours, and not far below the planted damages.
 * @param found cosines of planted damages that are to be found; empty where nothing was planted
 * @param nearest cosines of nearest neighbours
 * @returns ascending multiples of a step, at most 31
 */
export function thresholdGrid(found: readonly number[], nearest: readonly number[]): number[] {
  const { middle, spread } = backgroundOf(nearest);
  const damages = [...found].sort((a, b) => a - b);
  const lowest = damages.length > 0 ? quantile(damages, 0.03) : LOWEST;
  const low = Math.min(Math.max(LOWEST, unscaled(middle + spread), lowest - 1.5 * (1 - lowest)), HIGHEST);
  const step = STEPS.find((width) => (HIGHEST - low) / width < MOST_THRESHOLDS - 1) ?? STEPS[STEPS.length - 1];
  const [first, last] = [low, HIGHEST].map((cosine) => Math.floor(cosine / step + 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toFixed(4)));
}
