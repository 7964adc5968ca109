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
