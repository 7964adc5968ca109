/**
 * The measure that decides: the float64 dot product of two stored float32 unit vectors, summed in the order of the
 * components. A product of two float32 numbers is exact in float64, so only the sum rounds. The vectors start at
 * `aStart` and `bStart` of their buffers.
 */
export function cosine(a: Float32Array, aStart: number, b: Float32Array, bStart: number, dim: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += a[aStart + i] * b[bStart + i];
  return sum;
}

/** Unit roundoff of float32. */
const FLOAT32_UNIT = 2 ** -24;

/**
 * Largest distance of a float32 dot product from the exact one, for vectors of length at most 1 + 1e-5: |fl(x·y) - x·y|
 * <= γ_d Σ|x_i y_i| <= γ_d |x||y| with γ_d = d·u / (1 - d·u). Holds in whatever order the products are summed, with or
 * without fused multiply-add. The last term covers products that underflow. 6.1e-5 for 1,024 components.
 * @see Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1
 */
export function float32DotError(dim: number): number {
  const du = dim * FLOAT32_UNIT;
  return (du / (1 - du)) * (1 + 1e-5) ** 2 + dim * 2 ** -126;
}

/**
 * How far a stored vector's squared length may be from 1: the float32 rounding of its components, with room to spare.
 */
const UNIT_TOLERANCE = 1e-5;

/** First row of n × dim values that is not of unit length; -1 where all are. */
export function firstNotUnit(values: Float32Array, dim: number): number {
  for (let row = 0; row * dim < values.length; row++) {
    let sum = 0;
    for (let c = 0; c < dim; c++) sum += values[row * dim + c] ** 2;
    if (!(Math.abs(sum - 1) < UNIT_TOLERANCE)) return row;
  }
  return -1;
}
