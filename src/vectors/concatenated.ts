import type { VectorReader } from "./reader.js";

/** Readers behind one another. */
export interface ConcatenatedReader extends VectorReader {
  /** Position of the first vector of each reader, and behind the last one the number of all vectors. */
  readonly starts: Float64Array;
  /** Number of the reader that holds a position. */
  readerAt(position: number): number;
}

/**
 * Puts readers behind one another as one reader whose positions run through: those of the second reader start at the
 * count of the first. The readers stay the caller's. All of them have the same number of components.
 */
export function concatenated(readers: readonly VectorReader[]): ConcatenatedReader {
  const starts = new Float64Array(readers.length + 1);
  for (const [i, { count }] of readers.entries()) starts[i + 1] = starts[i] + count;
  const { dim } = readers[0];
  return {
    count: starts[readers.length],
    dim,
    starts,
    readerAt: (position) => readerAt(starts, position),
    async gather(positions, into) {
      for (let start = 0; start < positions.length; ) {
        const reader = readerAt(starts, positions[start]);
        const [first, last] = [starts[reader], starts[reader + 1]];
        let end = start + 1;
        while (end < positions.length && positions[end] >= first && positions[end] < last) end++;
        const own = Uint32Array.from({ length: end - start }, (_, i) => positions[start + i] - first);
        await readers[reader].gather(own, into.subarray(start * dim, end * dim));
        start = end;
      }
    },
  };
}

/** The last reader that starts at or before a position; an empty one shares its start with the next. */
export function readerAt(starts: ArrayLike<number>, position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= position) low = middle;
    else high = middle;
  }
  return low;
}
