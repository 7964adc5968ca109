import type { Engine } from "../onnx/engine.js";
import type { TileAssignment } from "./assign.js";
import { createEncoder } from "./codes.js";
import { centroidOf, columnOf, type Grouping } from "./grouping.js";
import { createRivals, hitBytes, type ListRivals } from "./rivals.js";
import type { RowMemory } from "./row-memory.js";
import { compileStep, type Step, stepBytes } from "./step.js";
import { createTrackedRows, NONE, type TrackedTile } from "./tracked-rows.js";

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
  /** Sets the centroids that rows not known yet are to be assigned to; `first` follows for each tile. */
  begin(centroids: Float32Array): void;
  /**
   * Starts to track the `count` rows of the tile at row `start`, whose vectors are given, under the centroids of `begin`. Writes to `own` a
   * centroid for each row, which is the nearest one unless the row is among those written to `open`; returns their number.
   */
  first(start: number, vectors: Float32Array, count: number, own: Int32Array, open: Uint32Array): Promise<number>;
  /** Sets the centroids from which the tracker goes on; call it once for each change, before `check`. */
  use(centroids: Float32Array): void;
  /**
   * Moves the bounds of a tile to the centroids in use, with `own` the centroid of each of its rows. Writes the rows that may have a nearer
   * one to `open`, in ascending order, and returns their number. The lowest number wins among equally near centroids, so equal is
   * not certain.
   */
  check(start: number, own: Int32Array, open: Uint32Array): Promise<number>;
  /** Takes over what was found for a row assigned anew, the tile's row `r`: its scores, each off by at most `bound`. */
  sync(row: number, own: number, found: TileAssignment, r: number, bound: number): void;
  /** For an open row of the tile checked last, once: either `syncFew` with what is found or `sync` has to follow. */
  readonly rivals: ListRivals;
  /** Takes over scores of all rivals and the old own centroid of a row; `own` is the one among them that it belongs to now. */
  syncFew(row: number, own: number, rivals: RivalScores): void;
  /** Makes the next `check` return a row. */
  doubt(row: number): void;
  release(): Promise<void>;
}

/** Scores of a row's rivals. */
export interface RivalScores {
  /** From `at` on, `count` in all: the rivals, then the old own one. */
  readonly centroids: Int32Array;
  readonly at: number;
  readonly count: number;
  /** Their scores, from 0 on, each off by at most `bound`. */
  readonly scores: Float64Array;
  readonly bound: number;
}

/** Bytes that a tile takes in the kernels' memory. */
export function trackedTileBytes(grouping: Grouping, tileRows: number): number {
  return stepBytes(grouping, tileRows) + tileRows * (hitBytes(grouping) + 32) + 4096;
}

