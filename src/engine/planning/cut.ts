/** Tasks that read the inputs, at most, for each worker: enough for a late worker to find some, few enough to start fast. */
const SHARDS_A_WORKER = 4;

/** Bytes of input for each bucket of the exact stage, whose texts one worker holds in memory as hashes. */
const BYTES_A_BUCKET = 2 ** 31;

/** Bytes that a text may have on average, where nothing is known of the inputs but their size. */
const BYTES_A_TEXT = 256;

/** Tasks that embed, for each worker, if texts are as long as that. */
const CHUNKS_A_WORKER = 16;

/** How the work of a run is cut. */
export interface Cut {
  readonly shards: readonly (readonly [start: number, end: number])[];
  readonly buckets: number;
  readonly chunkTexts: number;
}

/**
 * Cuts a run for so many workers. More or fewer may work on it.
 * @param bytes size of each input file, in order
 * @param options.slow whether a model embeds that takes milliseconds a text, so that small chunks are worth a task
 */
export function cutRun(bytes: readonly number[], { workers, slow }: { workers: number; slow: boolean }): Cut {
  const total = bytes.reduce((sum, size) => sum + size, 0);
  const buckets = Math.min(1024, Math.max(workers, Math.ceil(total / BYTES_A_BUCKET)));
  const [least, most] = slow ? [2048, 2 ** 15] : [2 ** 15, 2 ** 17];
  const wanted = Math.ceil(total / BYTES_A_TEXT / (workers * CHUNKS_A_WORKER) / 1024) * 1024;
  return {
    shards: cutShards(bytes, workers * SHARDS_A_WORKER),
    buckets,
    chunkTexts: Math.min(most, Math.max(least, wanted)),
  };
}

/**
 * Deals consecutive files to at most `most` shards of about equal bytes.
 * @returns the files [start, end) of each shard, none of which is empty
 */
export function cutShards(bytes: readonly number[], most: number): [start: number, end: number][] {
  const sizes = bytes.map((size) => Math.max(size, 1));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const count = Math.min(most, sizes.length);
  const shards: [start: number, end: number][] = [];
  let before = 0;
  let last = -1;
  for (const [file, size] of sizes.entries()) {
    // The middle of a file tells to which part of all bytes it belongs.
    const shard = Math.floor((count * (before + size / 2)) / total);
    if (shard !== last) shards.push([file, file]);
    shards[shards.length - 1][1] = file + 1;
    before += size;
    last = shard;
  }
  return shards;
}
