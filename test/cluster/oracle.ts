import type { VectorReader } from "../../src/vectors/reader.js";

/** Vectors in an array, as the kernels read them; `reads` counts the vectors that were asked for. */
export function arrayVectors(data: Float32Array, dim: number): VectorReader & { reads: number } {
  return {
    count: data.length / dim,
    dim,
    reads: 0,
    async gather(positions, into) {
      this.reads += positions.length;
      for (let p = 0; p < positions.length; p++) {
        into.set(data.subarray(positions[p] * dim, (positions[p] + 1) * dim), p * dim);
      }
    },
  };
}

/** 0, 1, … n − 1. */
export function everyRow(n: number): Uint32Array {
  return Uint32Array.from({ length: n }, (_, row) => row);
}

/** A seeded generator of standard normal numbers (linear congruential, Box-Muller). */
export function normals(seed: number): () => number {
  let state = BigInt(seed) * 2n + 1n;
  const uniform = (): number => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return (Number(state >> 11n) + 1) / 2 ** 53;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Rows scaled to unit length, in place. */
export function normalise(data: Float32Array, dim: number): Float32Array {
  for (let at = 0; at < data.length; at += dim) {
    const row = data.subarray(at, at + dim);
    const length = Math.hypot(...row);
    for (let i = 0; i < dim; i++) row[i] /= length;
  }
  return data;
}

/** n isotropic unit vectors. */
export function randomVectors(n: number, dim: number, seed: number): Float32Array {
  return normalise(new Float32Array(n * dim).map(normals(seed)), dim);
}

/** Nearest centroid of every row and the sum of squared distances, by plain loops in float64; the lowest among equals. */
export function naiveAssign(data: Float32Array, centroids: Float32Array, dim: number) {
  const assignment = new Int32Array(data.length / dim);
  const squared = new Float64Array(assignment.length);
  for (let row = 0; row < assignment.length; row++) {
    squared[row] = Number.POSITIVE_INFINITY;
    for (let j = 0; j < centroids.length / dim; j++) {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += (data[row * dim + i] - centroids[j * dim + i]) ** 2;
      if (sum < squared[row]) {
        squared[row] = sum;
        assignment[row] = j;
      }
    }
  }
  return { assignment, squared, inertia: squared.reduce((sum, x) => sum + x, 0) };
}

/** Plain Lloyd in float64 with float32 centroids for a number of iterations; fails on an empty cluster. */
export function naiveLloyd(data: Float32Array, start: Float32Array, dim: number, iterations: number) {
  let centroids = start;
  for (let iteration = 0; iteration < iterations; iteration++) {
    const { assignment } = naiveAssign(data, centroids, dim);
    const sums = new Float64Array(centroids.length);
    const sizes = new Float64Array(centroids.length / dim);
    for (let row = 0; row < assignment.length; row++) {
      sizes[assignment[row]]++;
      for (let i = 0; i < dim; i++) sums[assignment[row] * dim + i] += data[row * dim + i];
    }
    if (sizes.includes(0)) throw new Error("the oracle does not refill clusters: choose other data");
    centroids = Float32Array.from(sums, (sum, at) => sum / sizes[Math.floor(at / dim)]);
  }
  return { centroids, ...naiveAssign(data, centroids, dim) };
}
