import { boundBytes } from "./assign/workspace.js";

/** The memory plan of a shard. */
export interface Plan {
  /** Rows of a tile. */
  readonly tileRows: number;
  /** Bytes of vectors that stay in memory. The vectors beyond them are read again in each iteration. */
  readonly resident: number;
  /** Number of rows whose bounds are kept from one iteration to the next: those whose vectors stay in memory. */
  readonly bounded: number;
}

/**
 * Bytes for each component of the centroids. Three float64 arrays hold sums: those of the shard, the copy sent to the
 * main thread, and the total of all shards (24 bytes). Five float32 arrays hold centroids: before the update, after the
 * update, that of the kernels, and two copies that the engine rearranges for its product (20 bytes).
 */
const CENTROID_COMPONENT = 44;

/** Most bytes of the bounds of a shard: they lie in the memory of the kernels, which has 4 GB, beside vectors. */
const BOUNDS = 2 ** 30;

/**
 * Divides `memory` bytes among the arrays of a shard. Centroids, three tiles of vectors and two tiles of scores come
 * first; the bytes left over hold vectors that stay in memory, with their bounds (`resident` and `bounded`, which may be 0).
 *
 * Default of `tileRows`: the largest power of two from 64 to 32,768 whose vectors take at most 32 MB (or 1/32 of
 * `memory`, if that is less) and whose scores take at most 8 MB. Tiles of this size make the overhead of an engine call
 * small. Each product first rearranges all centroids, so the limit on the scores does not cut a tile below 512 rows.
 * With 1,024 components a tile has 8,192 rows for k = 100 and 512 rows for k = 10,000.
 */
export function planMemory(options: {
  readonly memory: number;
  readonly dim: number;
  readonly k: number;
  readonly tileRows?: number;
}): Plan {
  const { memory, dim, k } = options;
  const most = Math.min(2 ** 23 / dim, memory / (128 * dim), Math.max(512, 2 ** 21 / k));
  const tileRows = options.tileRows ?? Math.max(64, Math.min(32768, 2 ** Math.floor(Math.log2(most))));
  const fixed = CENTROID_COMPONENT * k * dim + tileRows * (12 * dim + 8 * k);
  return { tileRows, ...planRows({ memory: memory - fixed, tileRows, dim, k }) };
}

/** Gives `memory` bytes to vectors that stay in memory and their bounds, in whole tiles. */
export function planRows(options: {
  readonly memory: number;
  readonly tileRows: number;
  readonly dim: number;
  readonly k: number;
}): Omit<Plan, "tileRows"> {
  const { memory, tileRows, dim, k } = options;
  const bounds = tileRows * boundBytes(k);
  const tiles = Math.max(0, Math.floor(memory / (bounds + tileRows * dim * 4)));
  return { resident: tiles * tileRows * dim * 4, bounded: Math.min(tiles, Math.floor(BOUNDS / bounds)) * tileRows };
}

/** Bytes that a worker takes before it holds any rows, for the JavaScript runtime and the engine. */
const WORKER = 64 * 2 ** 20;

/**
 * Least number of vector components in a shard, or of products of them with those of all centroids. A worker with fewer
 * takes longer to start than it saves.
 */
const LEAST_COMPONENTS = 2 ** 22;
const LEAST_PRODUCTS = 2 ** 27;

/**
 * Chooses the number of shards, and the bytes of each: as many shards as there are threads, but only so many that the
 * centroids and workers of all shards take at most half of `memory`, and each shard has 4 M components
 * or 128 M products.
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
  const worth = rows * dim * Math.max(1 / LEAST_COMPONENTS, k / LEAST_PRODUCTS);
  const most = Math.min(threads, worth, memory / 2 / perShard);
  const shards = Math.max(1, Math.floor(most));
  return { shards, memory: (memory - (shards - 1) * WORKER) / shards };
}
