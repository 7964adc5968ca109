import { gatherInAnyOrder } from "../vectors/gather.js";
import type { VectorReader } from "../vectors/reader.js";

/** Consecutive vectors of the references, in memory. */
export interface ReferenceTile {
  /** Position of each vector, in priority order. */
  readonly positions: Uint32Array;
  /** positions.length × dim, row-major, in buffers that tiles use in turn. */
  readonly values: Float32Array;
  /** Number of reference vectors up to the end of this tile. */
  readonly end: number;
}

/**
 * Reads the vectors at the positions `kept` tile by tile; while a tile is with the caller, the next one is read.
 * @param tile.rows vectors of each tile but the last
 * @param tile.lasting number of tiles whose values are valid at the same time: the last one that was yielded and those
 * before it. One more is held.
 * @throws what the reader throws, at the tile that could not be read
 */
export async function* referenceTiles(
  vectors: VectorReader,
  kept: Uint32Array,
  { rows, lasting }: { rows: number; lasting: number },
): AsyncGenerator<ReferenceTile> {
  const { dim } = vectors;
  const ring = Array.from({ length: lasting + 1 }, () => new Float32Array(Math.min(rows, kept.length) * dim));
  const read = async (start: number): Promise<ReferenceTile> => {
    const positions = kept.subarray(start, start + rows);
    const values = ring[(start / rows) % ring.length].subarray(0, positions.length * dim);
    await gatherInAnyOrder(vectors, positions, values);
    return { positions, values, end: start + positions.length };
  };
  if (kept.length === 0) return;
  let reading = read(0);
  try {
    for (let start = 0; start < kept.length; start += rows) {
      const tile = await reading;
      if (tile.end < kept.length) {
        reading = read(tile.end);
        // An error is reported to whoever awaits the read, at the next tile.
        reading.catch(() => {});
      }
      yield tile;
    }
  } finally {
    // Where the caller stops early, it may close the file only after this.
    await reading.catch(() => {});
  }
}
