import { cosine } from "../vectors/cosine.js";

/** The outcome of a join, one entry a vector. Kept vectors have `keptBy` -1. */
export interface JoinResult {
  /** The kept vector on whose account this vector is removed, the earliest in priority order; -1 where kept. */
  readonly keptBy: Int32Array;
  /** Float64 cosine with that vector; 0 where kept. */
  readonly similarity: Float64Array;
  /** For a kept vector, the earliest kept vector that is near enough but has another guard signature; -1 where none. */
  readonly guardedFrom: Int32Array;
  /** Pairs that were measured in float64. */
  readonly measured: number;
}

/** What the judge knows of the vectors. */
export interface JudgeOptions {
  /** Vectors in the store, and components of each. */
  readonly count: number;
  readonly dim: number;
  /** Cosine from which two vectors are near-duplicates. */
  readonly threshold: number;
  /** Signature of the guards for each vector; a pair with different signatures is not merged. No guard if absent. */
  readonly signatures?: BigUint64Array;
}

/**
 * Decides candidate pairs by the float64 cosine of the stored vectors and holds the outcome, 16 bytes a vector. The
 * candidates of one row must come with their columns in priority order; beyond that their order does not matter.
 */
export class Judge {
  /** The outcome so far. The judge owns and changes it. */
  readonly result: JoinResult & { measured: number };
  readonly #options: JudgeOptions;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.result = {
      keptBy: new Int32Array(options.count).fill(-1),
      similarity: new Float64Array(options.count),
      guardedFrom: new Int32Array(options.count).fill(-1),
      measured: 0,
    };
  }

  /** True where the vector has been removed. */
  isRemoved(position: number): boolean {
    return this.result.keptBy[position] !== -1;
  }

  /**
   * True where measuring the pair can change nothing: one vector is removed, or a recorded guard already covers the
   * pair.
   */
  isSettled(row: number, column: number): boolean {
    const { keptBy, guardedFrom } = this.result;
    if (keptBy[row] !== -1 || keptBy[column] !== -1) return true;
    // One guarded neighbour is recorded, so a row of a large guarded family is not measured against the whole family.
    return guardedFrom[row] !== -1 && this.#isApart(row, column);
  }

  /**
   * Judges vector `row` against the earlier vector `column` and records the outcome. Removes the row where their cosine
   * reaches the threshold and no guard keeps them apart. Their components start at `rowStart` and `columnStart` of the
   * buffers.
   */
  judge(
    row: number,
    column: number,
    rowValues: Float32Array,
    rowStart: number,
    columnValues: Float32Array,
    columnStart: number,
  ): void {
    if (this.isSettled(row, column)) return;
    const { dim, threshold } = this.#options;
    const { keptBy, similarity, guardedFrom } = this.result;
    this.result.measured++;
    const score = cosine(rowValues, rowStart, columnValues, columnStart, dim);
    if (score < threshold) return;
    if (this.#isApart(row, column)) {
      guardedFrom[row] = column;
      return;
    }
    keptBy[row] = column;
    similarity[row] = score;
    guardedFrom[row] = -1;
  }

  /** True where a guard keeps the two vectors apart. */
  #isApart(row: number, column: number): boolean {
    const { signatures } = this.#options;
    return signatures !== undefined && signatures[row] !== signatures[column];
  }
}
