import type { Engine } from "../onnx/engine.js";
import { type CodeTile, createEncoder } from "./codes.js";
import { compileStep, type Step } from "./step.js";

/**
 * Keeps, for each row and centroid, a bound of the score x·c − |c|²/2 up to date from iteration to iteration without
 * reading the vectors: what changes is x·Δ for the centroid's move Δ, and as Δ is short, so is the error of an 8-bit product
 * with it. Only rows whose own centroid is no longer ahead for certain have to be assigned anew.
 *
 * With x = m + y, y = s·q + e (see codes.ts) and the move taken in steps Δ̂ of 8-bit integers, what a step rounds off being
 * part of the next one, the bounds are, with f_j the length of what has been rounded off of centroid j's moves so far,
 *
 *     score_j ≤ U_j for every centroid j but the row's own one o,        score_o ≥ O − |y|·f_o
 *
 * Each step adds s·(q·Δ̂) to both, besides what is the same for all rows; |e||Δ̂_j| and the growth of |y|·f_j widen U_j, |e||Δ̂_o|
 * and the float32 rounding of both sides lower O.
 */
export interface Tracker {
  /** The first of the rows, a multiple of the tile's, are tracked. */
  readonly rows: number;
  /** Starts to track a tile from its scores under the present centroids, which the tracker takes over; `sync` each row after it. */
  start(start: number, rows: Float32Array, scores: Float32Array): Promise<void>;
  /** Sets the centroids from which the tracker goes on; call it once for each change, before `check` or `start`. */
  use(centroids: Float32Array): void;
  /**
   * Moves the bounds of a tile to the centroids in use. Writes the rows whose assignment is no longer certain to `open`, in
   * ascending order, and returns their number. The lowest number wins among equally near centroids, so equal is not certain.
   */
  check(start: number, count: number, assignment: Int32Array, open: Uint32Array): Promise<number>;
  /** Takes over the scores of a row assigned anew, each off by at most `bound`, from element `at`. */
  sync(row: number, own: number, scores: Float32Array, at: number, bound: number): void;
  /**
   * Writes the centroids that may be ahead of a row's own one, as far as the last `check` could tell, to `into` in ascending order
   * and returns their number; −1 where they are more than that holds.
   */
  rivals(row: number, own: number, into: Int32Array): number;
  /**
   * Takes over the scores of a row's own centroid and its rivals, exact but for float64 rounding: those of the first `count` of
   * `centroids`, all rivals and the old own one among them. `own` is the one it belongs to now.
   */
  syncFew(row: number, own: number, centroids: Int32Array, scores: Float64Array, count: number): void;
  /** Makes the next `check` return a row. */
  doubt(row: number): void;
  release(): Promise<void>;
}

interface TrackedTile extends CodeTile {
  /** U, tileRows × k, far below any score for the row's own centroid. */
  bounds: Float32Array;
  /** O of each row. */
  readonly lowest: Float64Array;
}

/** Bound of the row's own centroid, which no step moves. */
const OWN = -3e38;

/** Bytes that a tracked row takes. */
export function trackedBytes(dim: number, k: number): number {
  return dim + 4 * k + 20;
}

/** Compiles what tracking needs. `centre` should be near the vectors' mean; decisions do not depend on it. */
export async function createTracker(options: {
  readonly engine: Engine;
  readonly centre: Float32Array;
  readonly k: number;
  readonly tileRows: number;
  readonly rows: number;
}): Promise<Tracker> {
  const { engine, centre, k, tileRows, rows } = options;
  const encoder = await createEncoder(engine, centre, tileRows);
  const step = await compileStep({ engine, centre, k, tileRows });
  const tiles: TrackedTile[] = [];
  const own = new Int32Array(tileRows);
  return {
    rows,
    use: (centroids) => step.use(centroids),
    async start(start, vectors, scores) {
      const known = tiles[start / tileRows];
      const coded = known ?? (await encoder.encode(vectors));
      const lowest = known?.lowest ?? new Float64Array(tileRows);
      let bounds = scores;
      if (scores.length < tileRows * k) {
        bounds = new Float32Array(tileRows * k);
        bounds.set(scores);
      }
      tiles[start / tileRows] = { ...coded, bounds, lowest };
    },
    async check(start, count, assignment, open) {
      const tile = tiles[start / tileRows];
      own.set(assignment.subarray(start, start + count));
      const { bounds, best, change } = await step.run(tile, tile.bounds, own);
      tile.bounds = bounds;
      return openRows(tile, step, own, best, change, start, count, open);
    },
    sync(row, to, scores, at, bound) {
      const { bounds, lowest, length } = tiles[Math.floor(row / tileRows)];
      const r = row % tileRows;
      const { left, rounding } = step;
      const into = r * k;
      const y = length[r];
      for (let j = 0; j < k; j++) bounds[into + j] = scores[at + j] + 2 * y * left[j];
      lowest[r] = scores[at + to] - 2 * bound - y * left[to] - rounding;
      bounds[into + to] = OWN;
    },
    rivals(row, to, into) {
      const { bounds, lowest, length } = tiles[Math.floor(row / tileRows)];
      const r = row % tileRows;
      const low = lowest[r] - length[r] * step.left[to];
      if (low === Number.NEGATIVE_INFINITY) return -1;
      let found = 0;
      for (let j = 0, at = r * k; j < k; j++, at++) {
        if (bounds[at] < low) continue;
        if (found === into.length) return -1;
        into[found++] = j;
      }
      return found;
    },
    syncFew(row, to, centroids, scores, count) {
      const { bounds, lowest, length } = tiles[Math.floor(row / tileRows)];
      const r = row % tileRows;
      const { left, rounding } = step;
      const y = length[r];
      for (let c = 0; c < count; c++) {
        const j = centroids[c];
        bounds[r * k + j] = scores[c] + 2 * y * left[j];
        // What float32 rounds off of the bounds is below `rounding`.
        if (j === to) lowest[r] = scores[c] - y * left[j] - rounding;
      }
      bounds[r * k + to] = OWN;
    },
    doubt(row) {
      tiles[Math.floor(row / tileRows)].lowest[row % tileRows] = Number.NEGATIVE_INFINITY;
    },
    async release() {
      await encoder.release();
      await step.release();
    },
  };
}

/** Lowers the bounds of each row's own centroid by this step and collects the rows where another one may be ahead. */
function openRows(
  { error, length, lowest }: TrackedTile,
  { moved, left, common, rounding }: Step,
  own: Int32Array,
  best: Float32Array,
  change: Float32Array,
  start: number,
  count: number,
  open: Uint32Array,
): number {
  let found = 0;
  for (let r = 0; r < count; r++) {
    const j = own[r];
    const low = lowest[r] + change[r] + common[j] - error[r] * moved[j] - rounding;
    lowest[r] = low;
    if (!(low - length[r] * left[j] > best[r])) open[found++] = start + r;
  }
  return found;
}
