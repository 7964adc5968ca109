import type { VectorReader } from "../vectors/reader.js";

/**
 * The vectors to cluster, numbered 0 to n − 1 as *rows* and cut into tiles. As many of the first tiles as a budget allows
 * stay in memory; the others are read again in every pass, one tile ahead of the work.
 */
export interface Rows {
  readonly count: number;
  readonly dim: number;
  /** Rows of a tile. */
  readonly tileRows: number;
  /**
   * Vectors of the tile that starts at row `start`, a multiple of tileRows: tileRows × dim, with undefined content after the last
   * row. Do not write to them; they hold until the next but one call. Throws where the tile cannot be read.
   */
  tile(start: number): Promise<Float32Array>;
  /** Waits for a read that is still under way; its failure no longer matters. */
  close(): Promise<void>;
}

/**
 * Reads the resident tiles and returns the rows. Memory: `memory` bytes of resident vectors and, where not all of them fit, two tiles.
 */
export async function openRows(options: {
  readonly vectors: VectorReader;
  /** Position of each row, ascending. */
  readonly positions: Uint32Array;
  readonly tileRows: number;
  /** Bytes of vectors to keep. */
  readonly memory: number;
  /** Called after each tile that was read; may throw to stop. */
  readonly onTile?: () => void;
}): Promise<Rows> {
  const { vectors, positions, tileRows, memory, onTile } = options;
  const { dim } = vectors;
  const count = positions.length;
  const size = tileRows * dim;
  const kept: Float32Array[] = [];
  const affordable = Math.floor(memory / (4 * size));
  for (let start = 0; start < count && kept.length < affordable; start += tileRows) {
    const tile = new Float32Array(size);
    await read(start, tile);
    kept.push(tile);
    onTile?.();
  }
  // One is worked on while the other is filled.
  const buffers = kept.length * tileRows < count ? [new Float32Array(size), new Float32Array(size)] : [];
  let turn = 0;
  let ahead: { start: number; buffer: Float32Array; done: Promise<void> } | null = null;

  async function read(start: number, into: Float32Array): Promise<void> {
    const rows = positions.subarray(start, start + tileRows);
    await vectors.gather(rows, into.subarray(0, rows.length * dim));
  }

  /** Starts to read a tile into the buffer that was used longer ago. */
  function begin(start: number) {
    turn ^= 1;
    const buffer = buffers[turn];
    const done = read(start, buffer);
    // `tile` reports a failure; until then nobody waits for it.
    done.catch(() => {});
    return { start, buffer, done };
  }

  async function settle(): Promise<void> {
    const pending = ahead;
    ahead = null;
    await pending?.done.catch(() => {});
  }

  return {
    count,
    dim,
    tileRows,
    async tile(start) {
      const resident = kept[start / tileRows];
      if (resident) return resident;
      if (ahead?.start !== start) {
        await settle();
        ahead = begin(start);
      }
      const { buffer, done } = ahead;
      await done;
      const next = start + tileRows;
      ahead = next < count ? begin(next) : null;
      return buffer;
    },
    close: settle,
  };
}
