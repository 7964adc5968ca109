import { seededRandom } from "../../random.js";
import type { VectorReader } from "../../vectors/reader.js";
import { furtherCentres } from "../seed/plus-plus.js";
import { drawSample } from "../seed/start.js";

/** Most rows among which new clusters start, or k where that is more. They bound memory: 48 MB for 1,024 components. */
const SAMPLE = 4096;

/** Rows tried for each new cluster. Few clusters are new as a rule, so that a careful choice costs little. */
const TRIALS = 16;

/**
 * Starting centroids of k clusters that continue former ones. Former clusters without rows today leave, and where still
 * more than k are left, those with the fewest rows; the others start where they are. New clusters start at rows that are
 * far from all of these: k-means++ goes on from the former centroids over a sample.
 *
 * Memory: 4,096 vectors where new clusters are needed, or k where that is more.
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
  const points = Array.from(sample, (_, s) => Array.from(rows.subarray(s * dim, (s + 1) * dim)));
  const nearest = new Float64Array(sample.length);
  for (let s = 0, row = 0; s < sample.length; s++) {
    while (positions[row] !== sample[s]) row++;
    nearest[s] = squared[row];
  }
  const centres = await furtherCentres({ points, nearest, centres: k - from, trials: TRIALS, random, pause });
  for (const [slot, centre] of centres.entries()) start.set(centre, (from + slot) * dim);
}
