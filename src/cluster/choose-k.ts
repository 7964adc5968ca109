import { createBreaks } from "../breaks.js";
import type { Engine } from "../onnx/engine.js";
import { seededRandom } from "../random.js";
import type { VectorReader } from "../vectors/reader.js";
import { countDistinct } from "./distinct.js";
import { kmeans } from "./kmeans.js";
import { drawSample } from "./seed/start.js";

/** Most vectors that the search looks at. */
const SAMPLE = 8192;

/** Vectors of the sample whose inner products measure the effective dimension. */
const MEASURED = 1024;

/** Most clusters that the search may choose: 16 vectors of the sample for each. */
const MOST = 512;

/** Iterations of Lloyd's algorithm for a candidate. */
const ITERATIONS = 10;

/** The search goes up until this many candidates in a row are worse than the best one, but at least to `AT_LEAST`. */
const WORSE = 2;
const AT_LEAST = 8;

/** The chosen number of clusters is the least with this share of the best candidate's gain. */
const SHARE = 0.95;

/** Two candidates are near enough to each other if the larger is less than this times the smaller. */
const REFINED = 1.1;

/** A number of clusters that was tried. */
export interface Candidate {
  readonly k: number;
  /** Sum of the squared distances of the sample to its centroids. */
  readonly inertia: number;
  /** Improvement of the criterion over a single cluster, in nats a vector. */
  readonly gain: number;
}

/** A number of clusters, and why it was chosen. */
export interface ChosenK {
  readonly k: number;
  /** One sentence for a person. */
  readonly why: string;
  /** Number of vectors that were looked at. */
  readonly sample: number;
  /** Number of directions in which these vectors vary as much as they do in all. */
  readonly effective_dimension: number;
  /** What was tried, k ascending; empty where there is nothing to choose. */
  readonly candidates: readonly Candidate[];
}

