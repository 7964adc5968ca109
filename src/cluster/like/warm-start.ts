import { seededRandom } from "../../random.js";
import type { VectorReader } from "../../vectors/reader.js";
import { squaredDistance } from "../assign.js";
import { drawSample } from "../seed/start.js";

/** Most rows among which the starts of new clusters are drawn. They bound memory: 4 MB for 1,024 components at 1,000. */
const SAMPLE = 4096;

/**
 * Starting centroids of k clusters that continue former ones. Former clusters without rows today leave, and where still
 * more than k are left, those with the fewest rows; the others start where they are. New clusters start at rows that
 * are far from all of these: each is drawn with a probability proportional to its squared distance (k-means++ goes on
 * from the former centroids).
 *
 * Memory: up to 4,096 vectors where new clusters are needed.
 * @returns k × dim float32, former clusters in their order and then new ones; the caller owns the array
 */
export async function warmStart(options: {
  /** Former centroids, one after another. */
  readonly centroids: Float32Array;
  /** Summed weight of today's rows of each former cluster. */
  readonly sizes: Uint32Array;
  /** Squared distance of each row to the nearest former centroid. */
  readonly squared: Float64Array;
  readonly vectors: VectorReader;
  /** Store position of each row, ascending. */
  readonly positions: Uint32Array;
  /** How many times each row counts; default: once. */
  readonly weights?: Uint32Array;
  /** Number of clusters, at most the number of distinct vectors. */
  readonly k: number;
  readonly seed: number;
  /** Awaited between units of work; may throw to stop. */
  readonly pause: () => Promise<void>;
}): Promise<Float32Array> {
  const { centroids, sizes, vectors, k } = options;
  const { dim } = vectors;
  const stay = Array.from(sizes.keys())
    .filter((cluster) => sizes[cluster] > 0)
    .sort((a, b) => sizes[b] - sizes[a] || a - b)
    .slice(0, k)
    .sort((a, b) => a - b);
  const start = new Float32Array(k * dim);
  for (const [slot, cluster] of stay.entries()) {
    start.set(centroids.subarray(cluster * dim, (cluster + 1) * dim), slot * dim);
  }
  if (stay.length < k) await addStarts(options, start, stay.length);
  return start;
}

/** Fills `start` from cluster `from` on with vectors of rows that are far from all centroids before them. */
async function addStarts(options: Parameters<typeof warmStart>[0], start: Float32Array, from: number): Promise<void> {
  const { vectors, positions, weights, squared, k, seed, pause } = options;
  const { dim } = vectors;
  const random = seededRandom(seed);
  const sample = drawSample(positions, weights, Math.max(SAMPLE, k), random);
  const rows = new Float32Array(sample.length * dim);
  await vectors.gather(sample, rows);
  const nearest = new Float64Array(sample.length);
  for (let s = 0, row = 0; s < sample.length; s++) {
    while (positions[row] !== sample[s]) row++;
    nearest[s] = squared[row];
  }
  for (let slot = from; slot < k; slot++) {
    const chosen = draw(nearest, random());
    const at = chosen * dim;
    start.set(rows.subarray(at, at + dim), slot * dim);
    for (let s = 0; s < sample.length; s++) {
      nearest[s] = Math.min(nearest[s], squaredDistance(rows, s * dim, rows, at, dim));
    }
    await pause();
  }
}

/** An index, drawn with a probability proportional to its weight; the last one where all weights are 0. */
function draw(weights: Float64Array, random: number): number {
  let left = random * weights.reduce((sum, weight) => sum + weight, 0);
  for (let s = 0; s < weights.length; s++) {
    left -= weights[s];
    if (left < 0) return s;
  }
  return weights.length - 1;
}
