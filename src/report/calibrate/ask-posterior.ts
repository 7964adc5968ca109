/** Pairs of about the same cosine: a stratum of the pairs of an input. */
export interface Stratum {
  /** The middle of its cosines. Strata ascend. */
  readonly cosine: number;
  /** Lowest cosine of the stratum: a threshold there merges it and all strata above. */
  readonly from: number;
  /** Pairs of the input that lie in the stratum. */
  readonly pairs: number;
}

/** A suggested threshold and how certain it is. */
export interface AskEstimate {
  /** The threshold of the highest expected F1. */
  readonly threshold: number;
  /** The best threshold lies here with a probability of 95 %. */
  readonly low: number;
  readonly high: number;
  /** Expected F1 of the threshold over the pairs of the input. */
  readonly f1: number;
  /** F1 that the threshold loses against the best one: expected, and with a probability of 5 % at least. */
  readonly loss: number;
  readonly worst_loss: number;
}

/** Share of pairs that people call the same far below the boundary, and different far above, each with its prior. */
const BELOW = [
  [0, 0.6],
  [0.02, 0.25],
  [0.1, 0.15],
] as const;
const ABOVE = [
  [0, 0.5],
  [0.05, 0.3],
  [0.2, 0.2],
] as const;
/** Widths of the boundary as shares of the range of cosines. */
const WIDTHS = [0.004, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3];
/** Places of the boundary: steps within the range, and beyond its ends as a share of it. */
const PLACES = 72;
const BEYOND = 0.12;

/**
 * What answers tell of the cosine from which on pairs are the same. The share of same pairs is taken to grow with the
 * cosine x as a curve of psychophysics does, p(x) = b + (1 - a - b) / (1 + exp((m - x) / w)): place m, width w, and the
 * shares b and a of answers that no threshold gets right. Every curve of a grid has a probability, which each answer
 * multiplies by the probability of that answer.
 *
 * The next question is the one after which the best threshold is expected to be least uncertain, in bits. Place and
 * width matter only as far as they move it.
 * @see Kontsevich and Tyler, Bayesian adaptive estimation of psychometric slope and threshold, Vision Research 39 (1999),
 * 2729-2737; Prins, The psi-marginal adaptive method, Journal of Vision 13 (2013), 7:3
 */
export class AskPosterior {
  readonly #strata: readonly Stratum[];
  /** Probability of each curve. */
  readonly #weights: Float64Array;
  /** curves × strata: probability that a pair of the stratum is the same. */
  readonly #same: Float64Array;
  /** curves × strata: F1 of the threshold at the lowest cosine of the stratum. */
  readonly #f1: Float64Array;
  /** The stratum at which each curve has its best threshold. */
  readonly #best: Uint16Array;

  /** @param strata ascending, at least one and at most 1,000 */
  constructor(strata: readonly Stratum[]) {
    this.#strata = strata;
    const curves = curvesOver(strata);
    const levels = strata.length;
    this.#weights = Float64Array.from(curves, ({ prior }) => prior);
    this.#same = new Float64Array(curves.length * levels);
    this.#f1 = new Float64Array(curves.length * levels);
    this.#best = new Uint16Array(curves.length);
    for (const [c, { place, width, below, above }] of curves.entries()) {
      const start = c * levels;
      for (const [s, { cosine }] of strata.entries()) {
        const share = 1 / (1 + Math.exp((place - cosine) / width));
        this.#same[start + s] = below + (1 - above - below) * share;
      }
      this.#best[c] = this.#fillF1(start, below);
    }
    this.#normalise();
  }

