import type { VectorReader } from "../vectors/reader.js";

/**
 * The vectors to cluster, numbered 0 to n − 1 as *rows* and cut into tiles: as many of the first tiles as a budget allows
 * stay in memory, the others are read again in every pass, one tile ahead of the work.
 */
export interface Rows extends VectorReader {
  /** Rows of a tile. */
  readonly tileRows: number;
  /** The first of these rows are in memory. */
  readonly resident: number;
  /** Copies rows, in ascending order, one after another to the start of `into`. */
  gather(rows: Uint32Array, into: Float32Array): Promise<void>;
  /**
   * Vectors of the tile that starts at row `start`, a multiple of tileRows: tileRows × dim, undefined content after the last
   * row. Not to be written to; holds until the next but one call.
   */
  tile(start: number): Promise<Float32Array>;
  /** Waits for a read that is still under way; its failure no longer matters. */
  close(): Promise<void>;
}

/**
 * Reads the resident tiles and returns the rows.
 * Memory: `memory` bytes of resident vectors and, where not all of them fit, two tiles.
 */
export async function openRows(options: {
  readonly vectors: VectorReader;
  /** Position of each row, ascending. */
  readonly positions: Uint32Array;
  readonly tileRows: number;
  /** Bytes of vectors to keep. */
  readonly memory: number;
  /** Makes zeroed room for vectors; ordinary memory where absent. */
  readonly allocate?: (length: number) => Float32Array;
  /** Called after each tile that was read. */
  readonly onTile?: () => void;
}): Promise<Rows> {
  const { vectors, positions, tileRows, memory, onTile } = options;
  const allocate = options.allocate ?? ((length: number) => new Float32Array(length));
  const { dim } = vectors;
  const count = positions.length;
  const size = tileRows * dim;
  const kept: Float32Array[] = [];
  const affordable = Math.floor(memory / (4 * size));
  for (let start = 0; start < count && kept.length < affordable; start += tileRows) {
    const tile = allocate(size);
    await read(start, tile);
    kept.push(tile);
    onTile?.();
  }
  const resident = Math.min(count, kept.length * tileRows);
  // Work on one while the other is filled.
  const buffers: Float32Array[] = resident < count ? [allocate(size), allocate(size)] : [];
  let turn = 0;
  let ahead: { start: number; buffer: Float32Array; done: Promise<void> } | null = null;

  async function read(start: number, into: Float32Array): Promise<void> {
    const rows = positions.subarray(start, start + tileRows);
    await vectors.gather(rows, into.subarray(0, rows.length * dim));
  }

  /** Starts reading a tile in the buffer that was used longer ago. */
  function begin(start: number) {
    turn ^= 1;
    const buffer = buffers[turn];
    const done = read(start, buffer);
    // Reported when the tile is asked for; until then a failure is nobody's.
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
    resident,
    async gather(rows, into) {
      let r = 0;
      for (; r < rows.length && rows[r] < resident; r++) {
        const at = (rows[r] % tileRows) * dim;
        into.set(kept[Math.floor(rows[r] / tileRows)].subarray(at, at + dim), r * dim);
      }
      if (r < rows.length) {
        const wanted = Uint32Array.from(rows.subarray(r), (row) => positions[row]);
        await vectors.gather(wanted, into.subarray(r * dim, rows.length * dim));
      }
    },
    async tile(start) {
      if (start < resident) return kept[start / tileRows];
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
