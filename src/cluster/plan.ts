import { type Grouping, groupingOf } from "./grouping.js";
import { trackedTileBytes } from "./track.js";
import { trackedBytes } from "./tracked-rows.js";

/** How a run uses its memory. */
export interface Plan {
  /** Rows of a tile. */
  readonly tileRows: number;
  /** The first rows, whole tiles of them or all, whose scores are followed. */
  readonly tracked: number;
  /** Of the centroids, which share bounds in them. */
  readonly grouping: Grouping;
  /** Bytes for vectors that stay in memory. */
  readonly resident: number;
  /** Bytes of it all that the row kernels work on: resident vectors and tiles, and bounds, sums and a copy of the centroids. */
  readonly kernelVectors: number;
  readonly kernelRest: number;
}

/** Sums, centroids before and after an update, what the steps have reached, codes, and copies for the kernels. */
const CENTROID_COMPONENT = 40;

/** Most bounds of a row: more of them would cost more than the rows that fewer leave open. */
const MOST_GROUPS = 512;

/** Fewer bounds of a row leave so many open that to track more rows gains nothing. */
const LEAST_GROUPS = 256;

/** Most bytes of bounds: all that the kernels work on is 4 GiB at most. */
export const MOST_BOUNDS = 3 * 2 ** 30;

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
  const free = Math.max(0, memory - fixedBytes({ dim, k, tileRows }));
  const grouping = groupingOf(k, affordableGroups({ free, rows, dim }));
  const bytes = trackedBytes(dim, grouping);
  const affordable = Math.min(free / bytes.all, MOST_BOUNDS / bytes.kernels);
  const tracked = affordable < rows ? Math.floor(affordable / tileRows) * tileRows : rows;
  const resident = free - tracked * bytes.all;
  const width = Math.ceil(dim / 16) * 16;
  return {
    tileRows,
    tracked,
    grouping,
    resident,
    kernelVectors: Math.min(resident, 4 * dim * tileRows * Math.ceil(rows / tileRows)) + 12 * tileRows * dim + 1024,
    // Sums are float64; a few rows are on their way to become codes.
    kernelRest: 12 * k * width + 64 * width + 1024 + tracked * bytes.kernels + trackedTileBytes(grouping, tileRows),
  };
}

/** As many groups as let `free` bytes track all rows, within what is of use. */
function affordableGroups({ free, rows, dim }: { free: number; rows: number; dim: number }): number {
  const { all, kernels } = trackedBytes(dim, { stride: 0 });
  const share = Math.max(1, rows);
  const bytes = Math.min(free / share - all, MOST_BOUNDS / share - kernels);
  // Bounds come in fours of 4 bytes.
  const groups = 4 * Math.floor(bytes / 16);
  return Math.max(LEAST_GROUPS, Math.min(MOST_GROUPS, groups));
}

/** Bytes that the centroids and a few tiles take: three of vectors and two of scores. */
export function fixedBytes({ dim, k, tileRows }: { dim: number; k: number; tileRows: number }): number {
  return CENTROID_COMPONENT * k * dim + tileRows * (12 * dim + 8 * k);
}

/** Bytes that a worker takes before it has any rows: the runtime and the engine in it. */
const WORKER = 64 * 2 ** 20;

/** Components of a shard's vectors below which a worker of its own takes longer to start than it saves. */
const LEAST_COMPONENTS = 2 ** 22;

/**
 * How many shards to deal the rows to, at most one for each of `threads`, and what each may use of the memory: as many as leave half of
 * it for bounds and vectors.
 */
export function planShards(options: {
  readonly memory: number;
  readonly rows: number;
  readonly dim: number;
  readonly k: number;
  readonly threads: number;
}): { readonly shards: number; readonly memory: number } {
  const { memory, rows, dim, k, threads } = options;
  const perShard = CENTROID_COMPONENT * k * dim + WORKER;
  const most = Math.min(threads, (rows * dim) / LEAST_COMPONENTS, memory / 2 / perShard);
  const shards = Math.max(1, Math.floor(most));
  return { shards, memory: (memory - (shards - 1) * WORKER) / shards };
}
