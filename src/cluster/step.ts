import { type Graph, modelProto } from "../onnx/builder.js";
import type { Engine, Tile } from "../onnx/engine.js";
import { NORM_SLACK } from "./assign.js";
import { type CodeTile, ZERO_POINT } from "./codes.js";

/** One move of all centroids, as the graph wants it, and the product that carries it to a tile of rows. */
export interface Step {
  /** At least |Δ̂_j| of each centroid in this step. */
  readonly moved: Float64Array;
  /** At least the length of what is rounded off of each centroid's moves so far. */
  readonly left: Float64Array;
  /** Bound of the float32 rounding that one step adds to the difference of two scores, and of a check of it. */
  readonly rounding: number;
  /** Computes the step from the centroids used last (k × dim, kept until the next call) to these. */
  use(centroids: Float32Array): void;
  /** What the step adds to every row's score of each centroid besides y·Δ. */
  readonly common: Float64Array;
  /** New bounds of a tile's scores, the largest of each row, and s·(q·Δ̂) for its own centroid. */
  run(tile: CodeTile, bounds: Float32Array, own: Int32Array): Promise<StepResult>;
  release(): Promise<void>;
}

/** Fresh arrays, one number a row; tileRows × k for `bounds`. */
export interface StepResult {
  readonly bounds: Float32Array;
  readonly best: Float32Array;
  readonly change: Float32Array;
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

/** Compiles the step for tiles of codes around `centre`. Memory: a few tiles of tileRows × k float32 while it runs. */
export async function compileStep(options: {
  readonly engine: Engine;
  readonly centre: Float32Array;
  readonly k: number;
  readonly tileRows: number;
}): Promise<Step> {
  const { engine, centre, k, tileRows } = options;
  const dim = centre.length;
  const kernel = await engine.compile(modelProto(stepGraph(tileRows, dim, k)));
  const codes = new Int8Array(dim * k);
  const scale = new Float32Array(k);
  // Per centroid: |Δ̂|, what the step adds to the scores of all rows, and the growth of what is rounded off.
  const terms = new Float32Array(3 * k);
  // What they are multiplied by in each row: |e|, 1 and |y|.
  const coefficients = new Float32Array(3 * tileRows).fill(1);
  const common = new Float64Array(k);
  const moved = new Float64Array(k);
  const left = new Float64Array(k);
  // Sum of the steps so far, from the first centroids.
  const reached = new Float64Array(k * dim);
  let before: Float32Array | null = null;
  let rounding = 0;
  const f32 = (data: Float32Array, ...shape: number[]): Tile => ({ dtype: "float32", shape, data });

  async function run(tile: CodeTile, bounds: Float32Array, own: Int32Array): Promise<StepResult> {
    for (let r = 0; r < tileRows; r++) {
      coefficients[3 * r] = tile.error[r];
      coefficients[3 * r + 2] = tile.length[r];
    }
    const out = await kernel.run({
      rows: { dtype: "uint8", shape: [tileRows, dim], data: tile.codes },
      codes: { dtype: "int8", shape: [dim, k], data: codes },
      scale: f32(scale, k),
      rowScale: f32(tile.scale, tileRows, 1),
      coefficients: f32(coefficients, tileRows, 3),
      terms: f32(terms, 3, k),
      bounds: f32(bounds, tileRows, k),
      own: { dtype: "int32", shape: [tileRows, 1], data: own },
    });
    return {
      bounds: out.next.data as Float32Array,
      best: out.best.data as Float32Array,
      change: out.change.data as Float32Array,
    };
  }

  const range = (await saturates(run, codes, scale, tileRows, dim, k)) ? HALF_RANGE : FULL_RANGE;

  return {
    moved,
    left,
    common,
    get rounding() {
      return rounding;
    },
    use(centroids) {
      const carried = left.reduce((most, length) => Math.max(most, length), 0);
      if (before === null) {
        reached.set(centroids);
        left.fill(0);
      } else {
        for (let j = 0; j < k; j++) {
          const leftBefore = left[j];
          quantise(j, centroids);
          common[j] = commonChange(centroids, before, j);
          terms[j] = moved[j];
          terms[k + j] = common[j];
          terms[2 * k + j] = left[j] - leftBefore;
        }
      }
      before = centroids;
      rounding = roundingBound(centroids, carried);
    },
    run,
    release: () => kernel.release(),
  };

  /** Splits the way of a centroid from where the steps have led to where it is in a step and what is rounded off. */
  function quantise(j: number, centroids: Float32Array): void {
    const from = j * dim;
    let largest = 0;
    for (let i = from; i < from + dim; i++) largest = Math.max(largest, Math.abs(centroids[i] - reached[i]));
    const unit = Math.fround(largest / range);
    scale[j] = unit;
    let squared = 0;
    let rest = 0;
    for (let i = 0; i < dim; i++) {
      const way = centroids[from + i] - reached[from + i];
      const code = unit > LEAST_UNIT ? Math.max(-range, Math.min(range, Math.round(way / unit))) : 0;
      codes[i * k + j] = code;
      const step = code * unit;
      reached[from + i] += step;
      squared += step * step;
      rest += (centroids[from + i] - reached[from + i]) ** 2;
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
   * Nine roundings, in the bound of a score and its own lower bound together, of numbers that are no larger than a score
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
    let middle = 0;
    for (let i = 0; i < dim; i++) middle += centre[i] * centre[i];
    const reach = 1 + NORM_SLACK + Math.sqrt(middle);
    return 14 * UNIT_ROUNDOFF * ((1 + NORM_SLACK) * most + most * most + 4 * reach * step + step * step) * 2 + 1e-9;
  }
}

/** Whether an extreme product comes out wrong, as the sum of saturated int16 pairs. */
async function saturates(
  run: Step["run"],
  codes: Int8Array,
  scale: Float32Array,
  tileRows: number,
  dim: number,
  k: number,
): Promise<boolean> {
  codes.fill(FULL_RANGE);
  scale.fill(1);
  const column = (value: number) => new Float32Array(tileRows).fill(value);
  const { bounds } = await run(
    {
      codes: new Uint8Array(tileRows * dim).fill(255),
      scale: column(1),
      error: column(0),
      length: column(0),
    },
    new Float32Array(tileRows * k),
    new Int32Array(tileRows),
  );
  const expected = (255 - ZERO_POINT) * FULL_RANGE * dim;
  return bounds.some((value) => Math.abs(value - expected) > expected * 2 ** -20);
}

function stepGraph(tileRows: number, dim: number, k: number): Graph {
  const f32 = (name: string, ...shape: number[]) => ({ name, dtype: "float32" as const, shape });
  return {
    nodes: [
      {
        op: "MatMulIntegerToFloat",
        domain: "com.microsoft",
        inputs: ["rows", "codes", "one", "scale", "zero"],
        outputs: ["unscaled"],
      },
      { op: "Mul", inputs: ["unscaled", "rowScale"], outputs: ["product"] },
      { op: "Gemm", inputs: ["coefficients", "terms", "bounds"], outputs: ["widened"] },
      { op: "Add", inputs: ["widened", "product"], outputs: ["next"] },
      { op: "ReduceMax", inputs: ["next", "axis"], outputs: ["best"] },
      { op: "GatherElements", inputs: ["product", "own"], outputs: ["change"], attributes: { axis: { int: 1 } } },
    ],
    inputs: [
      { name: "rows", dtype: "uint8", shape: [tileRows, dim] },
      { name: "codes", dtype: "int8", shape: [dim, k] },
      f32("scale", k),
      f32("rowScale", tileRows, 1),
      f32("coefficients", tileRows, 3),
      f32("terms", 3, k),
      f32("bounds", tileRows, k),
      { name: "own", dtype: "int32", shape: [tileRows, 1] },
    ],
    outputs: [f32("next", tileRows, k), f32("best", tileRows, 1), f32("change", tileRows, 1)],
    initializers: [
      { name: "one", dtype: "float32", shape: [], data: Float32Array.of(1) },
      { name: "zero", dtype: "uint8", shape: [], data: Uint8Array.of(ZERO_POINT) },
      { name: "axis", dtype: "int64", shape: [1], data: BigInt64Array.of(1n) },
    ],
  };
}
