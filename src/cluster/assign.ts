import { type Graph, modelProto } from "../onnx/builder.js";
import type { Engine, Tile } from "../onnx/engine.js";

/**
 * Nearest centroid of each row, equal to a plain float64 scan. The tile product ranks the centroids in float32 with a
 * known rounding bound; float64 decides the rows whose best candidates lie within that bound.
 */

/** Unit roundoff of float32. */
const UNIT_ROUNDOFF = 2 ** -24;

/** Vectors may be off unit length by this much in their squared norm; the bound below allows for it. */
export const NORM_SLACK = 1e-3;

/** Candidates that the graph returns for each row: with four, a full float64 scan of a row is very rare. */
const CANDIDATES = 4;

/** Products have a multiple of this many rows: few shapes, so that the engine's memory pool does not grow. */
const ROW_STEP = 64;

/** Assigns tiles of rows to centroids. */
export interface Assigner {
  /** Sets the centroids (k × dim float32, not copied: leave them alone until the next call). */
  use(centroids: Float32Array): void;
  /**
   * Finds the nearest centroid, of equally near ones the lowest, of each of the first `count` vectors of `rows`, tileRows × dim. The answer
   * holds until the next call, with undefined content after `count`.
   */
  nearest(rows: Float32Array, count: number): Promise<Int32Array>;
  /** Frees the engine's memory. */
  release(): Promise<void>;
}

/**
 * Compiles the product. Memory: one tile of scores. The engine must multiply in true float32 (no TF32): the rounding bound relies
 * on it.
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

/** x·c − |c|²/2 ranks centroids as −|x − c|² does, in one product with a bias; the graph returns the highest scores. */
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
 * Fills bias with −|c|²/2 and returns the largest error of a float32 score of a unit vector: for any order of summation it is at most
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

/** Picks the centroid of each row of `cluster` from its candidates, in float64 wherever rounding could have changed their order. */
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
  // The low words of int64 numbers: centroid numbers are far below 2^31.
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
