import type { ScoreProduct } from "../../join/codes/tile-product.js";
import { cosine, float32DotError } from "../../vectors/cosine.js";
import type { VectorReader } from "../../vectors/reader.js";

/** What looks at pairs. */
export interface PairVisitor {
  /**
   * For each entry of `rows`, the lowest score at which a pair is worth a look. The visitor owns the array and may raise
   * an entry at any time.
   */
  readonly floors: Float64Array;
  /**
   * Looks at a pair.
   * @param row index of the row in `rows`
   * @param column position of the other vector
   * @param least lower bound of the cosine, which lies within twice the error of a float32 score below `most`
   * @param most upper bound of the cosine
   * @param measure measures the cosine in float64; only valid during the call
   */
  visit(row: number, column: number, least: number, most: number, measure: () => number): void;
}

/** Options of `scanPairs`. */
export interface ScanPairsOptions {
  readonly vectors: VectorReader;
  /** Positions of the rows, ascending. */
  readonly rows: Uint32Array;
  /** Compares each row only with the positions before it, which is half the work where the rows are all vectors. */
  readonly earlierOnly: boolean;
  readonly visitors: readonly PairVisitor[];
  /** Float32 products of vectors of this dimension. The caller releases it. */
  readonly product: ScoreProduct;
  /** Receives the number of pairs compared so far. */
  readonly onProgress?: (pairs: number) => void;
  readonly signal?: AbortSignal;
}

/** Rows and columns of one product: 4 MB of scores. */
const TILE_ROWS = 512;
const TILE_COLUMNS = 2048;
/** Bytes of the rows that stay in memory while the columns pass. */
const BLOCK_BYTES = 16 << 20;

/**
 * Compares rows with all vectors, exactly: a float32 score that is below a visitor's floor by more than its error
 * rejects a pair, and the visitors measure the others in float64. Linear in the number of rows times the number of
 * vectors. Holds 28 MB at most, however many vectors there are (beyond 1,024 components: two tiles of vectors more).
 *
 * Rows come in ascending order. A visitor sees a row's pairs in ascending order of the columns, and all pairs of a row
 * with earlier columns before any later row meets that row as its column.
 * @throws the signal's reason once that is aborted
 */
export async function scanPairs(options: ScanPairsOptions): Promise<void> {
  const { vectors, rows, earlierOnly, product } = options;
  const { dim, count } = vectors;
  const blockRows = Math.max(TILE_ROWS, Math.floor(BLOCK_BYTES / (4 * dim)));
  const scan = new TileScan(options);
  const columns = new Float32Array(Math.min(TILE_COLUMNS, count) * dim);
  for (let start = 0; start < rows.length; start += blockRows) {
    const block = rows.subarray(start, start + blockRows);
    const values = new Float32Array(block.length * dim);
    await vectors.gather(block, values);
    const end = earlierOnly ? block[block.length - 1] + 1 : count;
    for (let first = 0; first < end; first += TILE_COLUMNS) {
      const width = Math.min(TILE_COLUMNS, end - first);
      const tile = columns.subarray(0, width * dim);
      await vectors.gather(
        Uint32Array.from({ length: width }, (_, c) => first + c),
        tile,
      );
      for (let r = 0; r < block.length; r += TILE_ROWS) {
        options.signal?.throwIfAborted();
        const tileRows = block.subarray(r, r + TILE_ROWS);
        if (earlierOnly && tileRows[tileRows.length - 1] <= first) continue;
        const part = values.subarray(r * dim, (r + tileRows.length) * dim);
        const scores = await product.scores(part, tile);
        scan.visit({ scores, rows: tileRows, values: part, start: start + r, columns: tile, first, width });
        options.onProgress?.(scan.compared);
      }
    }
  }
}

/** The scores of a tile of rows with a tile of columns, and the vectors of both. */
interface ScoredTile {
  readonly scores: Float32Array;
  /** Positions of the rows, and the number of the first of them among all rows. */
  readonly rows: Uint32Array;
  readonly start: number;
  readonly values: Float32Array;
  /** Vectors of the columns, whose positions are `first` and the following. */
  readonly columns: Float32Array;
  readonly first: number;
  readonly width: number;
}

/** Shows the pairs of tiles to the visitors. */
class TileScan {
  /** Pairs compared so far. */
  compared = 0;
  readonly #visitors: readonly PairVisitor[];
  readonly #earlierOnly: boolean;
  readonly #dim: number;
  readonly #error: number;

  constructor({ vectors, visitors, earlierOnly }: ScanPairsOptions) {
    this.#visitors = visitors;
    this.#earlierOnly = earlierOnly;
    this.#dim = vectors.dim;
    this.#error = float32DotError(vectors.dim);
  }

  visit({ scores, rows, start, values, columns, first, width }: ScoredTile): void {
    const dim = this.#dim;
    const error = this.#error;
    let [r, c] = [0, 0];
    const measure = () => cosine(values, r * dim, columns, c * dim, dim);
    for (r = 0; r < rows.length; r++) {
      const position = rows[r];
      const row = start + r;
      const end = this.#earlierOnly ? Math.min(width, position - first) : width;
      this.compared += Math.max(0, end);
      for (const visitor of this.#visitors) {
        const { floors } = visitor;
        for (c = 0; c < end; c++) {
          const most = scores[r * width + c] + error;
          if (most < floors[row] || first + c === position) continue;
          visitor.visit(row, first + c, most - 2 * error, most, measure);
        }
      }
    }
  }
}
