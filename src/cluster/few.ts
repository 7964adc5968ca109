import { NORM_SLACK, squaredDistance } from "./assign.js";
import { roughBound } from "./dot-kernels.js";
import type { RowMemory } from "./row-memory.js";
import { place, type State } from "./state.js";
import type { Tracker } from "./track.js";

/**
 * So many rivals, and one more for so many centroids, may a row have to be decided by distances to each of them: beyond that the
 * product with all centroids costs less.
 */
const FEW = 6;
const FEW_OF = 8;

/** Far above what float64 rounding can move the difference of two squared distances. */
const ROUNDING = 1e-11;

/** A tile that the tracker has just checked. */
export interface CheckedTile {
  readonly state: State;
  readonly tracker: Tracker;
  /** Its first row. */
  readonly start: number;
  /** Centroid of each of its rows so far. */
  readonly own: Int32Array;
  /** Its vectors, where they are in memory. */
  readonly vectors: Float32Array | null;
}

/** Decides rows with few rivals. Memory: a copy of the centroids, and 32 + k/10 bytes for each row of a tile. */
export interface FewRivals {
  /** Sets the centroids, k × dim, not copied: leave them alone until the next call. */
  use(centroids: Float32Array): void;
  /**
   * Assigns those of the first `count` rows of `open`, all of the tile, that have few rivals to their nearest centroid, by
   * float64 distances. Moves the others to the front of `open`, in order, and returns
   * their number.
   */
  decide(tile: CheckedTile, open: Uint32Array, count: number): Promise<number>;
}

/** Makes room for k centroids and the rivals of the rows of a tile. */
export function createFewRivals(memory: RowMemory, k: number, tileRows: number): FewRivals {
  const { kernels, dim, width } = memory;
  const limit = FEW + Math.floor(k / FEW_OF);
  // Rows of a tile, and for each its rivals and its own centroid, one row's after another's.
  const few = new Uint32Array(tileRows);
  const starts = new Uint32Array(tileRows + 1);
  const chosen = new Int32Array(tileRows * (limit + 1));
  const scores = new Float64Array(limit + 1);
  const bytes = 4 * width;
  const room = memory.bytes(k * bytes);
  const placed = new Float32Array(room.buffer, room.byteOffset, k * width);
  const halfSquared = new Float64Array(k);
  let centroids = new Float32Array(0);
  // Most that a score can be off.
  let bound = 0;

  /**
   * Nearest to a vector of the `count` chosen centroids from `first` on, the lowest of equally near ones; fills in their scores. Those
   * that rounding keeps apart from the best are out, the others go by float64 distances.
   */
  function nearest(vectors: Float32Array, at: number, first: number, count: number): number {
    const row = memory.address(vectors, at);
    let best = 0;
    for (let c = 0; c < count; c++) {
      const j = chosen[first + c];
      scores[c] = kernels.roughDot(row, bytes, room.byteOffset + j * bytes) - halfSquared[j];
      if (scores[c] > scores[best]) best = c;
    }
    const behind = scores[best] - 2 * bound - ROUNDING;
    let winner = chosen[first + best];
    let least = Number.POSITIVE_INFINITY;
    for (let c = 0; c < count; c++) {
      if (c === best || scores[c] < behind) continue;
      if (least === Number.POSITIVE_INFINITY) least = squaredDistance(vectors, at, centroids, winner * dim, dim);
      const j = chosen[first + c];
      const distance = squaredDistance(vectors, at, centroids, j * dim, dim);
      if (distance < least || (distance === least && j < winner)) {
        least = distance;
        winner = j;
      }
    }
    return winner;
  }

  return {
    use(next) {
      centroids = next as Float32Array<ArrayBuffer>;
      let most = 0;
      for (let j = 0; j < k; j++) {
        const at = room.byteOffset + j * bytes;
        placed.set(next.subarray(j * dim, (j + 1) * dim), j * width);
        halfSquared[j] = kernels.dot(at, bytes, at) / 2;
        most = Math.max(most, halfSquared[j]);
      }
      bound = roughBound(width) * Math.sqrt(2 * most) * (1 + NORM_SLACK);
    },
    async decide({ state, tracker, start, own, vectors: resident }, open, count) {
      let decided = 0;
      let left = 0;
      for (let o = 0; o < count; o++) {
        const row = open[o];
        const at = starts[decided];
        const found = tracker.rivals(row, own[row - start], chosen, at, limit);
        if (found < 0) open[left++] = row;
        else {
          few[decided++] = row;
          chosen[at + found] = own[row - start];
          starts[decided] = at + found + 1;
        }
      }
      if (decided === 0) return left;
      const vectors = resident ?? state.open.vectors;
      if (!resident) await state.rows.gather(few.subarray(0, decided), vectors);
      for (let f = 0; f < decided; f++) {
        const row = few[f];
        const at = (resident ? row - start : f) * dim;
        const size = starts[f + 1] - starts[f];
        const to = nearest(vectors, at, starts[f], size);
        tracker.syncFew(row, to, { centroids: chosen, at: starts[f], count: size, scores, bound });
        place(state, row, to, vectors, at);
      }
      return left;
    },
  };
}
