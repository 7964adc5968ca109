import type { Random } from "../../random.js";

/**
 * Greedy k-means++. For each next centre 2 + ⌊ln k⌋ points are drawn, each with a probability proportional to its
 * squared distance from the nearest centre so far; the point that leaves the least sum of these distances becomes the
 * centre. Source: D. Arthur, S. Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007, section 5.
 *
 * k must be at most points.length. Returns k of the objects in `points`; an object appears twice only where fewer than
 * k points are distinct. `pause` is awaited after each centre. Time: points × k × (2 + ln k) distances, most of them
 * cut short.
 */
export async function plusPlus(
  points: readonly number[][],
  k: number,
  random: Random,
  pause: () => Promise<void>,
): Promise<number[][]> {
  const n = points.length;
  const first = points[Math.min(n - 1, Math.floor(random() * n))];
  const nearest = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  approach(points, first, nearest, nearest);
  return [
    first,
    ...(await furtherCentres({ points, nearest, centres: k - 1, trials: 2 + Math.floor(Math.log(k)), random, pause })),
  ];
}

/**
 * Goes on where some centres are given already: chooses more of them among the points, as `plusPlus` does.
 * @param options.nearest squared distance of each point to the nearest centre so far; stays as it is
 * @param options.centres number of centres to choose
 * @param options.trials number of points drawn for each centre
 */
export async function furtherCentres(options: {
  readonly points: readonly number[][];
  readonly nearest: Float64Array;
  readonly centres: number;
  readonly trials: number;
  readonly random: Random;
  readonly pause: () => Promise<void>;
}): Promise<number[][]> {
  const { points, trials, random, pause } = options;
  const n = points.length;
  const centres: number[][] = [];
  let nearest = options.nearest.slice();
  let best = new Float64Array(n);
  let tried = new Float64Array(n);
  let sum = nearest.reduce((all, squared) => all + squared, 0);
  while (centres.length < options.centres) {
    let least = Number.POSITIVE_INFINITY;
    let chosen = points[0];
    for (let t = 0; t < trials; t++) {
      const point = points[draw(nearest, random() * sum)];
      const left = approach(points, point, nearest, tried);
      if (left >= least) continue;
      least = left;
      chosen = point;
      [best, tried] = [tried, best];
    }
    centres.push(chosen);
    sum = least;
    [nearest, best] = [best, nearest];
    await pause();
  }
  return centres;
}

/**
 * Writes to `into`, for each point, its squared distance to the nearest centre if `centre` were one more, and returns
 * the sum. `nearest` has the distances to the centres so far, and may be the same array as `into`.
 */
function approach(
  points: readonly number[][],
  centre: readonly number[],
  nearest: Float64Array,
  into: Float64Array,
): number {
  const dim = centre.length;
  let sum = 0;
  for (let p = 0; p < points.length; p++) {
    const point = points[p];
    const bound = nearest[p];
    let squared = 0;
    // For most points the first components already show that `centre` is not nearer.
    for (let from = 0; from < dim && squared < bound; from += 8) {
      const end = Math.min(dim, from + 8);
      for (let i = from; i < end; i++) {
        const difference = point[i] - centre[i];
        squared += difference * difference;
      }
    }
    const now = squared < bound ? squared : bound;
    into[p] = now;
    sum += now;
  }
  return sum;
}

/**
 * The index at which the running sum of `weights` exceeds `at`; if it never does, the last index with a weight above 0.
 */
function draw(weights: Float64Array, at: number): number {
  let sum = 0;
  let last = 0;
  for (let p = 0; p < weights.length; p++) {
    if (weights[p] === 0) continue;
    last = p;
    sum += weights[p];
    if (sum > at) return p;
  }
  return last;
}
