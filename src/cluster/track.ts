import type { Engine } from "../onnx/engine.js";
import type { TileAssignment } from "./assign.js";
import { createCodeTile, createEncoder } from "./codes.js";
import { groupingOf } from "./grouping.js";
import { mixingOf } from "./mixing.js";
import type { RowMemory } from "./row-memory.js";
import { compileStep, type FollowedTile, type Step } from "./step.js";

/**
 * Keeps bounds of the scores x·c − |c|²/2 of each row up to date from iteration to iteration without reading the vectors: what
 * changes is x·Δ for the centroid's move Δ, and as Δ is short, so is the error of an 8-bit product with it. Only rows whose own
 * centroid is no longer ahead for certain have to be assigned anew.
 *
 * With x = m + y, y = s·q + e (see codes.ts; y, e and the moves are mixed here) and the move taken in steps Δ̂ of 8-bit integers, what a
 * step rounds off being part of the next one, the bounds are, with f_j the length of what has been rounded off of centroid j's
 * moves so far,
 *
 *     score_j ≤ U_g for every centroid j of group g but the row's own one o,        score_o ≥ O − |y|·f_o
 *
 * Each step adds s·(q·Δ̂) to both, besides what is the same for all rows; |e||Δ̂_j| and the growth of |y|·f_j widen U_g, |e||Δ̂_o|
 * and the float32 rounding of both sides lower O. U_g takes the largest step of its group.
 * Groups by their bounds: Y. Ding et al., Yinyang k-means, ICML 2015; the moves as products instead of lengths are ours.
 */
export interface Tracker {
  /** The first of the rows, a multiple of the tile's, are tracked. */
  readonly rows: number;
  /**
   * Starts to track `count` rows from `row` on, all of one tile of `tileCount` rows, under the present centroids; `sync` each of them after it.
   * `vectors` begins with the first of them. What is tracked already goes on under these centroids.
   */
  start(row: number, vectors: Float32Array, count: number, tileCount: number): void;
  /** Sets the centroids from which the tracker goes on; call it once for each change, before `check` or `start`. */
  use(centroids: Float32Array): void;
  /**
   * Moves the bounds of a tile to the centroids in use. Writes the rows whose assignment is no longer certain to `open`, in
   * ascending order, and returns their number. The lowest number wins among equally near centroids, so equal is not certain.
   */
  check(start: number, count: number, assignment: Int32Array, open: Uint32Array): Promise<number>;
  /** Takes over what was found for a row assigned anew, the tile's row `r`: its scores, each off by at most `bound`. */
  sync(row: number, own: number, found: TileAssignment, r: number, bound: number): void;
  /**
   * Writes the centroids of all groups that may hold one ahead of the row's own, as far as the last `check` could tell, to `into` from
   * `at` on, in ascending order, and returns their number; −1 where they are more than `limit`.
   */
  rivals(row: number, own: number, into: Int32Array, at: number, limit: number): number;
  /**
   * Takes over float64 scores of `count` of `centroids` from `at` on: all rivals, then the old own one. `own` is the one among them that
   * the row belongs to now.
   */
  syncFew(row: number, own: number, centroids: Int32Array, at: number, scores: Float64Array, count: number): void;
  /** Makes the next `check` return a row. */
  doubt(row: number): void;
  release(): Promise<void>;
}

interface TrackedTile extends FollowedTile {
  /** O of each row. */
  readonly lowest: Float64Array;
  /** Rows that have codes, the first ones. */
  coded: number;
}

/** Bound of a group that has no centroid but the row's own, which no step moves; divided by s as all are. */
const NONE = -3e38;

/** Bytes that a tracked row takes. */
export function trackedBytes(dim: number, k: number): number {
  return mixingOf(dim).width + 4 * groupingOf(k).groups + 32;
}

