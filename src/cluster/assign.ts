import { type Graph, modelProto } from "../onnx/builder.js";
import type { Engine, Tile } from "../onnx/engine.js";

/**
 * Finds the nearest centroid of each row, with the same answer as a plain float64 scan.
 *
 * A matrix product scores all centroids in float32, and the graph returns the best few of each row. Each score differs
 * from the true one by at most `bound` (see `prepareBias`), so two centroids can only be in the wrong order where their
 * scores differ by at most 2·bound. Float64 distances decide these rows; for all others the best score decides:
 *
 *     scores   0.8113  0.7020  0.6951  0.6402      one candidate within 2·bound of the best: done
 *     scores   0.8113  0.8112  0.6951  0.6402      two: float64 compares these two
 *     scores   0.8113  0.8113  0.8112  0.8112      all listed: a fifth may be as near, float64 scans all k
 */

/** Unit roundoff of float32. */
const UNIT_ROUNDOFF = 2 ** -24;

/** Largest difference from 1 that the squared norm of a vector may have; the rounding bound allows for it. */
export const NORM_SLACK = 1e-3;

/** Candidates that the graph returns for each row. With four of them, few rows need a float64 scan of all centroids. */
const CANDIDATES = 4;

/**
 * The number of rows of a product is a multiple of this. The engine keeps memory for each shape that it has seen, so
 * few shapes keep its memory pool small.
 */
const ROW_STEP = 64;

/** Assigns tiles of rows to centroids. Only one call may run at a time. */
export interface Assigner {
  /** Sets the centroids, k × dim float32. The array is not copied: do not write to it before the next call of `use`. */
  use(centroids: Float32Array): void;
  /**
   * Finds the nearest centroid of each of the first `count` vectors of `rows`, tileRows × dim float32. Of equally near
   * centroids the one with the lowest number is taken. The array returned has tileRows entries, of which those from
   * `count` on are undefined; the assigner owns it and overwrites it in the next call.
   */
  nearest(rows: Float32Array, count: number): Promise<Int32Array>;
  /** Frees the engine's memory. */
  release(): Promise<void>;
}

/**
 * Compiles the product for k centroids of `dim` components. Memory: the scores of one tile, tileRows × k float32. The
 * engine must multiply in true float32, since TF32 or float16 products would exceed the rounding bound.
 */
export async function createAssigner(options: {
  readonly engine: Engine;
  readonly dim: number;
  readonly k: number;
  readonly tileRows: number;
}): Promise<Assigner> {
  const { engine, dim, k, tileRows } = options;
  const kernel = await engine.compile(modelProto(scoreGraph(dim, k)));
  const bias = new Float32Array(k);
  const cluster = new Int32Array(tileRows);
  let centroids = new Float32Array(0);
  let bound = 0;
  return {
    use(next) {
      centroids = next as Float32Array<ArrayBuffer>;
      bound = prepareBias(centroids, bias, dim);
    },
    async nearest(rows, count) {
      const computed = Math.min(tileRows, Math.ceil(count / ROW_STEP) * ROW_STEP);
      const { best, candidates } = await kernel.run({
        rows: { dtype: "float32", shape: [computed, dim], data: rows.subarray(0, computed * dim) },
        centroids: { dtype: "float32", shape: [k, dim], data: centroids },
        bias: { dtype: "float32", shape: [k], data: bias },
      });
      decide(rows, best, candidates, centroids, dim, bound, cluster.subarray(0, count));
      return cluster;
    },
    release: () => kernel.release(),
  };
}

/**
 * Since |x − c|² = |x|² − 2·(x·c − |c|²/2), the nearest centroid is the one with the largest x·c − |c|²/2: one product
 * with a bias. The graph returns the highest scores of each row and the centroids that have them, best first.
 */
function scoreGraph(dim: number, k: number): Graph {
  const top = Math.min(k, CANDIDATES);
  return {
    nodes: [
      {
        op: "Gemm",
        inputs: ["rows", "centroids", "bias"],
        outputs: ["scores"],
        attributes: { transB: { int: 1 } },
      },
      { op: "TopK", inputs: ["scores", "top"], outputs: ["best", "candidates"], attributes: { axis: { int: 1 } } },
    ],
    inputs: [
      { name: "rows", dtype: "float32", shape: ["rows", dim] },
      { name: "centroids", dtype: "float32", shape: [k, dim] },
      { name: "bias", dtype: "float32", shape: [k] },
    ],
    outputs: [
      { name: "best", dtype: "float32", shape: ["rows", top] },
      { name: "candidates", dtype: "int64", shape: ["rows", top] },
    ],
    initializers: [{ name: "top", dtype: "int64", shape: [1], data: BigInt64Array.of(BigInt(top)) }],
  };
}

/**
 * Fills `bias` with −|c|²/2 and returns the largest error that a float32 score of a unit vector can have. In any order
 * of summation the error is at most γ(n)·(|x||c| + |c|²/2) with γ(n) = n·u / (1 − n·u) and u = 2^-24. n is dim for the
 * product, plus one rounding each for storing and for adding the bias, plus two to spare. With 1,024 components and
 * |c| = 1 the bound is 1028 · 2^-24 · 1.5 = 9.2e-5, so scores that differ by more than 1.84e-4 are in the true order.
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

/**
 * Writes the nearest centroid of each row to `cluster`; float64 decides wherever rounding could have changed the order.
 */
function decide(
  rows: Float32Array,
  best: Tile,
  candidates: Tile,
  centroids: Float32Array,
  dim: number,
  bound: number,
  cluster: Int32Array,
): void {
  const scores = best.data as Float32Array;
  // Centroid numbers are below 2^31, so the low 32-bit word of each little-endian int64 number holds all of it.
  const int64 = candidates.data as BigInt64Array;
  const ids = new Int32Array(int64.buffer, int64.byteOffset, int64.length * 2);
  const top = best.shape[1];
  const k = centroids.length / dim;
  const ambiguous = 2 * bound;
  for (let r = 0; r < cluster.length; r++) {
    const at = r * top;
    const first = scores[at];
    let near = 1;
    while (near < top && first - scores[at + near] <= ambiguous) near++;
    if (near === 1) cluster[r] = ids[at * 2];
    else if (near < top || top === k) cluster[r] = nearestListed(rows, r * dim, centroids, dim, ids, at, near);
    else cluster[r] = nearestOfAll(rows, r * dim, centroids, dim);
  }
}

/**
 * The nearest of the first `near` candidates of a row by float64 distance, the lowest number among equals. The
 * candidates start at entry `at` of `ids`, of which every second word is a number.
 */
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

/** The nearest of all centroids by a float64 scan, the lowest number among equals. */
function nearestOfAll(rows: Float32Array, rowAt: number, centroids: Float32Array, dim: number): number {
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

/**
 * Squared Euclidean distance in float64, summed in component order. Every assignment is decided by this number.
 * @param rowAt element of `rows` at which the row starts
 * @param centroidAt element of `centroids` at which the centroid starts
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
