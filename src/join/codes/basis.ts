import type { Engine, Tile } from "../../onnx/engine.js";
import { type BasisKernels, compileBasisKernels, tile } from "./basis-kernels.js";

/** An almost orthonormal set of directions that holds most of the energy of a sample. */
export interface Basis {
  /** dim × size, row-major: `x · directions` are the coordinates of a row x. */
  readonly directions: Float32Array;
  /** Number of directions, p; fewer than asked for where the sample has no energy in more. */
  readonly size: number;
  /** η: at least the spectral norm of directionsᵀ · directions − I, for the float32 values as they are stored. */
  readonly defect: number;
}

/** Orthonormal directions, those with most energy first: of any number, the first ones are nearly the best choice. */
export interface Directions {
  /** dim × size, row-major. */
  readonly values: Float64Array;
  /** Number of directions; fewer than asked for where the sample has no energy in more. */
  readonly size: number;
}

/**
 * Power steps from a random start. After three, the first 120 of 256 directions of real vectors let through 1.2 times as
 * many pairs as the principal components; a fourth step and components exact within the span gain 4 dimensions in 120.
 */
const POWER_STEPS = 3;

/** A direction is dropped where less than this share of its squared length is independent of the others. */
const DEPENDENT = 1e-13;

/** Learns directions from one sample and makes bases of them. The caller releases the kernels. */
export interface BasisLearner {
  /**
   * Learns up to `size` directions with most of the sample's energy. The caller owns the result.
   * @param known directions learnt before, which come first
   */
  learn(size: number, known?: Directions): Promise<Directions>;
  /** A basis of the span of the first `size` directions. The caller owns the result. */
  basisOf(directions: Directions, size: number): Promise<Basis>;
  /** Frees the kernels. */
  release(): Promise<void>;
}

/**
 * Learns directions from a sample by block power iteration with random start. Each step makes the columns orthonormal
 * from the first to the last, so that the first p columns are themselves such an iteration with p columns: one run
 * serves bases of every size, and directions learnt before are taken as they are.
 *
 * Products run on the engine; factors of size × size are decomposed in this thread. The matrix of second moments is
 * never formed: for the few directions that mostly suffice, forming it would cost more than the two products with the
 * sample in each step. A basis need be neither exactly orthonormal nor optimal, since the bound accounts for `defect`.
 *
 * Random numbers come from a fixed seed. Memory: a few matrices of dim × size float64.
 * @param sample n × dim, row-major; stays the caller's and must not change before `release`
 * @see Halko, Martinsson, Tropp, Finding structure with randomness, 2011, section 4.5
 */
export async function createBasisLearner(engine: Engine, sample: Float32Array, dim: number): Promise<BasisLearner> {
  const kernels = await compileBasisKernels(engine);
  const x = tile("float32", [sample.length / dim, dim], sample);
  return {
    learn: (size, known) => learnDirections(kernels, x, dim, size, known),
    basisOf: (directions, size) => spreadBasis(kernels, directions, dim, size),
    async release() {
      await Promise.all(Object.values(kernels).map((kernel) => kernel.release()));
    },
  };
}

/** Y = xᵀ(x·b) less its part in the span of known directions, orthonormalised, a few times. */
async function learnDirections(
  kernels: BasisKernels,
  x: Tile,
  dim: number,
  most: number,
  known: Directions = { values: new Float64Array(0), size: 0 },
): Promise<Directions> {
  let size = Math.min(most, dim) - known.size;
  let values = randomValues(dim * size, randomSource(1 + known.size));
  for (let step = 0; step < POWER_STEPS && size > 0; step++) {
    const { y } = await kernels.step.run({ x, b: tile("float32", [dim, size], Float32Array.from(values)) });
    const outside = known.size === 0 ? y : await outsideOf(kernels, known, dim, y);
    const made = await orthonormalise(kernels, outside.data as Float64Array, dim, size);
    values = made.values;
    size = made.columns;
  }
  return known.size === 0 ? { values, size } : sideBySide(known, { values, size }, dim);
}

/** y − v·(vᵀ·y) for the known directions v. */
async function outsideOf(kernels: BasisKernels, { values, size }: Directions, dim: number, y: Tile): Promise<Tile> {
  return (await kernels.outside.run({ v: tile("float64", [dim, size], values), y })).rest;
}

/** The directions of both, one row of each after the other. */
function sideBySide(first: Directions, second: Directions, dim: number): Directions {
  const size = first.size + second.size;
  const values = new Float64Array(dim * size);
  for (let i = 0; i < dim; i++) {
    values.set(first.values.subarray(i * first.size, (i + 1) * first.size), i * size);
    values.set(second.values.subarray(i * second.size, (i + 1) * second.size), i * size + first.size);
  }
  return { values, size };
}

/**
 * Turns the first directions within their span, so that all coordinates have nearly the same variance and one integer
 * scale fits them: directions with random signs times the orthonormal matrix of the discrete cosine transform, whose
 * entries are all about equally large.
 */
