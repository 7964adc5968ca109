import { modelProto } from "../onnx/builder.js";
import type { Engine, Tile } from "../onnx/engine.js";
import { NORM_SLACK } from "./assign.js";
import { ZERO_POINT } from "./codes.js";
import { centroidOf, columnOf, type Grouping } from "./grouping.js";
import { type Mixing, mixVector } from "./mixing.js";
import { productGraph } from "./product-graph.js";
import type { RowMemory } from "./row-memory.js";

/** One move of all centroids, as the graph wants it, and the product that carries it to a tile of rows. */
export interface Step {
  /** At least |Δ̂_j| of each mixed move in this step, divided by the mixing's factor as all of these are. */
  readonly moved: Float64Array;
  /** At least the length of what is rounded off of each centroid's moves so far. */
  readonly left: Float64Array;
  /** What the step adds to every row's score of each centroid besides y·Δ. */
  readonly common: Float64Array;
  /** Bound of the float32 rounding that one step adds to the difference of two scores, and of a check of it. */
  readonly rounding: number;
  /**
   * What widens the bounds, in the layout of the row kernels' `follow`: `common`, `moved` and the growth of `left` of each column, to be
   * multiplied with 1/s, |e|/s and |y|/s of a row.
   */
  readonly terms: Float32Array;
  /** Products q·Δ̂ of the last tile, rows × columns; in the kernels' memory. */
  readonly product: Float32Array;
  /** Puts all centroids back on the centre. */
  restart(): void;
  /** Computes the step from the centroids used last (k × dim, kept until the next call) to these. */
  use(centroids: Float32Array): void;
  /** Fills `product` for the codes of up to tileRows rows. */
  multiply(codes: Uint8Array): Promise<void>;
  release(): Promise<void>;
}

const UNIT_ROUNDOFF = 2 ** -24;

/**
 * Largest integer of a move. Where the processor adds pairs of u8 × s8 products in saturating int16 (AVX2 and AVX-512 without VNNI) 255
 * times 127 twice overflows; half of it does not.
 */
const FULL_RANGE = 127;
const HALF_RANGE = 63;

/** Moves with a smaller unit are left for later: their products could underflow. */
const LEAST_UNIT = 2 ** -60;

/** Bytes of a step that are in the kernels' memory. */
export function stepBytes({ columns }: Grouping, tileRows: number): number {
  return 4 * columns * (tileRows + 3);
}

