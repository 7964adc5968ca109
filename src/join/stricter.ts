import type { JoinResult } from "./judge.js";

/** What a higher threshold would have kept. */
export interface Stricter {
  /** Cosine in (0, 1]. */
  readonly threshold: number;
  /** Removed texts whose similarity lies below it. */
  readonly more_kept: number;
}

/** How much higher the thresholds are that a summary looks at. */
const STEPS = [0.01, 0.02];

/**
 * Counts, for thresholds that are a little higher, the vectors that were removed with a lower similarity. About that many
 * more would have been kept. The number is not exact: a vector that stays may replace others at the higher threshold too,
 * and a vector that was removed may have a second, nearer neighbour that the join had no need to measure.
 * @returns one entry for each threshold that does not exceed 1
 */
export function stricterThresholds({ keptBy, similarity }: JoinResult, threshold: number): Stricter[] {
  return STEPS.flatMap((step) => {
    // Decimal fractions, so that 0.85 + 0.01 is printed as 0.86.
    const higher = Number((threshold + step).toFixed(6));
    if (higher > 1) return [];
    let more = 0;
    for (let v = 0; v < keptBy.length; v++) if (keptBy[v] >= 0 && similarity[v] < higher) more++;
    return [{ threshold: higher, more_kept: more }];
  });
}
