/** Steps of the power iteration. Twice as many moved no point of a map of real texts by more than a pixel. */
const STEPS = 60;

/** Two directions in which a sample spreads most, and the sample's mean. */
export interface PrincipalPlane {
  readonly mean: Float32Array;
  /** Unit vectors at right angles to each other; the second is zero where the sample spreads in one direction only. */
  readonly axes: readonly [Float32Array, Float32Array];
}

/**
 * Finds the first two principal components of a sample by power iteration with deflation. Deterministic: the start is
 * the vector that is farthest from the mean.
 * @param sample n × dim, row-major, n at least 1; stays the caller's
 */
export function principalPlane(sample: Float32Array, dim: number): PrincipalPlane {
  const count = sample.length / dim;
  const mean = new Float32Array(dim);
  for (let i = 0; i < sample.length; i++) mean[i % dim] += sample[i] / count;
  const centred = Float32Array.from(sample, (value, i) => value - mean[i % dim]);
  const first = leadingAxis(centred, dim);
  for (let start = 0; start < centred.length; start += dim) {
    const along = dot(centred, start, first, dim);
    for (let i = 0; i < dim; i++) centred[start + i] -= along * first[i];
  }
  return { mean, axes: [first, leadingAxis(centred, dim)] };
}

/** Place of a vector in the plane. */
export function placeInPlane(
  { mean, axes }: PrincipalPlane,
  vectors: Float32Array,
  start: number,
): [x: number, y: number] {
  let [x, y] = [0, 0];
  for (let i = 0; i < mean.length; i++) {
    const value = vectors[start + i] - mean[i];
    x += value * axes[0][i];
    y += value * axes[1][i];
  }
  return [x, y];
}

/** The direction of the largest spread; zero where all vectors are. */
function leadingAxis(centred: Float32Array, dim: number): Float32Array {
  let farthest = 0;
  for (let start = 0; start < centred.length; start += dim) {
    if (dot(centred, start, centred.subarray(start), dim) > dot(centred, farthest, centred.subarray(farthest), dim)) {
      farthest = start;
    }
  }
  let axis = normalised(centred.slice(farthest, farthest + dim));
  for (let step = 0; step < STEPS; step++) {
    const next = new Float32Array(dim);
    for (let start = 0; start < centred.length; start += dim) {
      const along = dot(centred, start, axis, dim);
      for (let i = 0; i < dim; i++) next[i] += along * centred[start + i];
    }
    axis = normalised(next);
  }
  return axis;
}

function dot(a: Float32Array, start: number, b: Float32Array, dim: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += a[start + i] * b[i];
  return sum;
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, 0, vector, vector.length));
  return length > 1e-9 ? vector.map((value) => value / length) : new Float32Array(vector.length);
}
