import type { Graph } from "../../onnx/builder.js";

/** Unit roundoff of float32. */
const UNIT_ROUNDOFF = 2 ** -24;

/** Distances are bounded in whole numbers of 1 / UNITS. */
const UNITS = 2 ** 15;

/** What stands for all distances of 65,535 units and more. */
export const FULL = 65535;

/** Largest difference from 1 that the squared norm of a vector may have; the rounding bound allows for it. */
export const NORM_SLACK = 1e-3;

/**
 * Roundings of a squared distance made from a score: those of the squared norm, of the difference, and of adding the
 * error of the score, each of a number of at most 4.1.
 */
const DISTANCE_ERROR = 2 ** -20;

/**
 * Since |x − c|² = |x|² − 2·(x·c − |c|²/2), the nearest centroid is the one with the largest x·c − |c|²/2: one product
 * with a bias.
 */
export function scoreGraph(dim: number, k: number): Graph {
  return {
    nodes: [
      {
        op: "Gemm",
        inputs: ["rows", "centroids", "bias"],
        outputs: ["scores"],
        attributes: { transB: { int: 1 } },
      },
    ],
    inputs: [
      { name: "rows", dtype: "float32", shape: ["rows", dim] },
      { name: "centroids", dtype: "float32", shape: [k, dim] },
      { name: "bias", dtype: "float32", shape: [k] },
    ],
    outputs: [{ name: "scores", dtype: "float32", shape: ["rows", k] }],
    initializers: [],
  };
}

/** Fills `biases` with −|c|²/2 and returns the largest |c|². */
export function prepareBiases(centroids: Float32Array, biases: Float32Array, dim: number): number {
  let largest = 0;
  for (let j = 0; j < biases.length; j++) {
    let sum = 0;
    for (let i = j * dim; i < (j + 1) * dim; i++) sum += centroids[i] * centroids[i];
    biases[j] = -sum / 2;
    if (sum > largest) largest = sum;
  }
  return largest;
}

/**
 * The largest error that a float32 score of a unit vector can have where no term takes part in more than n roundings:
 * γ(n)·(|x||c| + |c|²/2) with γ(n) = n·u / (1 − n·u) and u = 2^-24. In any order of summation n is dim for the product,
 * plus one rounding each for storing and for adding the bias, plus two to spare. With 1,024 components and |c| = 1 the
 * error is 1028 · 2^-24 · 1.5 = 9.2e-5. The dot products of the kernels add to four sums or
 * more in turn, so n is dim/4 and less than 16.
 * Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1.
 */
function scoreError(n: number, largest: number): number {
  const roundings = n * UNIT_ROUNDOFF;
  return (roundings / (1 - roundings)) * (Math.sqrt((1 + NORM_SLACK) * largest) + largest / 2);
}

/** The largest error of a squared distance that is made from such a score. */
export function distanceError(n: number, largest: number): number {
  return 2 * scoreError(n, largest) + DISTANCE_ERROR;
}

/** How far a centroid has moved, in units, rounded up. */
export function shiftOf(before: Float32Array, after: Float32Array, at: number, dim: number): number {
  let sum = 0;
  for (let i = at; i < at + dim; i++) sum += (after[i] - before[i]) ** 2;
  return Math.min(FULL, Math.ceil(Math.sqrt(sum) * UNITS * (1 + 1e-9)));
}