async function spreadBasis(kernels: BasisKernels, directions: Directions, dim: number, most: number): Promise<Basis> {
  const size = Math.min(most, directions.size);
  if (size === 0) return { directions: new Float32Array(0), size, defect: 0 };
  const random = randomSource(2);
  const turn = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const factor = Math.sqrt((i === 0 ? 1 : 2) / size) * (random() < 0 ? -1 : 1);
    for (let j = 0; j < size; j++) turn[i * size + j] = factor * Math.cos((Math.PI * i * (2 * j + 1)) / (2 * size));
  }
  const { y } = await kernels.times.run({
    a: tile("float64", [dim, size], firstColumns(directions, dim, size)),
    b: tile("float64", [size, size], turn),
  });
  const spread = Float32Array.from(y.data as Float64Array);
  return { directions: spread, size, defect: await measureDefect(kernels, spread, dim, size) };
}

/** The first `size` of the directions, dim × size. */
export function firstColumns({ values, size: all }: Directions, dim: number, size: number): Float64Array {
  const first = new Float64Array(dim * size);
  for (let i = 0; i < dim; i++) first.set(values.subarray(i * all, i * all + size), i * size);
  return first;
}

/** Frobenius norm of VᵀV − I, an upper bound of the spectral norm. */
async function measureDefect(
  kernels: BasisKernels,
  directions: Float32Array,
  dim: number,
  size: number,
): Promise<number> {
  if (size === 0) return 0;
  const { y } = await kernels.gram.run({ a: tile("float64", [dim, size], Float64Array.from(directions)) });
  const gram = y.data as Float64Array;
  let sum = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) sum += (gram[i * size + j] - (i === j ? 1 : 0)) ** 2;
  }
  // Each entry of the float64 product is off by less than dim · 2^-53.
  return Math.sqrt(sum) + size * dim * 2 ** -52;
}

/**
 * Replaces columns by orthonormal columns of the same span: Y·R⁻¹ with the Cholesky factor R of YᵀY. Dependent columns
 * are dropped, so fewer may come back.
 */
async function orthonormalise(kernels: BasisKernels, y: Float64Array, rows: number, columns: number) {
  if (columns === 0) return { values: y, columns };
  const input = tile("float64", [rows, columns], y);
  const { y: gram } = await kernels.gram.run({ a: input });
  const { inverse, rank } = inverseFactor(gram.data as Float64Array, columns);
  if (rank === 0) return { values: new Float64Array(0), columns: 0 };
  const { y: values } = await kernels.times.run({ a: input, b: tile("float64", [columns, rank], inverse) });
  return { values: values.data as Float64Array, columns: rank };
}

/**
 * Cholesky factor R (RᵀR = gram) and, for the pivots that are not small, the columns of R⁻¹, n × rank row-major. The
 * lower factor is computed row by row, so that both inner loops run along memory.
 */
function inverseFactor(gram: Float64Array, n: number): { inverse: Float64Array; rank: number } {
  const lower = new Float64Array(n * n);
  const inverseRows = new Float64Array(n * n);
  const independent: number[] = [];
  for (let i = 0; i < n; i++) {
    // Coefficients of column i in the orthonormal columns so far; coefficients of dropped columns stay 0.
    // What is left of the squared length of column i after its projections are subtracted.
    let residual = gram[i * n + i];
    for (const j of independent) {
      let sum = gram[i * n + j];
      for (let k = 0; k < j; k++) sum -= lower[i * n + k] * lower[j * n + k];
      const value = sum / lower[j * n + j];
      lower[i * n + j] = value;
      residual -= value * value;
    }
    if (!(residual > DEPENDENT * gram[i * n + i])) {
      lower.fill(0, i * n, (i + 1) * n);
      continue;
    }
    const pivot = Math.sqrt(residual);
    lower[i * n + i] = pivot;
    // Column i of R⁻¹, stored as a row: (unit_i − Σ_j lower_ij · column_j) / pivot.
    const at = i * n;
    inverseRows[at + i] = 1;
    for (const j of independent) {
      const factor = lower[at + j];
      for (let k = 0; k <= j; k++) inverseRows[at + k] -= factor * inverseRows[j * n + k];
    }
    for (let k = 0; k <= i; k++) inverseRows[at + k] /= pivot;
    independent.push(i);
  }
  const rank = independent.length;
  const inverse = new Float64Array(n * rank);
  for (let c = 0; c < rank; c++)
    for (let k = 0; k < n; k++) inverse[k * rank + c] = inverseRows[independent[c] * n + k];
  return { inverse, rank };
}

function randomValues(length: number, random: () => number): Float64Array {
  const values = new Float64Array(length);
  for (let i = 0; i < length; i++) values[i] = random();
  return values;
}

/** Numbers in [-1, 1) by xorshift32, the same sequence for the same seed. */
function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
}
