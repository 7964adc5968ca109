import { cosine } from "../vectors/cosine.js";

/**
 * The outcome of a join, one entry a vector. A vector is kept where its similarity is 0; `keptBy` alone says so only in a
 * join without references.
 */
export interface JoinResult {
  /**
   * The kept vector on whose account this vector is removed, the earliest in priority order; -1 where it is kept, and
   * where it is removed on account of a reference vector.
   */
  readonly keptBy: Int32Array;
  /** Float64 cosine with the vector on whose account this vector is removed; 0 where it is kept. */
  readonly similarity: Float64Array;
  /**
   * For a kept vector, the earliest kept vector that is near enough but has another guard signature; -1 where there is
   * none, and where the earliest one is a reference vector.
   */
  readonly guardedFrom: Int32Array;
  /**
   * Position in the references' vectors of the reference vector on whose account this vector is removed, the earliest
   * in priority order; -1 where there is none. Absent in a join without references.
   */
  readonly keptByReference?: Int32Array;
  /** As `guardedFrom`, where the earliest such vector is a reference vector; absent in a join without references. */
  readonly guardedFromReference?: Int32Array;
  /** Pairs that were measured in float64. */
  readonly measured: number;
}

/** What the judge knows of the vectors. */
export interface JudgeOptions {
  /** Vectors of the join, and components of each. A column from `count` on is reference vector `column - count`. */
  readonly count: number;
  readonly dim: number;
  /** Cosine from which two vectors are near-duplicates. */
  readonly threshold: number;
  /** Signature of the guards for each vector; a pair with different signatures is not merged. No guard if absent. */
  readonly signatures?: BigUint64Array;
  /** The reference vectors' signatures, where the join has references. */
  readonly references?: { readonly signatures?: BigUint64Array };
}

/**
 * Decides candidate pairs by the float64 cosine of the stored vectors and holds the outcome, 16 bytes a vector and 8
 * more where there are references. The candidates of one row must come with their columns in priority order; beyond that their order does not matter.
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
      ...(options.references && {
        keptByReference: new Int32Array(options.count).fill(-1),
        guardedFromReference: new Int32Array(options.count).fill(-1),
      }),
      measured: 0,
    };
  }

  /** True where the vector of the join has been removed. */
  isRemoved(position: number): boolean {
    // The threshold is above 0, and so is every similarity of a removed vector.
    return this.result.similarity[position] > 0;
  }

  /**
   * True where measuring the pair can change nothing: one vector is removed, or a recorded guard already covers the
   * pair.
   */
  isSettled(row: number, column: number): boolean {
    if (this.isRemoved(row) || (column < this.#options.count && this.isRemoved(column))) return true;
    // One guarded neighbour is recorded, so a row of a large guarded family is not measured against the whole family.
    return this.#isGuarded(row) && this.#isApart(row, column);
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
    const { count, dim, threshold } = this.#options;
    const { keptBy, similarity, guardedFrom, keptByReference, guardedFromReference } = this.result;
    this.result.measured++;
    const score = cosine(rowValues, rowStart, columnValues, columnStart, dim);
    if (score < threshold) return;
    if (this.#isApart(row, column)) {
      if (column < count) guardedFrom[row] = column;
      else if (guardedFromReference !== undefined) guardedFromReference[row] = column - count;
      return;
    }
    if (column < count) keptBy[row] = column;
    else if (keptByReference !== undefined) keptByReference[row] = column - count;
    similarity[row] = score;
    guardedFrom[row] = -1;
    if (guardedFromReference !== undefined) guardedFromReference[row] = -1;
  }

  /** True where a near vector that a guard keeps apart is recorded for the row. */
  #isGuarded(row: number): boolean {
    const { guardedFrom, guardedFromReference } = this.result;
    return guardedFrom[row] !== -1 || (guardedFromReference !== undefined && guardedFromReference[row] !== -1);
  }

  /** True where a guard keeps the two vectors apart. */
  #isApart(row: number, column: number): boolean {
    const { count, signatures, references } = this.#options;
    if (signatures === undefined) return false;
    return signatures[row] !== (column < count ? signatures[column] : references?.signatures?.[column - count]);
  }
}
