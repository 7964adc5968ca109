/**
 * Greedy k-means++: each next centre is the best of a few points drawn in proportion to their squared distance from the
 * centres so far. Source: D. Arthur, S. Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007, section 5.
 * Returns k ≤ points.length of the points, the same object twice only where fewer are distinct. `pause` is awaited after each centre.
 */
export async function plusPlus(
  points: readonly number[][],
  k: number,
  random: () => number,
  pause: () => Promise<void>,
): Promise<number[][]> {
  const n = points.length;
  const trials = 2 + Math.floor(Math.log(k));
  const first = points[Math.min(n - 1, Math.floor(random() * n))];
  const centres = [first];
  let nearest = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  let best = new Float64Array(n);
  let tried = new Float64Array(n);
  let sum = approach(points, first, nearest, nearest);
  while (centres.length < k) {
    let least = Number.POSITIVE_INFINITY;
    let chosen = first;
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

/** Writes each point's squared distance to the nearer of the centres so far and `centre` to `into` and returns their sum. */
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
    // Most points are told to be farther by a part of their components.
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

/** Index at which the running sum of `weights` exceeds `at`; the last one that has weight where it never does. */
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
