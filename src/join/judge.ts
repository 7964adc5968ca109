import { cosine } from "../vectors/cosine.js";

/** The outcome for each vector position. Kept vectors have `keptBy` -1. */
export interface JoinResult {
  /** Position of the kept vector on whose account this one is removed, the earliest in priority order; -1 where kept. */
  readonly keptBy: Int32Array;
  /** Float64 cosine with it; 0 where kept. */
  readonly similarity: Float64Array;
  /** For a kept vector the earliest kept one that is as near but that a guard keeps apart; -1 where there is none. */
  readonly guardedFrom: Int32Array;
  /** Pairs measured in float64. */
  readonly measured: number;
}

/** What decides about a pair besides its cosine. */
export interface JudgeOptions {
  readonly count: number;
  readonly dim: number;
  readonly threshold: number;
  /** A guard's signature for each position; pairs whose signatures differ are not merged. */
  readonly signatures?: BigUint64Array;
}

/**
 * Decides candidate pairs by the float64 cosine of the stored vectors and holds the outcome. The columns that a row is
 * judged against must come in priority order; that is all the order that is needed.
 */
export class Judge {
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

  /** True where a position has been removed. */
  isRemoved(position: number): boolean {
    return this.result.keptBy[position] !== -1;
  }

  /** True where measuring the pair can change nothing: one of the two is removed, or a guard that is recorded parts them. */
  isSettled(row: number, column: number): boolean {
    const { keptBy, guardedFrom } = this.result;
    if (keptBy[row] !== -1 || keptBy[column] !== -1) return true;
    // One recorded guard is enough, so a row of a large guarded family is not measured against all of it.
    return guardedFrom[row] !== -1 && this.#isApart(row, column);
  }

  /**
   * Judges positions `row` and the earlier `column`, whose vectors start at `rowStart` and `columnStart` of their buffers.
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

  #isApart(row: number, column: number): boolean {
    const { signatures } = this.#options;
    return signatures !== undefined && signatures[row] !== signatures[column];
  }
}