/** Compiles the step for codes around `centre`. Memory: k numbers of 12 × width bytes, and `stepBytes` of the kernels' memory. */
export async function compileStep(options: {
  readonly engine: Engine;
  readonly memory: RowMemory;
  readonly centre: Float32Array;
  readonly mixing: Mixing;
  readonly k: number;
  readonly grouping: Grouping;
  readonly tileRows: number;
}): Promise<Step> {
  const { engine, memory, centre, mixing, k, grouping, tileRows } = options;
  const dim = centre.length;
  const { width, factor } = mixing;
  const { columns } = grouping;
  const kernel = await engine.compile(modelProto(productGraph(width, columns)));
  const codes = new Int8Array(width * columns);
  const scale = new Float32Array(columns);
  const product = memory.singles(tileRows * columns);
  // What fills up columns lies below any bound.
  const terms = memory.singles(3 * columns);
  for (let column = 0; column < columns; column++) {
    if (centroidOf(grouping, column) >= k) terms[termAt(column)] = Number.NEGATIVE_INFINITY;
  }
  const common = new Float64Array(k);
  const moved = new Float64Array(k);
  const left = new Float64Array(k);
  // Sum of the steps so far, mixed.
  const reached = new Float64Array(k * width);
  const mixed = new Float64Array(width);
  let previous = new Float32Array(0);
  let rounding = 0;

  async function multiply(tile: Uint8Array): Promise<void> {
    const rows = tile.length / width;
    const feeds: Record<string, Tile> = {
      rows: { dtype: "uint8", shape: [rows, width], data: tile },
      codes: { dtype: "int8", shape: [width, columns], data: codes },
      scale: { dtype: "float32", shape: [columns], data: scale },
    };
    const data = product.subarray(0, rows * columns);
    await kernel.run(feeds, { product: { dtype: "float32", shape: [rows, columns], data } });
  }

  codes.fill(FULL_RANGE);
  scale.fill(1);
  const range = (await saturates(multiply, product, width, tileRows)) ? HALF_RANGE : FULL_RANGE;
  codes.fill(0);
  scale.fill(0);

  return {
    moved,
    left,
    common,
    terms,
    product,
    get rounding() {
      return rounding;
    },
    restart() {
      previous = new Float32Array(k * dim);
      for (let at = 0; at < previous.length; at += dim) previous.set(centre, at);
      mixRow(centre, 0);
      for (let at = 0; at < reached.length; at += width) reached.set(mixed, at);
      left.fill(0);
    },
    use(centroids) {
      const carried = left.reduce((most, length) => Math.max(most, length), 0);
      for (let j = 0; j < k; j++) {
        const leftBefore = left[j];
        const column = columnOf(grouping, j);
        mixRow(centroids, j * dim);
        quantise(j, column);
        common[j] = commonChange(centroids, previous, j);
        const at = termAt(column);
        terms[at] = common[j];
        terms[at + 4] = moved[j];
        terms[at + 8] = left[j] - leftBefore;
      }
      previous = centroids as Float32Array<ArrayBuffer>;
      rounding = roundingBound(centroids, carried);
    },
    multiply,
    release: () => kernel.release(),
  };

  function mixRow(values: Float32Array, at: number): void {
    mixed.fill(0);
    for (let i = 0; i < dim; i++) mixed[i] = values[at + i] / factor;
    mixVector(mixed, 0, mixing);
  }

  /** Splits the way of a centroid from where the steps have led to where it is in a step and what is rounded off. */
  function quantise(j: number, column: number): void {
    const from = j * width;
    let largest = 0;
    for (let i = 0; i < width; i++) largest = Math.max(largest, Math.abs(mixed[i] - reached[from + i]));
    const unit = Math.fround(largest / range);
    scale[column] = unit;
    let squared = 0;
    let rest = 0;
    for (let i = 0; i < width; i++) {
      const way = mixed[i] - reached[from + i];
      const code = unit > LEAST_UNIT ? Math.max(-range, Math.min(range, Math.round(way / unit))) : 0;
      codes[i * columns + column] = code;
      const step = code * unit;
      reached[from + i] += step;
      squared += step * step;
      rest += (mixed[i] - reached[from + i]) ** 2;
    }
    moved[j] = Math.sqrt(squared) * (1 + 1e-9);
    left[j] = Math.sqrt(rest) * (1 + 1e-9);
  }

  /** m·(c′ − c) − (|c′|² − |c|²)/2: by this all scores of a centroid change besides y·(c′ − c). */
  function commonChange(now: Float32Array, then: Float32Array, j: number): number {
    let sum = 0;
    for (let i = 0, at = j * dim; i < dim; i++, at++) {
      sum += (now[at] - then[at]) * (centre[i] - (now[at] + then[at]) / 2);
    }
    return sum;
  }

  /**
   * Up to twenty roundings, in the bound of a score and its own lower bound together, of numbers that are no larger than a score
   * (|x||c| + |c|²/2) or than a step and its terms, twice over for what the bounds are wider than the scores; and 1e-9 for the
   * float64 distances that decide ties.
   */
  function roundingBound(centroids: Float32Array, carried: number): number {
    let most = 0;
    for (let at = 0; at < centroids.length; at += dim) {
      let sum = 0;
      for (let i = at; i < at + dim; i++) sum += centroids[i] * centroids[i];
      most = Math.max(most, Math.sqrt(sum));
    }
    let step = carried;
    for (let j = 0; j < k; j++) step = Math.max(step, moved[j] + left[j]);
    // A mixed row and a mixed move are as long as the plain ones but for the root of the factor, one more, the other less.
    step *= Math.sqrt(factor);
    let middle = 0;
    for (let i = 0; i < dim; i++) middle += centre[i] * centre[i];
    const reach = 1 + NORM_SLACK + Math.sqrt(middle);
    return 20 * UNIT_ROUNDOFF * ((1 + NORM_SLACK) * most + most * most + 4 * reach * step + step * step) * 2 + 1e-9;
  }
}

/** Where the terms of a column begin; they are four apart. */
export function termAt(column: number): number {
  return 12 * (column >> 2) + (column & 3);
}

/** Whether an extreme product comes out wrong, as the sum of saturated int16 pairs. */
async function saturates(
  multiply: Step["multiply"],
  product: Float32Array,
  width: number,
  tileRows: number,
): Promise<boolean> {
  const rows = Math.min(64, tileRows);
  await multiply(new Uint8Array(rows * width).fill(255));
  const expected = (255 - ZERO_POINT) * FULL_RANGE * width;
  const columns = product.length / tileRows;
  return product.subarray(0, rows * columns).some((value) => Math.abs(value - expected) > expected * 2 ** -20);
}
