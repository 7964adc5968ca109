/** The bounds between which a share lies with some confidence, each in [0, 1]. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The normal distribution holds 95 % of its mass within so many standard deviations. */
const Z = 1.959963984540054;

/**
 * Wilson's score interval of a share: every share p that observing `hits` of `trials` does not reject,
 * |hits/trials - p| <= z·sqrt(p(1 - p)/trials). Unlike the interval of Wald it stays in [0, 1] and does not collapse where
 * all trials hit: at 95 % confidence, 20 of 20 give 0.839 to 1.
 * @param z standard deviations to each side; by default 1.96, for 95 % confidence
 * @returns 0 to 1 where there are no trials
 * @see Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927), 209-212; Brown, Cai
 * and DasGupta, Interval Estimation for a Binomial Proportion, Statistical Science 16 (2001), 101-133
 */
export function wilson(hits: number, trials: number, z = Z): Interval {
  if (trials === 0) return { low: 0, high: 1 };
  const share = hits / trials;
  const spread = (z * z) / trials;
  const centre = (share + spread / 2) / (1 + spread);
  const half = (z / (1 + spread)) * Math.sqrt((share * (1 - share)) / trials + spread / (4 * trials));
  // At the ends the bound is the end itself, which rounding would miss by a hair.
  return { low: hits === 0 ? 0 : centre - half, high: hits === trials ? 1 : centre + half };
}

/** The fewest trials, all of them hits, whose interval at 95 % confidence lies at or above a share below 1. */
export function hitsToProve(share: number): number {
  return Math.ceil((Z * Z * share) / (1 - share));
}
