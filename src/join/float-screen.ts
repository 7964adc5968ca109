import { dropDotsBelow, type VectorPairs } from "../kernels/dots-below.js";
import type { Engine } from "../onnx/engine.js";
import { float32DotError } from "../vectors/cosine.js";
import { createScoreProduct, type ScoreProduct } from "./codes/tile-product.js";
import type { Pairs } from "./pair-list.js";

/** Below this number of pairs the engine is not asked for any product. */
const FEW_PAIRS = 4096;
/**
 * Density from which one product of the engine costs less than the dot products of the pairs one by one: pairs over all
 * combinations of the rows and the columns that occur in them.
 */
const DENSE = 0.1;
/** Columns of one product, which bounds the scores in memory. */
const TILE_COLUMNS = 1024;

/**
 * Second screen, between the integer codes and the float64 measure: float32 scores have a far smaller error bound than
 * codes, and take a tenth of the time of the measure. Where pairs are so dense that the codes hardly separate the data
 * from the threshold, one product of the engine computes the scores. Like the codes the screen only rejects.
 */
export class FloatScreen {
  readonly #engine: Engine;
  readonly #dim: number;
  /** Threshold less the largest error of a score: a lower score proves a cosine below the threshold. */
  readonly #scoreThreshold: number;
  #product: ScoreProduct | undefined;

  constructor(engine: Engine, dim: number, threshold: number) {
    this.#engine = engine;
    this.#dim = dim;
    this.#scoreThreshold = threshold - float32DotError(dim);
  }

  /**
   * Removes from `pairs`, in place and keeping their order, pairs that are certainly below the threshold. Pairs may stay
   * where an earlier pair of the same row has certainly reached the threshold.
   */
  async thin(pairs: Pairs, vectors: VectorPairs): Promise<Pairs> {
    if (pairs.length < FEW_PAIRS) return this.#thinByKernel(pairs, vectors);
    const { rows, rowSlots, columns, columnSlots } = vectors;
    const namedRows = numberDistinct(pairs.rows, pairs.length);
    const namedColumns = numberDistinct(pairs.columns, pairs.length);
    if (pairs.length < DENSE * namedRows.distinct.length * namedColumns.distinct.length)
      return this.#thinByKernel(pairs, vectors);
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

  #thinByKernel({ rows, columns, length }: Pairs, vectors: VectorPairs): Pairs {
    const least = this.#scoreThreshold;
    const enough = least + 2 * float32DotError(this.#dim);
    return { rows, columns, length: dropDotsBelow(vectors, this.#dim, rows, columns, length, least, enough) };
  }

  async release(): Promise<void> {
    await this.#product?.release();
  }

  /** Copies the vectors with these numbers together, numbers.length × dim. */
  #gather(values: Float32Array, slots: Int32Array, numbers: Int32Array): Float32Array {
    const dim = this.#dim;
    const gathered = new Float32Array(numbers.length * dim);
    for (let i = 0; i < numbers.length; i++) {
      gathered.set(values.subarray(slots[numbers[i]] * dim, (slots[numbers[i]] + 1) * dim), i * dim);
    }
    return gathered;
  }
}

/** The distinct values among the first `length`, ascending, and for each value its index among them. */
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
