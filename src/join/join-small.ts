import { float32DotError } from "../vectors/cosine.js";
import { gatherInAnyOrder } from "../vectors/gather.js";
import { areFewScores, loopScores } from "./codes/loop-scores.js";
import { createScoreProduct } from "./codes/tile-product.js";
import type { JoinOptions } from "./join-options.js";
import type { Judge } from "./judge.js";
import { referenceTiles } from "./reference-tiles.js";

/** Multiplications by which a reference vector gets its code, for each of its components. */
const CODING = 256;

/** Multiplications in the time of learning a basis, about 0.1 s, and in that of compiling the products of learnt codes. */
const LEARNING = 8e9;
const COMPILING = 1e9;

/**
 * True where float32 products of all pairs take less time than learning a basis and coding the reference vectors: up to
 * 3,500 vectors of 1,024 components or 5,600 of 256, and up to 200 of 1,024 against any number. Fetching a score costs
 * as much as 256 multiplications.
 * @param learnt true where codes need not be learnt; then up to 1,200 vectors of 1,024 components
 */
export function isSmall(count: number, dim: number, references = 0, learnt = false): boolean {
  const preparing = learnt ? COMPILING : LEARNING;
  return count * (count / 2 + references) * (dim + 256) <= preparing + CODING * dim * references;
}

/** Rows that are decided together, and columns of one product. */
const TILE_ROWS = 512;
const TILE_COLUMNS = 2048;

/**
 * The join of few vectors. Float32 scores of a tile with the vectors kept so far, then with the tile itself, reject the
 * pairs whose score is below the threshold by more than the error of a score; the others are judged. Holds all vectors,
 * count × dim float32, one tile of scores, 4 MB, and 4,096 vectors of the references, which all rows meet first. Both
 * arrays are compacted in place; while a tile is decided they hold
 *
 *     | kept vectors | gap left by removed rows | the tile   | rows still to come |
 *     0            kept                       start        end
 *
 * @param references positions of the references' vectors, in priority order; none by default
 */
export async function joinSmall(
  options: JoinOptions,
  judge: Judge,
  references: Uint32Array = new Uint32Array(0),
): Promise<void> {
  const { vectors, order, threshold, engine, wideEngine = engine, within = true, onProgress, signal } = options;
  const { dim } = vectors;
  const positions = order.slice();
  const values = new Float32Array(positions.length * dim);
  await gatherInAnyOrder(vectors, positions, values);
  // A tile with its own rows has twice as many scores as pairs.
  const few = areFewScores(positions.length * (positions.length + references.length), dim);
  const product = few ? loopScores(dim) : await createScoreProduct(wideEngine, dim);
  const scoreThreshold = threshold - float32DotError(dim);
  const part = (start: number, end: number) => values.subarray(start * dim, end * dim);
  // Kept vectors move to the front, so that they lie together as the columns of a product.
  let kept = 0;
  try {
    const rows = await joinReferences();
    if (!within) onProgress?.(positions.length);
    for (let start = 0; within && start < rows; start += TILE_ROWS) {
      let end = Math.min(start + TILE_ROWS, rows);
      // The last product has the tile's own rows as its columns: each row meets the earlier rows only.
      for (let first = 0; ; first += TILE_COLUMNS) {
        signal?.throwIfAborted();
        const within = first >= kept;
        const from = within ? start : first;
        const to = within ? end : Math.min(first + TILE_COLUMNS, kept);
        const scores = await product.scores(part(start, end), part(from, to));
        for (let r = start; r < end; r++) {
          const at = (r - start) * (to - from);
          const columns = within ? r - start : to - from;
          for (let c = 0; c < columns; c++) {
            if (scores[at + c] < scoreThreshold) continue;
            judge.judge(positions[r], positions[from + c], values, r * dim, values, (from + c) * dim);
          }
        }
        end = compact(start, end);
        if (within || end === start) break;
      }
      values.copyWithin(kept * dim, start * dim, end * dim);
      positions.copyWithin(kept, start, end);
      kept += end - start;
      onProgress?.(positions.length - rows + Math.min(start + TILE_ROWS, rows));
    }
  } finally {
    await product.release();
  }

  /** Decides all rows against the references, which are read once. @returns the number of rows that stay, at the front */
  async function joinReferences(): Promise<number> {
    let rows = positions.length;
    for await (const tile of referenceTiles(vectors, references, { rows: TILE_COLUMNS, lasting: 1 })) {
      const count = tile.positions.length;
      for (let start = 0; start < rows; start += TILE_ROWS) {
        signal?.throwIfAborted();
        const end = Math.min(start + TILE_ROWS, rows);
        const scores = await product.scores(part(start, end), tile.values);
        for (let r = start, at = 0; r < end; r++) {
          for (let c = 0; c < count; c++, at++) {
            if (scores[at] < scoreThreshold) continue;
            judge.judge(positions[r], tile.positions[c], values, r * dim, tile.values, c * dim);
          }
        }
      }
      rows = compact(0, rows);
      options.onReferences?.(tile.end);
      if (rows === 0) break;
    }
    return rows;
  }

  /** Closes the gaps that removed rows leave in the tile and returns the tile's new end. */
  function compact(start: number, end: number): number {
    let n = start;
    for (let r = start; r < end; r++) {
      if (judge.isRemoved(positions[r])) continue;
      if (n < r) {
        positions[n] = positions[r];
        values.copyWithin(n * dim, r * dim, (r + 1) * dim);
      }
      n++;
    }
    return n;
  }
}