/** Compiles what tracking needs. `centre` should be near the vectors' mean; decisions do not depend on it. */
export async function createTracker(options: {
  readonly engine: Engine;
  readonly memory: RowMemory;
  readonly centre: Float32Array;
  readonly k: number;
  readonly grouping: Grouping;
  readonly tileRows: number;
  readonly rows: number;
}): Promise<Tracker> {
  const { engine, memory, centre, k, grouping, tileRows, rows } = options;
  const { kernels } = memory;
  const encoder = createEncoder(memory, centre);
  const step = await compileStep({ engine, memory, centre, mixing: encoder.mixing, k, grouping, tileRows });
  const { groupSize, groups, stride, columns } = grouping;
  const columnOfCentroid = Int32Array.from({ length: k }, (_, j) => columnOf(grouping, j));
  const tracked = createTrackedRows({ memory, encoder, centre, rows, stride, tileRows });
  const { bounds, coefficients, tiles } = tracked;
  const hits = memory.words((tileRows * hitBytes(grouping)) / 4);
  const leads = memory.bytes(32 * tileRows);
  const rivals = createRivals({ k, grouping, tileRows, step, hits, tracked });
  // Largest length rounded off of the moves of any of its centroids.
  const leftOfGroup = new Float64Array(groups);

  function use(centroids: Float32Array): void {
    step.use(centroids);
    leftOfGroup.fill(0);
    for (let j = 0; j < k; j++) {
      const g = Math.floor(j / groupSize);
      leftOfGroup[g] = Math.max(leftOfGroup[g], step.left[j]);
    }
  }

  /** Centroids whose codes say that they are the nearest, of rows on the centre; sets the rows' bounds too. */
  function pickLeads(start: number, own: Int32Array): void {
    const { product, terms } = step;
    const rowBytes = 4 * columns;
    const end = product.byteOffset + own.length * rowBytes;
    const from = coefficients.byteOffset + 16 * start;
    kernels.lead(
      product.byteOffset,
      end,
      rowBytes,
      4 * stride,
      terms.byteOffset,
      from,
      bounds.byteOffset + 4 * stride * start,
      leads.byteOffset,
    );
    const values = new Float32Array(leads.buffer, leads.byteOffset, 8 * own.length);
    const found = new Int32Array(leads.buffer, leads.byteOffset, 8 * own.length);
    for (let r = 0, at = 0; r < own.length; r++, at += 8) {
      let best = at;
      for (let lane = at + 1; lane < at + 4; lane++) if (values[lane] > values[best]) best = lane;
      own[r] = centroidOf(grouping, found[best + 4]);
    }
  }

  /** Takes the step of a tile's products. */
  function follow(start: number, own: Int32Array, open: Uint32Array): number {
    const count = own.length;
    const { product, terms } = step;
    lower(tiles[start / tileRows], step, own, columns, columnOfCentroid, coefficients.subarray(4 * start));
    kernels.follow(
      product.byteOffset,
      product.byteOffset + 4 * count * columns,
      4 * columns,
      4 * stride,
      terms.byteOffset,
      coefficients.byteOffset + 16 * start,
      bounds.byteOffset + 4 * stride * start,
      hits.byteOffset,
      hitBytes(grouping),
    );
    const words = hitBytes(grouping) / 4;
    let found = 0;
    for (let r = 0, at = 0; r < count; r++) {
      let any = 0;
      for (let w = 0; w < words; w++) any |= hits[at++];
      if (any !== 0) open[found++] = start + r;
    }
    return found;
  }

  return {
    rows,
    begin(centroids) {
      step.restart();
      use(centroids);
    },
    async first(start, vectors, count, own, open) {
      const { codes } = tracked.putOnCentre(start, vectors, count);
      await step.multiply(codes);
      const picked = own.subarray(0, count);
      pickLeads(start, picked);
      return follow(start, picked, open);
    },
    use,
    async check(start, own, open) {
      await step.multiply(tiles[start / tileRows].codes);
      return follow(start, own, open);
    },
    sync(row, to, { scores, groupBest }, from, bound) {
      const { lowest, length, scale } = tiles[Math.floor(row / tileRows)];
      const r = row % tileRows;
      const { left, rounding } = step;
      const y = length[r];
      const unit = 1 / scale[r];
      const at = row * stride;
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
    rivals,
    syncFew(row, to, { centroids, at, count, scores, bound }) {
      const { lowest, length, scale } = tiles[Math.floor(row / tileRows)];
      const r = row % tileRows;
      const { left, rounding } = step;
      const y = length[r];
      const from = row * stride;
      for (let c = 0; c < count; c++) {
        const j = centroids[at + c];
        const group = from + Math.floor(j / groupSize);
        if (j === to) lowest[r] = scores[c] - 2 * bound - y * left[j] - rounding;
        else bounds[group] = Math.max(bounds[group], (scores[c] + 2 * y * left[j]) / scale[r]);
      }
    },
    doubt(row) {
      tiles[Math.floor(row / tileRows)].lowest[row % tileRows] = Number.NEGATIVE_INFINITY;
    },
    release: () => step.release(),
  };
}

/**
 * Lowers the bounds of the rows' own centroids by a step, and sets from what bound on another centroid may be ahead. The own ones' products
 * are taken out, so that no group's bound rises by them.
 */
function lower(
  { error, length, lowest, scale }: TrackedTile,
  { moved, left, common, rounding, product }: Step,
  own: Int32Array,
  columns: number,
  columnOfCentroid: Int32Array,
  coefficients: Float32Array,
): void {
  for (let r = 0; r < own.length; r++) {
    const j = own[r];
    const at = r * columns + columnOfCentroid[j];
    const low = lowest[r] + scale[r] * product[at] + common[j] - error[r] * moved[j] - rounding;
    product[at] = Number.NEGATIVE_INFINITY;
    lowest[r] = low;
    coefficients[4 * r + 3] = (low - length[r] * left[j]) / scale[r];
  }
}
