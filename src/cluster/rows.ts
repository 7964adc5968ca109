import type { VectorReader } from "../vectors/reader.js";

/**
 * The vectors of a shard, numbered 0 to n − 1 as *rows* and cut into tiles. The first tiles stay in memory, as many as
 * `memory` allows. The others are read again in every pass, each while the tile before it is worked on.
 */
export interface Rows {
  readonly count: number;
  readonly dim: number;
  /** Rows of a tile. */
  readonly tileRows: number;
  /**
   * Returns the vectors of the tile that starts at row `start`, a multiple of tileRows: tileRows × dim float32,
   * undefined after the last row. The rows own the array; do not write to it. It keeps its content through the next
   * call, and the call after that may overwrite it.
   * @throws the error of the reader where the tile cannot be read
   */
  tile(start: number): Promise<Float32Array>;
  /** Waits until the read in progress has ended, and ignores its error. */
  close(): Promise<void>;
}

/**
 * Reads the tiles that stay in memory and returns the rows. Memory: `memory` bytes for these tiles, and two more tiles
 * where not all rows fit.
 */
export async function openRows(options: {
  readonly vectors: VectorReader;
  /** Store position of each row, ascending. */
  readonly positions: Uint32Array;
  readonly tileRows: number;
  /** Bytes of vectors that may stay in memory. */
  readonly memory: number;
  /** Where the first of them lie, in whole tiles; default: nowhere yet. */
  readonly resident?: Float32Array;
  /** Called after each tile read while opening; may throw to stop. */
  readonly onTile?: () => void;
}): Promise<Rows> {
  const { vectors, positions, tileRows, memory, resident: room, onTile } = options;
  const { dim } = vectors;
  const count = positions.length;
  const size = tileRows * dim;
  const kept: Float32Array[] = [];
  const affordable = Math.floor(memory / (4 * size));
  for (let start = 0; start < count && kept.length < affordable; start += tileRows) {
    const from = kept.length * size;
    const given = room?.subarray(from, from + size);
    const tile = given?.length === size ? given : new Float32Array(size);
    await read(start, tile);
    kept.push(tile);
    onTile?.();
  }
  // The caller works on one buffer while the other is filled.
  const buffers = kept.length * tileRows < count ? [new Float32Array(size), new Float32Array(size)] : [];
  let turn = 0;
  let ahead: { start: number; buffer: Float32Array; done: Promise<void> } | null = null;

  async function read(start: number, into: Float32Array): Promise<void> {
    const rows = positions.subarray(start, start + tileRows);
    await vectors.gather(rows, into.subarray(0, rows.length * dim));
  }

  /** Starts to read a tile into the buffer that was handed out before the last one. */
  function begin(start: number) {
    turn ^= 1;
    const buffer = buffers[turn];
    const done = read(start, buffer);
    // A read error is reported by the call of `tile` that awaits the read; an error that no call awaits is ignored.
    done.catch(() => {});
    return { start, buffer, done };
  }

  /** Waits for the read ahead, if there is one, and drops its tile. */
  async function dropAhead(): Promise<void> {
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
        await dropAhead();
        ahead = begin(start);
      }
      const { buffer, done } = ahead;
      await done;
      const next = start + tileRows;
      ahead = next < count ? begin(next) : null;
      return buffer;
    },
    close: dropAhead,
  };
}
