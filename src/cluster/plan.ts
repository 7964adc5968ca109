/** How a shard uses its memory. */
export interface Plan {
  /** Rows of a tile. */
  readonly tileRows: number;
  /** Bytes for vectors that stay in memory; vectors beyond them are read again in each iteration. */
  readonly resident: number;
}

/**
 * Bytes for each component of the centroids: float64 sums, the copy of them that leaves the shard and the sums of all shards; float32
 * centroids before and after an update, and two copies that the engine rearranges.
 */
const CENTROID_COMPONENT = 40;

/**
 * Shares `memory` bytes out: first to the centroids and three tiles of vectors with two of scores, then to vectors that stay. Where
 * the caller does not give the rows of a tile, they are a power of two, at least 64: 32 MB of vectors, so that calls of the engine
 * weigh little, or less where `memory` is below 1 GiB; 8 MB of scores, but for many centroids 512 rows all the same, since
 * each product first rearranges the centroids.
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
  return { tileRows, resident: Math.max(0, memory - fixed) };
}

/** Bytes that a worker takes before it has any rows: the runtime and the engine in it. */
const WORKER = 64 * 2 ** 20;

/** Components of a shard's vectors below which a worker of its own takes longer to start than it saves. */
const LEAST_COMPONENTS = 2 ** 22;

/**
 * Number of shards to deal the rows to, at most one for each of `threads`, and the bytes that each of them may use: as many
 * shards as leave half of the memory for vectors.
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
