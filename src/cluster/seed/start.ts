import { createBreaks } from "../../breaks.js";
import { type Random, seededRandom } from "../../random.js";
import type { VectorReader } from "../../vectors/reader.js";
import { clusterSample } from "./tree.js";

/**
 * Starting centroids. A sample of bounded size is projected to 32 dimensions and clustered there (see tree.ts). The
 * means of these clusters in full dimension are the start. The cost does not depend on the number of rows, but for
 * drawing the sample.
 */

/** Dimension of the projection in which the sample is clustered. */
const PROJECTED = 32;

/** How many of the projected coordinates each component of a vector adds to. */
const SPREAD = 4;

/** Rows of the sample: SAMPLE, or 16 for each cluster where that is more, up to 50,000; but never fewer than k. */
const SAMPLE = 10_000;
const SAMPLE_PER_CLUSTER = 16;
const SAMPLE_CAP = 50_000;

/** The vectors to sample, and the settings of `startCentroids`. */
export interface StartOptions {
  readonly vectors: VectorReader;
  /** Store positions of the vectors to cluster, ascending. */
  readonly positions: Uint32Array;
  /** How many times each of them counts; default: once. */
  readonly weights?: Uint32Array;
  readonly k: number;
  readonly seed: number;
  /** Rows read at a time. */
  readonly tileRows: number;
  /** Scale the means to unit length; default false. */
  readonly spherical?: boolean;
  /** Awaited between units of work of well below a second, so that other work gets a turn; may throw to stop. */
  readonly pause?: () => Promise<void>;
}

/**
 * Returns k × dim float32 centroids, which the caller owns. Where the sample has fewer than k distinct vectors, the
 * other centroids repeat the first one that has rows. No row is assigned to such a copy; Lloyd's iterations move it
 * elsewhere. Memory: the projected sample (at most 50,000 rows of 32 numbers, or k rows where that is more) and one
 * tile.
 */
export async function startCentroids(options: StartOptions): Promise<Float32Array> {
  const { vectors, positions, k, seed, tileRows, pause = createBreaks(), spherical = false } = options;
  const { dim } = vectors;
  const random = seededRandom(seed);
  const sample = drawSample(positions, options.weights, sampleSize(k), random);
  const projection = dim > PROJECTED ? createProjection(dim, random) : null;
  const points: number[][] = [];
  await eachRow(vectors, sample, tileRows, pause, (rows, at) => {
    points.push(projection ? project(rows, at, dim, projection) : Array.from(rows.subarray(at, at + dim)));
  });
  const clusters = await clusterSample({ points, k, random, pause });

  const sums = new Float64Array(k * dim);
  const sizes = new Uint32Array(k);
  let r = 0;
  await eachRow(vectors, sample, tileRows, pause, (rows, at) => {
    const j = clusters[r++];
    sizes[j]++;
    for (let i = 0; i < dim; i++) sums[j * dim + i] += rows[at + i];
  });
  const centroids = new Float32Array(k * dim);
  const filled = sizes.findIndex((size) => size > 0);
  for (let j = 0; j < k; j++) {
    const from = sizes[j] > 0 ? j : filled;
    const at = from * dim;
    let unit = sizes[from];
    if (spherical) unit = Math.sqrt(sums.subarray(at, at + dim).reduce((sum, value) => sum + value * value, 0)) || 1;
    for (let i = 0; i < dim; i++) centroids[j * dim + i] = sums[at + i] / unit;
  }
  return centroids;
}

/**
 * The store positions of the rows in the sample of `startCentroids`, ascending. Each of them stands for the same
 * weight.
 */
export function startSample(options: Pick<StartOptions, "positions" | "weights" | "k" | "seed">): Uint32Array {
  const { positions, weights, k, seed } = options;
  return drawSample(positions, weights, sampleSize(k), seededRandom(seed));
}

function sampleSize(k: number): number {
  return Math.max(k, Math.min(SAMPLE_CAP, Math.max(SAMPLE, SAMPLE_PER_CLUSTER * k)));
}

/** Visits the vectors at `positions` in order, tile by tile. */
async function eachRow(
  vectors: VectorReader,
  positions: Uint32Array,
  tileRows: number,
  pause: () => Promise<void>,
  visit: (rows: Float32Array, at: number) => void,
): Promise<void> {
  const rows = new Float32Array(tileRows * vectors.dim);
  for (let start = 0; start < positions.length; start += tileRows) {
    const tile = positions.subarray(start, start + tileRows);
    await vectors.gather(tile, rows.subarray(0, tile.length * vectors.dim));
    for (let r = 0; r < tile.length; r++) visit(rows, r * vectors.dim);
    await pause();
  }
}

/**
 * Draws a stratified sample. The rows are cut into `wanted` stretches of equal weight and one row is drawn from each. A
 * heavy row that several stretches draw appears once. Returns all rows where there are at most `wanted`; do not write to
 * the array returned.
 * @param positions store positions, ascending
 * @param weights how many times each of them counts; default: once
 */
export function drawSample(
  positions: Uint32Array,
  weights: Uint32Array | undefined,
  wanted: number,
  random: Random,
): Uint32Array {
  const n = positions.length;
  if (n <= wanted) return positions;
  let total = n;
  if (weights) {
    total = 0;
    for (let r = 0; r < n; r++) total += weights[r];
  }
  const sample = new Uint32Array(wanted);
  let size = 0;
  let last = -1;
  let row = 0;
  let upTo = weights ? weights[0] : 1;
  for (let s = 0; s < wanted; s++) {
    const at = ((s + random()) * total) / wanted;
    while (upTo <= at && row < n - 1) {
      row++;
      upTo += weights ? weights[row] : 1;
    }
    if (row !== last) sample[size++] = positions[row];
    last = row;
  }
  return sample.subarray(0, size);
}

/**
 * A sparse random projection. Component i is added to the projected coordinates buckets[4·i] to buckets[4·i + 3], each
 * time with the sign at the same place in `signs`.
 */
interface Projection {
  readonly buckets: Uint8Array;
  readonly signs: Float64Array;
}

/**
 * Source: P. Li, T. Hastie, K. Church, Very sparse random projections, KDD 2006. The projection is not scaled, since
 * k-means gives the same clusters at any scale.
 */
function createProjection(dim: number, random: Random): Projection {
  const buckets = new Uint8Array(dim * SPREAD);
  const signs = new Float64Array(dim * SPREAD);
  for (let i = 0; i < buckets.length; i++) {
    buckets[i] = Math.floor(random() * PROJECTED);
    signs[i] = random() < 0.5 ? -1 : 1;
  }
  return { buckets, signs };
}

function project(rows: Float32Array, at: number, dim: number, { buckets, signs }: Projection): number[] {
  const point = new Array<number>(PROJECTED).fill(0);
  for (let i = 0, e = 0; i < dim; i++) {
    const value = rows[at + i];
    for (let s = 0; s < SPREAD; s++, e++) point[buckets[e]] += signs[e] * value;
  }
  return point;
}
