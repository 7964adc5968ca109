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
  readonly #scoreThreshold: number;
  #product: ScoreProduct | undefined;

  constructor(engine: Engine, dim: number, threshold: number) {
    this.#engine = engine;
    this.#dim = dim;
    this.#scoreThreshold = threshold - float32DotError(dim);
  }

  /** Drops from `pairs`, in place and keeping the order, those that certainly stay below the threshold, if it pays. */
  async thin(pairs: Pairs, { rows, rowSlots, columns, columnSlots }: PairVectors): Promise<Pairs> {
    if (pairs.length < FEW_PAIRS) return pairs;
    const namedRows = numberDistinct(pairs.rows, pairs.length);
    const namedColumns = numberDistinct(pairs.columns, pairs.length);
    if (pairs.length < DENSE * namedRows.distinct.length * namedColumns.distinct.length) return pairs;
    this.#product ??= await createScoreProduct(this.#engine, this.#dim);
    const rowValues = this.#gather(rows, rowSlots, namedRows.distinct);
    const pass = new Uint8Array(pairs.length);
    for (let first = 0; first < namedColumns.distinct.length; first += TILE_COLUMNS) {
      const part = namedColumns.distinct.subarray(first, first + TILE_COLUMNS);
      const scores = await this.#product.scores(rowValues, this.#gather(columns, columnSlots, part));
      for (let i = 0; i < pairs.length; i++) {
        const column = namedColumns.index[pairs.columns[i]] - first;
        if (column < 0 || column >= part.length) continue;
        if (scores[namedRows.index[pairs.rows[i]] * part.length + column] >= this.#scoreThreshold) pass[i] = 1;
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

  #gather(values: Float32Array, slots: Int32Array, numbers: Int32Array): Float32Array {
    const dim = this.#dim;
    const gathered = new Float32Array(numbers.length * dim);
    for (let i = 0; i < numbers.length; i++) {
      gathered.set(values.subarray(slots[numbers[i]] * dim, (slots[numbers[i]] + 1) * dim), i * dim);
    }
    return gathered;
  }
}

/** The different values among the first `length`, ascending, and the index of each among them. */
function numberDistinct(values: Int32Array, length: number): { distinct: Int32Array; index: Int32Array } {
  let largest = 0;
  for (let i = 0; i < length; i++) if (values[i] > largest) largest = values[i];
  const index = new Int32Array(largest + 1);
  for (let i = 0; i < length; i++) index[values[i]] = 1;
  let count = 0;
  for (let value = 0; value <= largest; value++) if (index[value] === 1) index[value] = count++;
  const distinct = new Int32Array(count);
  for (let i = 0; i < length; i++) distinct[index[values[i]]] = values[i];
  return { distinct, index };
}
