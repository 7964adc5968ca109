import { Lowest } from "../../lowest.js";
import { below, type Random } from "../../random.js";
import type { PairVisitor } from "./scan-pairs.js";

/** Two vectors by their positions, the earlier one first, and their float64 cosine. */
export interface NearPair {
  readonly a: number;
  readonly b: number;
  readonly cosine: number;
}

/** A range of cosines: `from` <= cosine < `to`. */
export interface Band {
  readonly from: number;
  readonly to: number;
}

/** Most thresholds of a `RemovalCurve`: one bit of an int32 for each. */
export const MOST_THRESHOLDS = 31;

/**
 * Finds for many thresholds at once how many vectors the self-join would remove, exactly. A vector goes at a threshold
 * if an earlier vector that stays at this threshold has a cosine of at least it. `scanPairs` must compare all vectors
 * with the earlier ones. Holds 12 bytes a vector.
 */
export class RemovalCurve implements PairVisitor {
  readonly floors: Float64Array;
  readonly #thresholds: readonly number[];
  /** Bit i of a vector: it stays at threshold i, as far as is known. */
  readonly #staying: Int32Array;

  /** @param thresholds ascending, at most 31 */
  constructor(count: number, thresholds: readonly number[]) {
    this.#thresholds = thresholds;
    this.floors = new Float64Array(count).fill(thresholds[0]);
    this.#staying = new Int32Array(count).fill(-1);
  }

  visit(row: number, column: number, least: number, most: number, measure: () => number): void {
    const staying = this.#staying;
    const possible = this.#reached(most);
    // A template's thousandth copy has lost all its bits to the first copy and is not measured again.
    if ((staying[row] & staying[column] & possible) === 0) return;
    const reached = this.#reached(least) === possible ? possible : this.#reached(measure());
    staying[row] &= ~(staying[column] & reached);
  }

  /** The thresholds that a cosine reaches, as bits. */
  #reached(cosine: number): number {
    let count = 0;
    while (count < this.#thresholds.length && this.#thresholds[count] <= cosine) count++;
    return 2 ** count - 1;
  }

  /** Number of vectors removed at each threshold. */
  get removed(): number[] {
    return this.#thresholds.map((_, i) => this.#staying.reduce((sum, bits) => sum + (1 - ((bits >> i) & 1)), 0));
  }
}

/** The nearest other vector of each row, exactly, and the nearest among those before it. */
export class NearestVectors implements PairVisitor {
  readonly floors: Float64Array;
  /** Cosine of each row with its nearest vector, -1 where there is no other, and the position of that vector. */
  readonly nearest: Float64Array;
  readonly position: Int32Array;
  /** Cosine of each row with the nearest vector before it, -1 where there is none. */
  readonly earlier: Float64Array;
  readonly #rows: Uint32Array;

  /** @param rows as `scanPairs` gets them */
  constructor(rows: Uint32Array) {
    this.#rows = rows;
    this.floors = new Float64Array(rows.length).fill(-1);
    this.nearest = new Float64Array(rows.length).fill(-1);
    this.earlier = new Float64Array(rows.length).fill(-1);
    this.position = new Int32Array(rows.length).fill(-1);
  }

  visit(row: number, column: number, _least: number, _most: number, measure: () => number): void {
    const cosine = measure();
    const isEarlier = column < this.#rows[row];
    if (isEarlier && cosine > this.earlier[row]) this.earlier[row] = cosine;
    if (cosine > this.nearest[row]) {
      this.nearest[row] = cosine;
      this.position[row] = column;
    }
    // Earlier columns come first, so behind them only the nearest vector of all is looked for.
    this.floors[row] = this.nearest[row];
  }
}

/** Draws pairs of each band, every pair of a band with the same probability, and counts the pairs of the bands. */
export class BandSample implements PairVisitor {
  readonly floors: Float64Array;
  /** Number of pairs in each band. */
  readonly counts: number[];
  /** The pairs drawn from each band. */
  readonly pairs: NearPair[][];
  readonly #rows: Uint32Array;
  readonly #isRow: ReadonlySet<number>;
  readonly #bands: readonly Band[];
  readonly #each: number;
  readonly #random: Random;

  /**
   * @param options.rows as `scanPairs` gets them
   * @param options.each most pairs drawn from a band
   */
  constructor(options: { rows: Uint32Array; bands: readonly Band[]; each: number; random: Random }) {
    const { rows, bands, each, random } = options;
    this.#rows = rows;
    this.#isRow = new Set(rows);
    this.#bands = bands;
    this.#each = each;
    this.#random = random;
    this.floors = new Float64Array(rows.length).fill(Math.min(...bands.map(({ from }) => from)));
    this.counts = bands.map(() => 0);
    this.pairs = bands.map(() => []);
  }

  visit(row: number, column: number, least: number, most: number, measure: () => number): void {
    const position = this.#rows[row];
    // Two rows meet twice, once as row and column and once the other way round.
    if (column > position && this.#isRow.has(column)) return;
    const certain = this.#bandOf(most);
    const band = certain === this.#bandOf(least) ? certain : this.#bandOf(measure());
    if (band < 0) return;
    const drawn = this.pairs[band];
    const seen = this.counts[band]++;
    const slot = drawn.length < this.#each ? drawn.length : below(this.#random, seen + 1);
    if (slot >= this.#each) return;
    drawn[slot] = { a: Math.min(position, column), b: Math.max(position, column), cosine: measure() };
  }

  #bandOf(cosine: number): number {
    return this.#bands.findIndex(({ from, to }) => cosine >= from && cosine < to);
  }
}

/** The pairs nearest to each of several thresholds, on either side. */
export class MarginPairs implements PairVisitor {
  readonly floors: Float64Array;
  readonly #rows: Uint32Array;
  readonly #isRow: ReadonlySet<number>;
  readonly #thresholds: readonly number[];
  readonly #pairs: Lowest<NearPair>[];

  /**
   * @param options.rows as `scanPairs` gets them
   * @param options.thresholds ascending; pairs below the first are passed over
   * @param options.each most pairs of a threshold
   */
  constructor(options: { rows: Uint32Array; thresholds: readonly number[]; each: number }) {
    this.#rows = options.rows;
    this.#isRow = new Set(options.rows);
    this.#thresholds = options.thresholds;
    this.#pairs = options.thresholds.map(() => new Lowest(options.each));
    this.floors = new Float64Array(options.rows.length).fill(options.thresholds[0]);
  }

  visit(row: number, column: number, least: number, most: number, measure: () => number): void {
    const position = this.#rows[row];
    if (column > position && this.#isRow.has(column)) return;
    const at = this.#nearestThreshold((least + most) / 2);
    const threshold = this.#thresholds[at];
    const pairs = this.#pairs[at];
    if (Math.max(least - threshold, threshold - most) >= pairs.bound) return;
    const [a, b] = [Math.min(position, column), Math.max(position, column)];
    // A text that is near to many others, as one of a template, is shown once.
    if (pairs.entries.some((pair) => [pair.a, pair.b].some((known) => known === a || known === b))) return;
    const cosine = measure();
    pairs.add(Math.abs(cosine - threshold), { a, b, cosine });
  }

  /** The pairs of each threshold, the nearest first. */
  get pairs(): readonly (readonly NearPair[])[] {
    return this.#pairs.map(({ entries }) => entries);
  }

  #nearestThreshold(cosine: number): number {
    const thresholds = this.#thresholds;
    let at = 0;
    while (at + 1 < thresholds.length && Math.abs(thresholds[at + 1] - cosine) < Math.abs(thresholds[at] - cosine))
      at++;
    return at;
  }
}