/** Compiles what tracking needs. `centre` should be near the vectors' mean; decisions do not depend on it. */
export async function createTracker(options: {
  readonly engine: Engine;
  readonly memory: RowMemory;
  readonly centre: Float32Array;
  readonly k: number;
  readonly tileRows: number;
  readonly rows: number;
}): Promise<Tracker> {
  const { engine, memory, centre, k, tileRows, rows } = options;
  const encoder = createEncoder(memory, centre);
  const step = await compileStep({ engine, centre, mixing: encoder.mixing, k });
  const { groupSize, groups } = groupingOf(k);
  const tiles: TrackedTile[] = [];
  // Largest length rounded off of the moves of any of its centroids.
  const leftOfGroup = new Float64Array(groups);
  return {
    rows,
    use(centroids) {
      step.use(centroids);
      leftOfGroup.fill(0);
      for (let j = 0; j < k; j++) {
        const g = Math.floor(j / groupSize);
        leftOfGroup[g] = Math.max(leftOfGroup[g], step.left[j]);
      }
    },
    start(row, vectors, count, tileCount) {
      const t = Math.floor(row / tileRows);
      const at = row % tileRows;
      tiles[t] ??= createTrackedTile(tileCount, encoder.mixing.width, groups);
      const tile = tiles[t];
      // Codes are the same whatever the centroids.
      if (at < tile.coded) return;
      encoder.encode(vectors, count, tile, at);
      fillCoefficients(tile, at, count);
      tile.coded = at + count;
    },
    async check(start, count, assignment, open) {
      const tile = tiles[start / tileRows];
      const own = assignment.subarray(start, start + count);
      const { best, change } = await step.run(tile, own);
      return openRows(tile, step, own, best, change, start, open);
    },
    sync(row, to, { scores, groupBest }, from, bound) {
      const { bounds, lowest, length, scale } = tiles[Math.floor(row / tileRows)];
      const r = row % tileRows;
      const { left, rounding } = step;
      const y = length[r];
      const unit = 1 / scale[r];
      const at = r * groups;
      for (let g = 0; g < groups; g++) {
        bounds[at + g] = (groupBest[from * groups + g] + 2 * y * leftOfGroup[g]) * unit;
      }
      // Its own group once more, without it.
      const own = Math.floor(to / groupSize);
      bounds[at + own] = NONE;
      for (let j = own * groupSize; j < Math.min(k, (own + 1) * groupSize); j++) {
        if (j !== to) bounds[at + own] = Math.max(bounds[at + own], (scores[from * k + j] + 2 * y * left[j]) * unit);
      }
      lowest[r] = scores[from * k + to] - 2 * bound - y * left[to] - rounding;
    },
    rivals(row, to, into, at, limit) {
      const { bounds, lowest, length, scale } = tiles[Math.floor(row / tileRows)];
      const r = row % tileRows;
      const low = (lowest[r] - length[r] * step.left[to]) / scale[r];
      // Wider by what the division rounds.
      const least = low - Math.abs(low) * 1e-12;
      let found = 0;
      for (let g = 0; g < groups; g++) {
        if (bounds[r * groups + g] < least) continue;
        for (let j = g * groupSize; j < Math.min(k, (g + 1) * groupSize); j++) {
          if (j === to) continue;
          if (found === limit) return -1;
          into[at + found++] = j;
        }
      }
      return found;
    },
    syncFew(row, to, centroids, at, scores, count) {
      const { bounds, lowest, length, scale } = tiles[Math.floor(row / tileRows)];
      const r = row % tileRows;
      const { left, rounding } = step;
      const y = length[r];
      // The last one is the old own centroid, whose group keeps its bound unless it is a rival's too.
      for (let c = 0; c < count - 1; c++) bounds[r * groups + Math.floor(centroids[at + c] / groupSize)] = NONE;
      for (let c = 0; c < count; c++) {
        const j = centroids[at + c];
        const group = r * groups + Math.floor(j / groupSize);
        if (j === to) lowest[r] = scores[c] - y * left[j] - rounding;
        else bounds[group] = Math.max(bounds[group], (scores[c] + 2 * y * left[j]) / scale[r]);
      }
    },
    doubt(row) {
      tiles[Math.floor(row / tileRows)].lowest[row % tileRows] = Number.NEGATIVE_INFINITY;
    },
    release: () => step.release(),
  };
}

function createTrackedTile(rows: number, width: number, groups: number): TrackedTile {
  return {
    ...createCodeTile(rows, width),
    coefficients: new Float32Array(3 * rows),
    bounds: new Float32Array(rows * groups),
    lowest: new Float64Array(rows),
    coded: 0,
  };
}

function fillCoefficients({ coefficients, scale, error, length }: TrackedTile, at: number, count: number): void {
  for (let r = at; r < at + count; r++) {
    coefficients[3 * r] = 1 / scale[r];
    coefficients[3 * r + 1] = error[r] / scale[r];
    coefficients[3 * r + 2] = length[r] / scale[r];
  }
}

/** Lowers the bounds of each row's own centroid by this step and collects the rows where another one may be ahead. */
function openRows(
  { error, length, lowest, scale }: TrackedTile,
  { moved, left, common, rounding }: Step,
  own: Int32Array,
  best: Float32Array,
  change: Float32Array,
  start: number,
  open: Uint32Array,
): number {
  let found = 0;
  for (let r = 0; r < own.length; r++) {
    const j = own[r];
    const low = lowest[r] + scale[r] * change[r] + common[j] - error[r] * moved[j] - rounding;
    lowest[r] = low;
    if (!(low - length[r] * left[j] > scale[r] * best[r])) open[found++] = start + r;
  }
  return found;
}
