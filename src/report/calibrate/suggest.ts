/** What is known at each threshold of a grid, ascending. */
export interface ThresholdEvidence {
  readonly thresholds: readonly number[];
  /** Share of the distinct texts that are removed at each threshold. */
  readonly removed: readonly number[];
  /** Share of the planted damages found at each threshold, those that the exact stage finds left out. */
  readonly recall: readonly number[];
  /** Number of distinct texts. */
  readonly texts: number;
}

/** What follows from the evidence. */
export interface Estimate {
  /** Index of the suggested threshold. */
  readonly best: number;
  /** Estimated share of the distinct texts that are near-duplicates of an earlier one. */
  readonly duplicates: number;
  /** Estimated share of the distinct texts that are removed wrongly at each threshold. */
  readonly falseMerges: readonly number[];
  /** Estimated F1 of the removals at each threshold. */
  readonly f1: readonly number[];
}

/** Recall from which a threshold says something about the number of near-duplicates. */
const LEAST_RECALL = 0.3;
/** Share of near-duplicates that is assumed where the input shows fewer. */
const LEAST_DUPLICATES = 0.002;
/** Thresholds whose estimated F1 is within this distance of the best count as equal; the strictest of them is taken. */
const EQUAL_F1 = 0.005;

/**
 * Suggests the threshold of the highest estimated F1.
 *
 * If the share D of the texts are near-duplicates that suffer damages like the planted ones, a threshold of recall R
 * removes at least D · R. So every threshold bounds D by removed / R, and the lowest of these bounds is the estimate:
 * there, all that is removed is explained by damages. What any threshold removes beyond D · R counts as merged wrongly,
 * and F1 = 2 · D · R / (removed + D).
 */
export function estimate({ thresholds, removed, recall, texts }: ThresholdEvidence): Estimate {
  const bounds = removed.flatMap((share, i) => (recall[i] >= LEAST_RECALL ? [(share + 1 / texts) / recall[i]] : []));
  const duplicates = Math.max(LEAST_DUPLICATES, Math.min(...bounds, 1));
  const f1 = thresholds.map(
    (_, i) => (2 * duplicates * recall[i]) / (Math.max(removed[i], duplicates * recall[i]) + duplicates),
  );
  const most = Math.max(...f1);
  return {
    best: f1.findLastIndex((value) => value >= most - EQUAL_F1),
    duplicates,
    falseMerges: removed.map((share, i) => Math.max(0, share - duplicates * recall[i])),
    f1,
  };
}

/** Standard deviations above the middle of the background that one text in a thousand exceeds by chance. */
const RARE = 3.1;

/**
 * Suggests a threshold from the nearest neighbours alone: the cosine that the nearest neighbour of one text in a
 * thousand would exceed if no text had a near-duplicate. The lower half of the neighbours, which near-duplicates do not
 * reach, gives the spread of a normal distribution.
 * @param nearest cosine of each text of the sample with its nearest other text
 * @returns index of the lowest such threshold
 */
export function suggestFromBackground(thresholds: readonly number[], nearest: readonly number[]): number {
  const sorted = [...nearest].sort((a, b) => a - b);
  const middle = quantile(sorted, 0.5);
  const spread = middle - quantile(sorted, 0.159);
  const at = thresholds.findIndex((threshold) => threshold >= middle + RARE * spread);
  return at < 0 ? thresholds.length - 1 : at;
}

/** Quantile of ascending numbers, the lower one of two between which it lies. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))];
}

/** Steps between thresholds, from which the finest is taken that leaves at most 31 of them. */
const STEPS = [0.0025, 0.005, 0.01, 0.02, 0.04];
/** Most thresholds of a grid. */
const MOST = 31;
/** Highest threshold of a grid. */
const HIGHEST = 0.9975;

/**
 * Chooses thresholds where the data lie: from the cosine that nearly all planted damages reach, or that nearly all
 * nearest neighbours reach where that is higher, to almost 1.
 * @param found cosines of planted damages that are to be found; empty where nothing was planted
 * @param nearest cosines of nearest neighbours
 * @returns ascending multiples of a step
 */
export function thresholdGrid(found: readonly number[], nearest: readonly number[]): number[] {
  const damages = [...found].sort((a, b) => a - b);
  const neighbours = [...nearest].sort((a, b) => a - b);
  const low = Math.max(
    damages.length > 0 ? quantile(damages, 0.03) : 0,
    neighbours.length > 0 ? quantile(neighbours, 0.15) : 0,
    0.3,
  );
  const step = STEPS.find((width) => (HIGHEST - low) / width < MOST - 1) ?? STEPS[STEPS.length - 1];
  const first = Math.min(Math.floor(low / step + 1e-9), Math.floor(HIGHEST / step + 1e-9));
  const last = Math.floor(HIGHEST / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toFixed(4)));
}
