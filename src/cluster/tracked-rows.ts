import { NORM_SLACK } from "./assign.js";
import { type CodeTile, createCodeTile, type Encoder } from "./codes.js";
import { roughBound } from "./dot-kernels.js";
import type { Grouping } from "./grouping.js";
import { mixingOf } from "./mixing.js";
import type { RowMemory } from "./row-memory.js";

/** A tile of tracked rows. */
export interface TrackedTile extends CodeTile {
  /** Lower bound of the score of each row's own centroid. */
  readonly lowest: Float64Array;
}

/** What is known of the tracked rows (see track.ts); the arrays over all rows are in the kernels' memory. */
export interface TrackedRows {
  /** Upper bounds of the scores in each group, the row's own centroid left out, divided by s; rows × stride. */
  readonly bounds: Float32Array;
  /** 1/s, |e|/s, |y|/s of each row, and the least bound that opens it; after `putOnCentre` that of all its centroids. */
  readonly coefficients: Float32Array;
  readonly tiles: readonly TrackedTile[];
  /**
   * Lets the own scores of the `count` rows of the tile at row `start` be those of a centroid on the centre and leaves those of all
   * centroids in the coefficients. Returns the tile; `vectors` are its vectors.
   */
  putOnCentre(start: number, vectors: Float32Array, count: number): TrackedTile;
}

/** Bound of a group that has no centroid but the row's own. */
export const NONE = Number.NEGATIVE_INFINITY;

/** Bytes that a tracked row takes, and those of them that are in the kernels' memory. */
export function trackedBytes(
  dim: number,
  { stride }: Pick<Grouping, "stride">,
): { readonly all: number; readonly kernels: number } {
  const kernels = 4 * stride + 16;
  return { all: mixingOf(dim).width + kernels + 24, kernels };
}

/** Makes room for rows; they get their codes when they are first put on the centre. */
export function createTrackedRows(options: {
  readonly memory: RowMemory;
  readonly encoder: Encoder;
  readonly centre: Float32Array;
  readonly rows: number;
  readonly stride: number;
  readonly tileRows: number;
}): TrackedRows {
  const { memory, encoder, centre, rows, stride, tileRows } = options;
  const { kernels, dim, width } = memory;
  const bounds = memory.singles(rows * stride);
  const coefficients = memory.singles(4 * rows);
  const placed = memory.singles(width);
  placed.set(centre);
  const tiles: TrackedTile[] = [];

  function encode(start: number, vectors: Float32Array, count: number): TrackedTile {
    const tile = { ...createCodeTile(count, width), lowest: new Float64Array(count) };
    encoder.encode(vectors, count, tile, 0);
    const { scale, error, length } = tile;
    for (let r = 0, at = 4 * start; r < count; r++, at += 4) {
      coefficients[at] = 1 / scale[r];
      coefficients[at + 1] = error[r] / scale[r];
      coefficients[at + 2] = length[r] / scale[r];
    }
    return tile;
  }

  return {
    bounds,
    coefficients,
    tiles,
    putOnCentre(start, vectors, count) {
      const t = start / tileRows;
      // Codes are the same whatever the centroids.
      tiles[t] ??= encode(start, vectors, count);
      const { lowest, scale } = tiles[t];
      const centreAt = placed.byteOffset;
      const squared = kernels.dot(centreAt, 4 * width, centreAt);
      const off = roughBound(width) * Math.sqrt(squared) * (1 + NORM_SLACK);
      for (let r = 0, at = 4 * start + 3; r < count; r++, at += 4) {
        const score = kernels.roughDot(memory.address(vectors, r * dim), 4 * width, centreAt) - squared / 2;
        lowest[r] = score - off;
        coefficients[at] = (score + off) / scale[r];
      }
      return tiles[t];
    },
  };
}
