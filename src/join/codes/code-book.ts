import type { Basis } from "./basis.js";

/**
 * Integer codes whose product bounds a cosine from above, with certainty.
 *
 * Notation: V is the basis (dim × p, VᵀV = I + D with |D| <= η), x and y are stored vectors of length at most
 * N = 1 + 1e-5, u = Vᵀx and v = Vᵀy are their exact coordinates, û and v̂ the coordinates as the engine computed them.
 *
 * 1. **Projection.** Let x⊥ be the part of x outside the span of V, and X = |x⊥| its length, the residual; Y likewise.
 *    x·y = uᵀ(VᵀV)⁻¹v + x⊥·y⊥ <= u·v + η/(1−η)·|u||v| + XY, where |u| <= N√(1+η) and X² <= N² − |u|²/(1+η).
 * 2. **Engine.** |û−u| <= ε with ε = γ_dim·N·√(p(1+η)), since a coordinate is off by at most γ_dim·|V_i||x| (see
 *    `float32DotError`). So u·v <= û·v̂ + 2εN√(1+η) + ε², and |u| >= |û| − ε gives an upper bound of X.
 * 3. **Centre.** For any centre c and w = û − c: û·v̂ = w_u·w_v + (c·w_u + |c|²/2) + (c·w_v + |c|²/2). For any r and
 *    X = r + d likewise: XY = d_x·d_y + (rX − r²/2) + (rY − r²/2). So d becomes one more component of w, and the terms
 *    that depend on one vector alone become its additive number a = c·w + |c|²/2 + rX − r²/2.
 * 4. **Integers.** Let w = s·q + e with q whole in [−L, L]. A component beyond s·L is clipped, which only enlarges e:
 *    w_u·w_v = s²·q_u·q_v + e_u·(s q_v) + w_u·e_v <= s²·q_u·q_v + |e_u||s q_v| + |w_u||e_v|.
 * 5. **Columns.** With a usual length ℓ, |w_u||e_v| <= ℓ|e_v| + max(0, |w_u| − ℓ)·|e_v|, whose first part depends on
 *    the column alone. The column's sum a_v + ℓ|e_v| is rounded *up* to a₀ + s²L·(b_1 + .. + b_K) with digits b in
 *    [−L, L]. The digits are further components of the column's code; the row's code has L in their places. So one
 *    integer product I = q_u·q_v + L·Σb holds everything but numbers of the row and maxima over a group of columns:
 *    x·y <= s²·I + a_u + a₀ + |e_u|·max|s q_v| + max(0, |w_u| − ℓ)·max|e_v| + over + E,
 *    where `over` is the largest part of a column's sum that its digits cannot hold, and E are the constants of steps
 *    1 and 2. A column with a large error thus loosens its own bound and not that of its group.
 *
 * So each row has one integer threshold for a group of columns, and a pair below it *cannot* reach the cosine.
 *
 * An example of E: dim = 1,024, p = 248 and η = 0 give γ_dim = 6.1e-5, ε = 9.6e-4 and E = 2ε = 1.9e-3.
 */
export interface CodeBook {
  /** V. */
  readonly basis: Basis;
  /** Components of a vector. */
  readonly dim: number;
  /** Components of a code: p coordinates, the residual, zeros up to the depth, K digits. */
  readonly depth: number;
  /** K: digits of a column's additive number. */
  readonly digits: number;
  /** L: `exactLevels(depth)`, or 63 where the processor's byte products saturate. */
  readonly levels: number;
  /** s: the cosine that one unit of both codes stands for is s². */
  readonly scale: number;
  /** c, then r: p + 1 numbers. */
  readonly centre: Float64Array;
  /** a₀: middle of the additive numbers of the sample. */
  readonly base: number;
  /** ℓ: 99 % of the sample's |w| are at most as long. */
  readonly usualLength: number;
  /** E, with room for the rounding of the float64 arithmetic in this file and in row-codes.ts. */
  readonly slack: number;
}

