/**
 * The measure that decides: the float64 dot product of two stored float32 unit vectors, summed in order of the
 * components. Products of two float32 are exact in float64, so the only rounding is that of the sum.
 */
export function cosine(a: Float32Array, aStart: number, b: Float32Array, bStart: number, dim: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += a[aStart + i] * b[bStart + i];
  return sum;
}

/** Unit roundoff of float32. */
const FLOAT32_UNIT = 2 ** -24;

/**
 * How far a float32 dot product can be from the exact one, for vectors of at most unit length (to within 1e-5):
 * |fl(x·y) - x·y| <= γ_d Σ|x_i y_i| <= γ_d |x||y| with γ_d = d·u / (1 - d·u), in whatever order and with or without
 * fused multiply-add; the last term covers sums that underflow.
 * @see Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1
 */
export function float32DotError(dim: number): number {
  const du = dim * FLOAT32_UNIT;
  return (du / (1 - du)) * (1 + 1e-5) ** 2 + dim * 2 ** -126;
}
