import { modelProto } from "../onnx/builder.js";
import type { Engine, Kernel, Tile } from "../onnx/engine.js";
import type { Grouping } from "./grouping.js";
import { scoreGraph } from "./score-graph.js";

/**
 * Nearest centroid of each row, equal to a plain float64 scan. The tile product ranks the centroids in float32 with a
 * known rounding bound; only rows whose best candidates lie within that bound are decided in float64.
 */

/** Unit roundoff of float32. */
const UNIT_ROUNDOFF = 2 ** -24;

/** Vectors may be off unit length by this much in their squared norm; the bounds below allow for it. */
export const NORM_SLACK = 1e-3;

/** Best centroids that the graph returns for each row: with four, a full float64 scan of a row is very rare. */
const TOP = 4;

/**
 * Squared Euclidean distance in float64, summed in component order: the measure by which every assignment is decided.
 * Offsets are in elements.
 */
export function squaredDistance(
  rows: Float32Array,
  rowAt: number,
  centroids: Float32Array,
  centroidAt: number,
  dim: number,
): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) {
    const difference = rows[rowAt + i] - centroids[centroidAt + i];
    sum += difference * difference;
  }
  return sum;
}

/** The answer for one tile; holds until the assigner's next call. */
export interface NearestOfTile {
  /** Nearest centroid of each row; of equally near ones the lowest. */
  readonly cluster: Int32Array;
  /** Lower bound of how much farther every other centroid is, as a distance; 0 where float64 had to decide. */
  readonly gap: Float64Array;
}

/** The answer with all that led to it. */
export interface TileAssignment extends NearestOfTile {
  /** x·c − |c|²/2 of each row and centroid, the caller's; rows × k, with undefined rows after the last one asked for. */
  readonly scores: Float32Array;
  /** Largest score of each row in each group of centroids, the caller's; rows × groups, the scores themselves where groups are of one. */
  readonly groupBest: Float32Array;
}

/** Assigns tiles of rows to fixed centroids. */
export interface Assigner {
  /** Sets the centroids (k × dim float32, not copied: leave them alone until the next call). */
  use(centroids: Float32Array): void;
  /** Most that a score can be off for a unit vector. */
  readonly bound: number;
  /** Assigns the first `count` ≤ tileRows vectors of `rows`, tileRows × dim. */
  assign(rows: Float32Array, count: number): Promise<TileAssignment>;
  /** As `assign`, in less time. */
  nearest(rows: Float32Array, count: number): Promise<NearestOfTile>;
  /** Frees the sessions. */
  release(): Promise<void>;
}

/** Products have a multiple of this many rows: few shapes, so that the engine's memory pool does not grow. */
const ROW_STEP = 64;

/**
 * An assigner, which compiles its products when they are first asked for. Memory: one tile of scores. The engine must multiply in true
 * float32 (no TF32): the rounding bound relies on it.
 */
export function createAssigner(options: {
  readonly engine: Engine;
  readonly dim: number;
  readonly k: number;
  readonly grouping: Grouping;
  readonly tileRows: number;
}): Assigner {
  const { engine, dim, k, grouping, tileRows } = options;
  const top = Math.min(k, TOP);
  const kernels = new Map<Grouping | null, Kernel>();
  const bias = new Float32Array(k);
  const cluster = new Int32Array(tileRows);
  const gap = new Float64Array(tileRows);
  let centroids = new Float32Array(0);
  let bound = 0;

  async function product(rows: Float32Array, count: number, grouping: Grouping | null): Promise<Record<string, Tile>> {
    const kernel = kernels.get(grouping) ?? (await engine.compile(modelProto(scoreGraph(dim, k, top, grouping))));
    kernels.set(grouping, kernel);
    // No product of no rows: the engine would divide by their number.
    const computed = Math.min(tileRows, Math.max(1, Math.ceil(count / ROW_STEP)) * ROW_STEP);
    const found = await kernel.run({
      rows: { dtype: "float32", shape: [computed, dim], data: rows.subarray(0, computed * dim) },
      centroids: { dtype: "float32", shape: [k, dim], data: centroids },
      bias: { dtype: "float32", shape: [k], data: bias },
    });
    decide(rows, found.best, found.candidates, centroids, bound, count, cluster, gap);
    return found;
  }

  return {
    get bound() {
      return bound;
    },
    use(next) {
      centroids = next as Float32Array<ArrayBuffer>;
      bound = prepareBias(centroids, bias, dim);
    },
    async assign(rows, count) {
      const { scores, groupBest } = await product(rows, count, grouping);
      return {
        cluster,
        gap,
        scores: scores.data as Float32Array,
        groupBest: (groupBest ?? scores).data as Float32Array,
      };
    },
    async nearest(rows, count) {
      await product(rows, count, null);
      return { cluster, gap };
    },
    async release() {
      for (const kernel of kernels.values()) await kernel.release();
      kernels.clear();
    },
  };
}

