import { trackedBytes } from "./track.js";

/** How a run uses its memory. */
export interface Plan {
  /** Rows of a tile. */
  readonly tileRows: number;
  /** The first rows, whole tiles of them or all, whose scores are followed. */
  readonly tracked: number;
  /** Bytes for vectors that stay in memory. */
  readonly resident: number;
  /** Bytes of it all that the row kernels work on: resident vectors and tiles, and sums and a copy of the centroids. */
  readonly kernelVectors: number;
  readonly kernelRest: number;
}

/** Sums, centroids before and after an update, what the steps have reached, codes, and copies for the kernels. */
const CENTROID_COMPONENT = 40;

/**
 * Shares `memory` bytes out: first what the centroids and a few tiles take, then bounds, which save most, then vectors. Rows of a
 * tile, where not given: 32 MB of vectors, so that calls of the engine weigh little, or less where `memory` is below 1 GiB; scores of
 * 8 MB; for many centroids 512 rows all the same, since each product first rearranges the centroids.
 */
export function planMemory(options: {
  readonly memory: number;
  readonly rows: number;
  readonly dim: number;
  readonly k: number;
  readonly tileRows?: number;
}): Plan {
  const { memory, rows, dim, k } = options;
  const most = Math.min(2 ** 23 / dim, memory / (128 * dim), Math.max(512, 2 ** 21 / k));
  const tileRows = options.tileRows ?? Math.max(64, Math.min(32768, 2 ** Math.floor(Math.log2(most))));
  // Three tiles of vectors and two of scores.
  const fixed = CENTROID_COMPONENT * k * dim + tileRows * (12 * dim + 8 * k);
  const free = Math.max(0, memory - fixed);
  const tiles = Math.floor(free / (tileRows * trackedBytes(dim, k)));
  const tracked = Math.min(rows, tiles * tileRows);
  const resident = free - tracked * trackedBytes(dim, k);
  const width = Math.ceil(dim / 16) * 16;
  return {
    tileRows,
    tracked,
    resident,
    kernelVectors: Math.min(resident, 4 * dim * tileRows * Math.ceil(rows / tileRows)) + 12 * tileRows * dim + 1024,
    // Sums are float64; a few rows are on their way to become codes.
    kernelRest: 12 * k * width + 64 * width + 1024,
  };
}
