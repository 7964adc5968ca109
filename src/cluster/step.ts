import { modelProto } from "../onnx/builder.js";
import type { Engine, Tile } from "../onnx/engine.js";
import { NORM_SLACK } from "./assign.js";
import { type CodeTile, ZERO_POINT } from "./codes.js";
import { groupingOf } from "./grouping.js";
import { type Mixing, mixVector } from "./mixing.js";
import { stepGraph } from "./step-graph.js";

/**
 * A tile of rows whose scores are followed. Centroids come in groups of neighbours by number, one in each where there are few;
 * a group has one bound.
 */
export interface FollowedTile extends CodeTile {
  /** 1/s, |e|/s and |y|/s of each row. */
  readonly coefficients: Float32Array;
  /** Upper bounds of the scores in each group, the row's own centroid left out, divided by s; rows × groups. */
  bounds: Float32Array;
}

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
  /** Computes the step from the centroids used last (k × dim, kept until the next call) to these. */
  use(centroids: Float32Array): void;
  /** Moves a tile's bounds on. `own` names each row's own centroid. */
  run(tile: FollowedTile, own: Int32Array): Promise<StepResult>;
  release(): Promise<void>;
}

/** Fresh arrays, one number a row, divided by the row's scale. */
export interface StepResult {
  /** Largest bound. */
  readonly best: Float32Array;
  /** q·Δ̂ for the own centroid. */
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

/** Compiles the step for codes around `centre`. Memory: k numbers of 12 × width bytes, and a tile's products while it runs. */
export async function compileStep(options: {
  readonly engine: Engine;
  readonly centre: Float32Array;
  readonly mixing: Mixing;
  readonly k: number;
}): Promise<Step> {
  const { engine, centre, mixing, k } = options;
  const dim = centre.length;
  const { width, factor } = mixing;
  const { groupSize, groups } = groupingOf(k);
  // Filled up so that groups are equal; the surplus columns lie below any bound.
  const columns = groups * groupSize;
  const kernel = await engine.compile(modelProto(stepGraph(width, columns, groups)));
  const codes = new Int8Array(width * columns);
  const scale = new Float32Array(columns);
  // By centroid: what the step adds to the scores of all rows, |Δ̂|, and the growth of what is rounded off.
  const terms = new Float32Array(3 * columns).fill(Number.NEGATIVE_INFINITY, k, columns);
  const common = new Float64Array(k);
  const moved = new Float64Array(k);
  const left = new Float64Array(k);
  // Sum of the steps so far, from the first centroids, mixed.
  const reached = new Float64Array(k * width);
  const mixed = new Float64Array(width);
  let previous: Float32Array | null = null;
  let rounding = 0;

  // By size, one for all tiles but the last and one for that; they take turns with the tiles' bounds, so that no call has to find fresh
  // memory.
  const spares = new Map<number, Float32Array>();

  async function run(tile: FollowedTile, own: Int32Array): Promise<StepResult> {
    const rows = tile.scale.length;
    const before = tile.bounds;
    const spare = spares.get(before.length) ?? new Float32Array(before.length);
    const f32 = (data: Float32Array, ...shape: number[]): Tile => ({ dtype: "float32", shape, data });
    const feeds: Record<string, Tile> = {
      rows: { dtype: "uint8", shape: [rows, width], data: tile.codes },
      codes: { dtype: "int8", shape: [width, columns], data: codes },
      scale: f32(scale, columns),
      coefficients: f32(tile.coefficients, rows, 3),
      terms: f32(terms, 3, columns),
      bounds: f32(before, rows, groups),
      own: { dtype: "int32", shape: [rows, 1], data: own },
    };
    const out = await kernel.run(feeds, { next: f32(spare, rows, groups) });
    tile.bounds = out.next.data as Float32Array;
    spares.set(before.length, before);
    return { best: out.best.data as Float32Array, change: out.change.data as Float32Array };
  }

  codes.fill(FULL_RANGE);
  scale.fill(1);
  const range = (await saturates(run, width, groups)) ? HALF_RANGE : FULL_RANGE;
  codes.fill(0);
  scale.fill(0);

  return {
    moved,
    left,
    common,
    get rounding() {
      return rounding;
    },
    use(centroids) {
      const carried = left.reduce((most, length) => Math.max(most, length), 0);
      for (let j = 0; j < k; j++) {
        mixed.fill(0);
        for (let i = 0; i < dim; i++) mixed[i] = centroids[j * dim + i] / factor;
        mixVector(mixed, 0, mixing);
        if (previous === null) {
          reached.set(mixed, j * width);
          left[j] = 0;
          continue;
        }
        const leftBefore = left[j];
        quantise(j);
        common[j] = commonChange(centroids, previous, j);
        terms[j] = common[j];
        terms[columns + j] = moved[j];
        terms[2 * columns + j] = left[j] - leftBefore;
      }
      previous = centroids;
      rounding = roundingBound(centroids, carried);
    },
    run,
    release: () => kernel.release(),
  };

  /** Splits the way of a centroid from where the steps have led to where it is in a step and what is rounded off. */
  function quantise(j: number): void {
    const from = j * width;
    let largest = 0;
    for (let i = 0; i < width; i++) largest = Math.max(largest, Math.abs(mixed[i] - reached[from + i]));
    const unit = Math.fround(largest / range);
    scale[j] = unit;
    let squared = 0;
    let rest = 0;
    for (let i = 0; i < width; i++) {
      const way = mixed[i] - reached[from + i];
      const code = unit > LEAST_UNIT ? Math.max(-range, Math.min(range, Math.round(way / unit))) : 0;
      codes[i * columns + j] = code;
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

/** Whether an extreme product comes out wrong, as the sum of saturated int16 pairs. */
async function saturates(run: Step["run"], width: number, groups: number): Promise<boolean> {
  const rows = 64;
  const { change } = await run(
    {
      codes: new Uint8Array(rows * width).fill(255),
      scale: new Float32Array(rows),
      error: new Float32Array(rows),
      length: new Float32Array(rows),
      coefficients: new Float32Array(3 * rows),
      bounds: new Float32Array(rows * groups),
    },
    new Int32Array(rows),
  );
  const expected = (255 - ZERO_POINT) * FULL_RANGE * width;
  return change.some((value) => Math.abs(value - expected) > expected * 2 ** -20);
}