/** What `chooseK` looks at. */
export interface ChooseOptions {
  readonly vectors: VectorReader;
  /** Store positions of the vectors to cluster, ascending. */
  readonly positions: Uint32Array;
  readonly seed: number;
  readonly spherical?: boolean;
  readonly engine: Engine;
  /** Bytes for centroids, vectors and tiles. The result does not depend on it. */
  readonly memory: number;
  /** Called after each candidate with the number of candidates tried. */
  readonly onCandidate?: (tried: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Chooses a number of clusters for vectors of unknown structure. k-means runs over a sample of up to 8,192 vectors for
 * k = 1, 2, 3, 4, 6, 8, 11, 16 and so on, each √2 times the one before, up to 512 or half the distinct vectors. Each run
 * is judged by the Bayesian information criterion of a mixture of spherical Gaussians of one variance, as in D. Pelleg
 * and A. Moore, X-means, ICML 2000:
 *
 *     criterion = n·p/2 · log(inertia / (n − k)) + n · entropy of the cluster sizes + k·(p + 1)/2 · log n
 *
 * With p = dim, as there, text gets far too many clusters, because neural vectors vary in a few directions only. p is
 * the effective dimension of the sample instead (see `effectiveDimension`). The criterion is flat around its minimum, so
 * the choice is the least k that has 95 % of the best candidate's gain over a single cluster; between the two
 * candidates on either side of it the search goes on by halves. test/bench/cluster-k.ts compares other criteria.
 *
 * Distinct vectors count once: copies are no evidence of a further cluster. The result depends on the vectors, the seed
 * and `spherical` alone. Time: that of some 15 short runs over the sample, whatever the number of vectors.
 */
export async function chooseK(options: ChooseOptions): Promise<ChosenK> {
  const { vectors, positions, seed, onCandidate, signal } = options;
  const sample = drawSample(positions, undefined, SAMPLE, seededRandom(seed));
  const distinct = await countDistinct(vectors, sample, 2 * MOST, MEASURED);
  const most = Math.min(MOST, Math.floor(distinct / 2));
  if (most < 2) {
    const why = distinct === 1 ? "all texts are the same to the model" : `${distinct} texts are too few to divide`;
    return { k: 1, why, sample: sample.length, effective_dimension: 0, candidates: [] };
  }
  const dimension = await effectiveDimension(vectors, sample, createBreaks(signal));
  const tried: Candidate[] = [];
  const gainOf = (k: number) => tried.find((candidate) => candidate.k === k)?.gain ?? Number.NEGATIVE_INFINITY;
  let alone = 0;

  async function tryK(k: number): Promise<void> {
    const { inertia, sizes } = await kmeans({
      ...options,
      positions: sample,
      k,
      iterations: ITERATIONS,
      starts: 1,
      onProgress: undefined,
    });
    const criterion = informationCriterion({ inertia, sizes, dimension });
    if (k === 1) alone = criterion;
    tried.push({ k, inertia, gain: (alone - criterion) / sample.length });
    tried.sort((a, b) => a.k - b.k);
    onCandidate?.(tried.length);
  }

  const grid = gridTo(most);
  for (const [i, k] of grid.entries()) {
    await tryK(k);
    const best = bestOf(tried).k;
    if (k >= AT_LEAST && grid.indexOf(best) + WORSE <= i) break;
  }
  const best = bestOf(tried);
  const enough = (k: number) => gainOf(k) >= SHARE * best.gain;
  let high = tried.find(({ k }) => enough(k))?.k ?? 1;
  let low = tried.findLast(({ k }) => k < high)?.k ?? high;
  while (high > REFINED * low && high > low + 1) {
    const middle = Math.round(Math.sqrt(low * high));
    await tryK(middle);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return {
    k: high,
    why: reason({ k: high, best, gain: gainOf(high), sample: sample.length }),
    sample: sample.length,
    effective_dimension: dimension,
    candidates: tried,
  };
}

/** 1, 2, 3, 4, 6, 8, 11, 16 and so on, up to `most`. */
function gridTo(most: number): number[] {
  const grid: number[] = [];
  for (let half = 0, k = 1; k <= most; half++, k = Math.round(2 ** (half / 2))) if (k !== grid.at(-1)) grid.push(k);
  return grid;
}

/** The candidate of the largest gain, the least k among equals. */
function bestOf(tried: readonly Candidate[]): Candidate {
  return tried.reduce((best, candidate) => (candidate.gain > best.gain ? candidate : best));
}

function reason({ k, best, gain, sample }: { k: number; best: Candidate; gain: number; sample: number }): string {
  const of = `${sample} vectors`;
  if (k === 1) return `no number of clusters describes ${of} better than a single one`;
  if (k === best.k) return `no other number of clusters describes ${of} as well for its size`;
  const share = Math.floor((100 * gain) / best.gain);
  return `the least with 95 % of the gain of the best, ${best.k} (it has ${share} %; ${of})`;
}

/** The criterion of `chooseK`; less is better. */
function informationCriterion(run: {
  readonly inertia: number;
  readonly sizes: Uint32Array;
  readonly dimension: number;
}): number {
  const { inertia, sizes, dimension } = run;
  const k = sizes.length;
  const n = sizes.reduce((sum, size) => sum + size, 0);
  let entropy = 0;
  for (const size of sizes) entropy -= size * Math.log(size / n);
  const variance = Math.max(inertia / (n - k), Number.MIN_VALUE);
  return ((n * dimension) / 2) * Math.log(variance) + entropy + ((k * (dimension + 1)) / 2) * Math.log(n);
}

/**
 * The participation ratio of the covariance C of vectors: (trace C)² / trace C², which is p where the vectors vary
 * equally in p directions and not at all in others. Estimated from up to 1,024 vectors of the sample: with x and y two
 * of them, less their mean, trace C is the mean of x·x and trace C² the mean of (x·y)².
 */
async function effectiveDimension(
  vectors: VectorReader,
  sample: Uint32Array,
  pause: () => Promise<void>,
): Promise<number> {
  const { dim } = vectors;
  const count = Math.min(MEASURED, sample.length);
  const chosen = Uint32Array.from({ length: count }, (_, i) => sample[Math.floor((i * sample.length) / count)]);
  const rows = new Float32Array(count * dim);
  await vectors.gather(chosen, rows);
  for (let c = 0; c < dim; c++) {
    let sum = 0;
    for (let at = c; at < rows.length; at += dim) sum += rows[at];
    for (let at = c; at < rows.length; at += dim) rows[at] -= sum / count;
  }
  let squares = 0;
  let products = 0;
  for (let i = 0; i < count; i++) {
    squares += product(rows, i * dim, i * dim, dim);
    for (let j = 0; j < i; j++) products += product(rows, i * dim, j * dim, dim) ** 2;
    await pause();
  }
  const trace = squares / count;
  const ofSquares = products / ((count * (count - 1)) / 2);
  return ofSquares > 0 ? Math.min(dim, Math.max(1, trace ** 2 / ofSquares)) : 1;
}

/** Inner product of two rows, in float64. */
function product(rows: Float32Array, a: number, b: number, dim: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += rows[a + i] * rows[b + i];
  return sum;
}