  /**
   * Computes the F1 of each threshold of a curve from the pairs of the strata, and returns the best stratum. The share
   * of same pairs that lie below every boundary is left out: no threshold finds them, and among a million of distant
   * pairs they would outweigh all others.
   */
  #fillF1(start: number, below: number): number {
    const strata = this.#strata;
    let positives = 0;
    for (let s = 0; s < strata.length; s++) positives += strata[s].pairs * (this.#same[start + s] - below);
    let [merged, correct, best] = [0, 0, strata.length - 1];
    for (let s = strata.length - 1; s >= 0; s--) {
      merged += strata[s].pairs;
      correct += strata[s].pairs * (this.#same[start + s] - below);
      this.#f1[start + s] = (2 * correct) / (merged + positives);
      if (this.#f1[start + s] > this.#f1[start + best]) best = s;
    }
    return best;
  }

  /** Learns the answer to a pair of stratum `at`. */
  learn(at: number, same: boolean): void {
    const levels = this.#strata.length;
    for (let c = 0; c < this.#weights.length; c++) {
      const p = this.#same[c * levels + at];
      this.#weights[c] *= answered(same ? p : 1 - p);
    }
    this.#normalise();
  }

  /**
   * The stratum whose answer leaves the best threshold least uncertain.
   * @param open whether a stratum still has a pair to ask
   * @returns undefined where no stratum is open
   */
  mostTelling(open: readonly boolean[]): number | undefined {
    const levels = this.#strata.length;
    // Probability of the answer "the same" in stratum s together with the best threshold t, at s · levels + t.
    const yes = new Float64Array(levels * levels);
    const places = new Float64Array(levels);
    for (let c = 0; c < this.#weights.length; c++) {
      const weight = this.#weights[c];
      const best = this.#best[c];
      places[best] += weight;
      for (let s = 0; s < levels; s++) yes[s * levels + best] += weight * this.#same[c * levels + s];
    }
    let found: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let s = 0; s < levels; s++) {
      if (!open[s]) continue;
      const same = yes.subarray(s * levels, (s + 1) * levels);
      const uncertain = entropy(same) + entropy(places.map((place, t) => Math.max(0, place - same[t])));
      if (uncertain < least) [least, found] = [uncertain, s];
    }
    return found;
  }

  /** What the answers so far suggest. */
  estimate(): AskEstimate {
    const strata = this.#strata;
    const levels = strata.length;
    const expected = new Float64Array(levels);
    const places = new Float64Array(levels);
    for (let c = 0; c < this.#weights.length; c++) {
      const weight = this.#weights[c];
      places[this.#best[c]] += weight;
      for (let s = 0; s < levels; s++) expected[s] += weight * this.#f1[c * levels + s];
    }
    const best = expected.reduce((top, f1, s) => (f1 > expected[top] ? s : top), levels - 1);
    const losses = Array.from(this.#weights, (weight, c): [loss: number, weight: number] => [
      this.#f1[c * levels + this.#best[c]] - this.#f1[c * levels + best],
      weight,
    ]);
    return {
      threshold: strata[best].from,
      low: strata[quantile(places, 0.025)].from,
      high: strata[quantile(places, 0.975)].from,
      f1: expected[best],
      loss: losses.reduce((sum, [loss, weight]) => sum + loss * weight, 0),
      worst_loss: upperQuantile(losses, 0.05),
    };
  }

  #normalise(): void {
    const sum = this.#weights.reduce((total, weight) => total + weight, 0);
    for (let c = 0; c < this.#weights.length; c++) this.#weights[c] /= sum;
  }
}

/** A curve of the grid. */
interface Curve {
  readonly place: number;
  readonly width: number;
  readonly below: number;
  readonly above: number;
  readonly prior: number;
}

function curvesOver(strata: readonly Stratum[]): Curve[] {
  const lowest = strata[0].from;
  const highest = strata[strata.length - 1].cosine;
  const range = Math.max(highest - lowest, 1e-6);
  const curves: Curve[] = [];
  for (let i = 0; i < PLACES; i++) {
    const place = lowest + range * (-BEYOND + (i / (PLACES - 1)) * (1 + 2 * BEYOND));
    for (const share of WIDTHS) {
      for (const [below, likelyBelow] of BELOW) {
        for (const [above, likelyAbove] of ABOVE) {
          curves.push({ place, width: share * range, below, above, prior: likelyBelow * likelyAbove });
        }
      }
    }
  }
  return curves;
}

/** A person errs now and then, so that no single answer rules a curve out. */
function answered(probability: number): number {
  const slip = 0.02;
  return slip / 2 + (1 - slip) * probability;
}

/** Uncertainty in nats of a distribution that need not sum to 1, times its sum. */
function entropy(weights: Float64Array): number {
  let sum = 0;
  for (const weight of weights) sum += weight;
  let bits = 0;
  for (const weight of weights) if (weight > 0) bits -= weight * Math.log(weight / sum);
  return bits;
}

/** The first place up to which a distribution holds the share. */
function quantile(weights: Float64Array, share: number): number {
  let sum = 0;
  for (const [place, weight] of weights.entries()) {
    sum += weight;
    if (sum >= share) return place;
  }
  return weights.length - 1;
}

/** The value that a weighted sample exceeds with at most the given probability. */
function upperQuantile(sample: [value: number, weight: number][], probability: number): number {
  sample.sort(([a], [b]) => b - a);
  let sum = 0;
  for (const [value, weight] of sample) {
    sum += weight;
    if (sum >= probability) return value;
  }
  return 0;
}