/**
 * Fills bias with −|c|²/2 and returns the largest error of a float32 score: for any order of summation it is at most
 * γ(dim)·|x||c| for the product, and two more roundings for the bias and its addition.
 * Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1.
 */
function prepareBias(centroids: Float32Array, bias: Float32Array, dim: number): number {
  let largest = 0;
  for (let j = 0; j < bias.length; j++) {
    let sum = 0;
    for (let i = j * dim; i < (j + 1) * dim; i++) sum += centroids[i] * centroids[i];
    bias[j] = -sum / 2;
    if (sum > largest) largest = sum;
  }
  const roundings = (dim + 4) * UNIT_ROUNDOFF;
  return (roundings / (1 - roundings)) * (Math.sqrt((1 + NORM_SLACK) * largest) + largest / 2) + Number.MIN_VALUE;
}

/** Picks the centroid of each row from the best scores, in float64 wherever rounding could have changed the order. */
function decide(
  rows: Float32Array,
  best: Tile,
  candidates: Tile,
  centroids: Float32Array,
  bound: number,
  count: number,
  cluster: Int32Array,
  gap: Float64Array,
): void {
  const scores = best.data as Float32Array;
  // int64 read through its low words: centroid numbers are far below 2^31.
  const int64 = candidates.data as BigInt64Array;
  const ids = new Int32Array(int64.buffer, int64.byteOffset, int64.length * 2);
  const top = best.shape[1];
  const dim = rows.length / cluster.length;
  const k = centroids.length / dim;
  const ambiguous = 2 * bound;
  for (let r = 0; r < count; r++) {
    const at = r * top;
    const first = scores[at];
    cluster[r] = ids[at * 2];
    if (top === 1) {
      gap[r] = Number.POSITIVE_INFINITY;
      continue;
    }
    const second = scores[at + 1];
    if (first - second > ambiguous) {
      const norm = 1 + NORM_SLACK;
      const farther = Math.sqrt(norm - 2 * (second - bound)) + Math.sqrt(Math.max(0, norm - 2 * (first - bound)));
      gap[r] = (2 * (first - second - ambiguous)) / farther;
      continue;
    }
    gap[r] = 0;
    let near = 2;
    while (near < top && first - scores[at + near] <= ambiguous) near++;
    const listed = near < top || top === k;
    cluster[r] = listed
      ? nearestListed(rows, r * dim, centroids, dim, ids, at, near)
      : nearest(rows, r * dim, centroids, dim);
  }
}

/** Nearest of `near` listed centroids by float64 distance, the lowest number among equals. */
function nearestListed(
  rows: Float32Array,
  rowAt: number,
  centroids: Float32Array,
  dim: number,
  ids: Int32Array,
  at: number,
  near: number,
): number {
  let winner = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let c = 0; c < near; c++) {
    const id = ids[(at + c) * 2];
    const distance = squaredDistance(rows, rowAt, centroids, id * dim, dim);
    if (distance < least || (distance === least && id < winner)) {
      least = distance;
      winner = id;
    }
  }
  return winner;
}

/** Nearest centroid by a float64 scan of all, the lowest number among equals. */
function nearest(rows: Float32Array, rowAt: number, centroids: Float32Array, dim: number): number {
  let winner = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at < centroids.length; at += dim) {
    const distance = squaredDistance(rows, rowAt, centroids, at, dim);
    if (distance < least) {
      least = distance;
      winner = at / dim;
    }
  }
  return winner;
}
