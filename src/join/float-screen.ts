import type { Engine } from "../onnx/engine.js";
import { float32DotError } from "../vectors/cosine.js";
import { createScoreProduct, type ScoreProduct } from "./codes/tile-product.js";
import type { Pairs } from "./pair-list.js";

/** Vectors of the rows and columns that pairs name: pair (r, c) is rows[rowSlots[r]] with columns[columnSlots[c]]. */
export interface PairVectors {
  readonly rows: Float32Array;
  readonly rowSlots: Int32Array;
  readonly columns: Float32Array;
  readonly columnSlots: Int32Array;
}

/** Fewer pairs are measured at once. */
const FEW_PAIRS = 4096;
/** Share of all pairs between the named rows and columns from which one product costs less than measuring each pair. */
const DENSE = 0.02;
/** Columns of one product. */
const TILE_COLUMNS = 1024;

/**
 * Thins out surviving pairs by float32 scores, whose error is bounded far more tightly than that of integer codes. Pays
 * where the codes cannot part the data from the threshold, and bounds what such data costs by that of the float32 product.
 */
export class FloatScreen {
  readonly #engine: Engine;
  readonly #dim: number;
  readonly #possible: number;
  #product: ScoreProduct | undefined;

  constructor(engine: Engine, dim: number, threshold: number) {
    this.#engine = engine;
    this.#dim = dim;
    this.#possible = threshold - float32DotError(dim);
  }

  /** Drops from `pairs`, in place and keeping the order, those that certainly stay below the threshold, if it pays. */
  async thin(pairs: Pairs, { rows, rowSlots, columns, columnSlots }: PairVectors): Promise<Pairs> {
    if (pairs.length < FEW_PAIRS) return pairs;
    const rowNames = distinct(pairs.rows, pairs.length);
    const columnNames = distinct(pairs.columns, pairs.length);
    if (pairs.length < DENSE * rowNames.names.length * columnNames.names.length) return pairs;
    this.#product ??= await createScoreProduct(this.#engine, this.#dim);
    const rowValues = this.#together(rows, rowSlots, rowNames.names);
    const pass = new Uint8Array(pairs.length);
    for (let first = 0; first < columnNames.names.length; first += TILE_COLUMNS) {
      const part = columnNames.names.subarray(first, first + TILE_COLUMNS);
      const scores = await this.#product.scores(rowValues, this.#together(columns, columnSlots, part));
      for (let i = 0; i < pairs.length; i++) {
        const column = columnNames.index[pairs.columns[i]] - first;
        if (column < 0 || column >= part.length) continue;
        if (scores[rowNames.index[pairs.rows[i]] * part.length + column] >= this.#possible) pass[i] = 1;
      }
    }
    let n = 0;
    for (let i = 0; i < pairs.length; i++) {
      if (pass[i] === 0) continue;
      pairs.rows[n] = pairs.rows[i];
      pairs.columns[n++] = pairs.columns[i];
    }
    return { rows: pairs.rows, columns: pairs.columns, length: n };
  }

  async release(): Promise<void> {
    await this.#product?.release();
  }

  #together(values: Float32Array, slots: Int32Array, names: Int32Array): Float32Array {
    const dim = this.#dim;
    const together = new Float32Array(names.length * dim);
    for (let i = 0; i < names.length; i++) {
      together.set(values.subarray(slots[names[i]] * dim, (slots[names[i]] + 1) * dim), i * dim);
    }
    return together;
  }
}

/** The different values among the first `length`, ascending, and the index of each among them. */
function distinct(values: Int32Array, length: number): { names: Int32Array; index: Int32Array } {
  let largest = 0;
  for (let i = 0; i < length; i++) if (values[i] > largest) largest = values[i];
  const index = new Int32Array(largest + 1);
  for (let i = 0; i < length; i++) index[values[i]] = 1;
  let count = 0;
  for (let value = 0; value <= largest; value++) if (index[value] === 1) index[value] = count++;
  const names = new Int32Array(count);
  for (let i = 0; i < length; i++) names[index[values[i]]] = values[i];
  return { names, index };
}