/** Largest K. Vectors of real models need 2 to 4 digits, isotropic ones 4 to 6. */
const MOST_DIGITS = 7;
/** Most components of a code beside the coordinates: the residual and the digits. */
export const MOST_EXTRA = MOST_DIGITS + 1;
/** Depths are multiples of this: as many bytes as a processor loads at once. */
export const DEPTH_STEP = 8;
/** Zero point of row codes, which are unsigned: byte = q + 128. */
export const ZERO_POINT = 128;
/** N: no stored vector is longer. */
const MAX_LENGTH = 1 + 1e-5;
/** Rows of a sample that scales are tried on. */
const TRIED_ROWS = 256;
/** Covers float64 sums of up to 2^20 terms, here and in the cosine that decides. */
const FLOAT64_SLACK = 1e-9;
/** γ_n: rounding of a float32 dot product of n terms, relative to the lengths. @see Higham, section 3.1 */
function gamma(n: number): number {
  const nu = n * 2 ** -24;
  return nu / (1 - nu) + n * 2 ** -120;
}

/** ε of step 2, the largest distance between computed and exact coordinates. */
export function projectionError({ size, defect }: Basis, dim: number): number {
  return gamma(dim) * MAX_LENGTH * Math.sqrt(size * (1 + defect));
}

/** Upper bound of the residual X of step 1. @param squared squared length of the computed coordinates û */
export function residualLength(squared: number, epsilon: number, defect: number): number {
  const inside = Math.max(0, Math.sqrt(squared) - epsilon);
  return Math.sqrt(Math.max(0, MAX_LENGTH * MAX_LENGTH - (inside * inside) / (1 + defect)));
}

/**
 * Fits centre, scale and usual length to a sample. Every choice gives a valid bound; the bound is tight for vectors
 * that resemble the sample.
 * @param options.coordinates n × size, row-major, as the engine computed them; n may be 0
 * @param options.depthStep the depth becomes a multiple of this
 */
export function fitCodeBook(options: {
  basis: Basis;
  dim: number;
  depthStep?: number;
  levels: number;
  coordinates: Float32Array;
}): CodeBook {
  const { basis, dim, depthStep = DEPTH_STEP, levels, coordinates } = options;
  const { size, defect } = basis;
  const count = size === 0 ? 0 : coordinates.length / size;
  const epsilon = projectionError(basis, dim);
  // The centre is the mean of (û, X).
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
  // Clipping a few components costs less than a coarse scale for all of them: take the scale with the least total
  // error.
  let scale = largest / levels;
  let least = Number.POSITIVE_INFINITY;
  const tried = Math.min(count, TRIED_ROWS) * size;
  const centred = new Float64Array(tried);
  for (let at = 0; at < tried; at++) centred[at] = coordinates[at] - centre[at % size];
  for (const share of [1, 0.8, 0.64, 0.51, 0.41, 0.33]) {
    const candidate = (share * largest) / levels;
    let total = 0;
    for (let at = 0; at < tried; at++) {
      const code = Math.floor(centred[at] / candidate + 0.5);
      const error = centred[at] - candidate * (code > levels ? levels : code < -levels ? -levels : code);
      total += error * error;
    }
    if (total < least) {
      least = total;
      scale = candidate;
    }
  }
  const spread = count === 0 ? 0 : ((high - low) / 2) * 1.25;
  // A scale so fine that the most digits do not hold the additive numbers would leave too much to `over`.
  scale = Math.max(scale, Math.sqrt(spread / MOST_DIGITS) / levels);
  const digits = Math.max(1, Math.min(MOST_DIGITS, Math.ceil(spread / (scale * levels) ** 2)));
  const depth = Math.ceil((size + 1 + digits) / depthStep) * depthStep;
  const grown = Math.sqrt(1 + defect);
  const slack =
    FLOAT64_SLACK +
    (defect / (1 - defect)) * (MAX_LENGTH * grown) ** 2 +
    2 * epsilon * MAX_LENGTH * grown +
    epsilon * epsilon;
  return { basis, dim, depth, digits, levels, scale, centre, base, usualLength, slack };
}
