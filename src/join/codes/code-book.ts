import type { Basis } from "./basis.js";

/**
 * Integer codes whose product bounds a cosine from above, with certainty.
 *
 * Let V be the basis (dim × p, VᵀV = I + D with |D| <= η), u = Vᵀx exactly, û as the engine computed it, and x, y stored
 * vectors of length at most N = 1 + 1e-5.
 *
 * 1. **Projection.** With the part of x outside the span, x⊥, and X = |x⊥|:
 *    x·y = uᵀ(VᵀV)⁻¹v + x⊥·y⊥ <= u·v + η/(1−η)·|u||v| + XY, and |u| <= N√(1+η), X² <= N² − |u|²/(1+η).
 * 2. **Engine.** |û−u| <= ε with ε = γ_dim·N·√(p(1+η)) (see `float32DotError`; a component is off by at most
 *    γ_dim·|V_i||x|), so u·v <= û·v̂ + 2εN√(1+η) + ε², and |u| >= |û| − ε makes X computable.
 * 3. **Centre.** For any c and w = û − c: û·v̂ = w_u·w_v + (c·w_u + |c|²/2) + (c·w_v + |c|²/2). Likewise with X = r + d:
 *    XY = d_x·d_y + (rX − r²/2) + (rY − r²/2). So d is one more component of w, and what depends on one row only is a
 *    number a that is added: a = c·w + |c|²/2 + rX − r²/2.
 * 4. **Integers.** With w = s·q + e, q whole in [−L, L] (clipped if need be, then e is larger):
 *    w_u·w_v = s²·q_u·q_v + e_u·(s q_v) + w_u·e_v <= s²·q_u·q_v + |e_u||s q_v| + |w_u||e_v|.
 * 5. **Columns.** With a usual length ℓ, |w_u||e_v| <= ℓ|e_v| + max(0, |w_u| − ℓ)·|e_v|: the first part belongs to the
 *    column alone. a_v + ℓ|e_v| is rounded *up* to a₀ + s²L·(b_1 + .. + b_K) with digits b in [−L, L], and L stands against
 *    each digit on the row's side. So one integer product I = q_u·q_v + L·Σb holds everything but what depends on the row
 *    alone or is a maximum over a group of columns:
 *    x·y <= s²·I + a_u + a₀ + |e_u|·max|s q_v| + max(0, |w_u| − ℓ)·max|e_v| + over + E,
 *    where `over` is what did not fit the digits and E the constants of 1 and 2. A column that is coded badly thus loosens
 *    its own bound and not that of its group.
 *
 * So each row has one integer threshold for each group of columns, and what is below it *cannot* reach the cosine.
 */
export interface CodeBook {
  readonly basis: Basis;
  readonly dim: number;
  /** Components of a code: coordinates, the rest's length, zeros, digits. A multiple of 64. */
  readonly depth: number;
  /** L: `exactLevels` of the depth, or 63 where the processor's products of bytes saturate. */
  readonly levels: number;
  /** s. */
  readonly scale: number;
  /** c, then r. */
  readonly centre: Float64Array;
  /** a₀. */
  readonly base: number;
  /** ℓ: all but a few |w| are shorter. */
  readonly usualLength: number;
  /** E, with room for the rounding of the float64 arithmetic here. */
  readonly slack: number;
}

/** K: digits that hold the additive part of a column. */
export const DIGITS = 7;
/** Components of a code that are no coordinates. */
export const EXTRA_COMPONENTS = DIGITS + 1;
/** Zero point of the row side, which is unsigned. */
export const ZERO_POINT = 128;
/** N: stored vectors are no longer than this. */
const MAX_LENGTH = 1 + 1e-5;
/** Covers float64 sums of up to 2^20 terms here and in the deciding cosine. */
const FLOAT64_SLACK = 1e-9;
/** Rounding of a float32 dot product relative to the lengths of its vectors: γ_n of Higham, section 3.1. */
function gamma(n: number): number {
  const nu = n * 2 ** -24;
  return nu / (1 - nu) + n * 2 ** -120;
}

/** ε of step 2. */
export function projectionError({ size, defect }: Basis, dim: number): number {
  return gamma(dim) * MAX_LENGTH * Math.sqrt(size * (1 + defect));
}

/** Upper bound of X of step 1 from the squared length of û. */
export function residualLength(squared: number, epsilon: number, defect: number): number {
  const inside = Math.max(0, Math.sqrt(squared) - epsilon);
  return Math.sqrt(Math.max(0, MAX_LENGTH * MAX_LENGTH - (inside * inside) / (1 + defect)));
}

/**
 * Chooses centre, scale and digits for vectors like a sample, given its coordinates (n × size). Any choice is valid; the
 * bound is tight for vectors that resemble the sample.
 */
export function fitCodeBook(options: {
  basis: Basis;
  dim: number;
  depth: number;
  levels: number;
  coordinates: Float32Array;
}): CodeBook {
  const { basis, dim, depth, levels, coordinates } = options;
  const { size, defect } = basis;
  const count = size === 0 ? 0 : coordinates.length / size;
  const epsilon = projectionError(basis, dim);
  // Centre: the mean of (û, X).
  const centre = new Float64Array(size + 1);
  const residual = new Float64Array(count);
  const lengths = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let squared = 0;
    for (let i = 0; i < size; i++) {
      const value = coordinates[row * size + i];
      centre[i] += value / count;
      squared += value * value;
    }
    residual[row] = residualLength(squared, epsilon, defect);
    centre[size] += residual[row] / count;
  }
  let half = 0;
  for (let i = 0; i < size; i++) half += (centre[i] * centre[i]) / 2;
  let largest = 2 ** -20;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < count; row++) {
    let additive = half + centre[size] * residual[row] - centre[size] ** 2 / 2;
    let squared = (residual[row] - centre[size]) ** 2;
    largest = Math.max(largest, Math.abs(residual[row] - centre[size]));
    for (let i = 0; i < size; i++) {
      const w = coordinates[row * size + i] - centre[i];
      additive += centre[i] * w;
      squared += w * w;
      if (w > largest) largest = w;
      else if (-w > largest) largest = -w;
    }
    lengths[row] = Math.sqrt(squared);
    low = Math.min(low, additive);
    high = Math.max(high, additive);
  }
  lengths.sort();
  const usualLength = count === 0 ? 0 : lengths[Math.floor(0.99 * (count - 1))];
  const base = count === 0 ? 0 : (low + high) / 2;
  // Clipping a few components costs less than a coarse scale for all: take the scale with the least total error.
  let scale = largest / levels;
  let least = Number.POSITIVE_INFINITY;
  const tried = Math.min(count, 256);
  for (const share of [1, 0.8, 0.64, 0.51, 0.41, 0.33]) {
    const candidate = (share * largest) / levels;
    let total = 0;
    for (let at = 0; at < tried * size; at++) {
      const w = coordinates[at] - centre[at % size];
      const e = w - candidate * Math.max(-levels, Math.min(levels, Math.round(w / candidate)));
      total += e * e;
    }
    if (total < least) {
      least = total;
      scale = candidate;
    }
  }
  const spread = count === 0 ? 0 : ((high - low) / 2) * 1.25;
  scale = Math.max(scale, Math.sqrt(spread / DIGITS) / levels);
  const grown = Math.sqrt(1 + defect);
  const slack =
    FLOAT64_SLACK +
    (defect / (1 - defect)) * (MAX_LENGTH * grown) ** 2 +
    2 * epsilon * MAX_LENGTH * grown +
    epsilon * epsilon;
  return { basis, dim, depth, levels, scale, centre, base, usualLength, slack };
}
