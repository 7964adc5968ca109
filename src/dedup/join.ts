import type { Engine } from "../onnx/engine.js";
import { cosine, float32DotError } from "./cosine.js";
import { BLOCK, createTileProduct, type TileProduct } from "./tile-product.js";
import type { VectorReader } from "./vectors.js";

/** What the join needs to know. */
export interface JoinOptions {
  readonly vectors: VectorReader;
  /** Positions of the vectors in priority order: of two near-duplicates the earlier one stays. */
  readonly order: Uint32Array;
  /** Cosine in (0, 1] from which two texts are near-duplicates. */
  readonly threshold: number;
  /** A guard's signature for each position; pairs whose signatures differ are not merged. */
  readonly signatures?: BigUint64Array;
  readonly engine: Engine;
  /** Bytes that the join may hold in vectors. */
  readonly memory: number;
  /** Called with the number of rows of `order` that are decided. */
  readonly onProgress?: (decided: number) => void;
  /** Ends the join with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The outcome for each vector position. Kept vectors have `keptBy` -1. */
export interface JoinResult {
  /** Position of the kept vector on whose account this one is removed, the earliest in priority order; -1 where kept. */
  readonly keptBy: Int32Array;
  /** Float64 cosine with it; 0 where kept. */
  readonly similarity: Float64Array;
  /** For a kept vector the earliest kept one that is as near but that a guard keeps apart; -1 where there is none. */
  readonly guardedFrom: Int32Array;
  /** Pairs measured in float64. */
  readonly measured: number;
}

/** Rows of a tile of new vectors. */
const TILE_ROWS = 1024;
/** Columns of a tile of kept vectors; a multiple of the block. */
const TILE_COLUMNS = 4096;

/** Vectors of some positions, in one buffer. */
interface Tile {
  positions: Uint32Array;
  values: Float32Array;
}

/**
 * The exact self-join. Visits vectors in priority order; one stays unless an earlier *kept* one has cosine >= threshold
 * with it. That is the lexicographically first maximal independent set of the similarity graph, so nothing is removed on
 * account of a removed vector and no two kept ones are near-duplicates.
 *
 * A float32 tile product with a maximum over 64 columns rejects whole blocks with certainty (its error is bounded, see
 * `float32DotError`); what survives is measured in float64, and only that decides. So the result is that of a brute-force
 * float64 scan whatever the tile sizes, threads and memory. A removed vector is not compared again.
 *
 * Vectors are visited in superblocks that fit the memory; each meets the vectors kept before it by streaming them once.
 */
export async function selfJoin(options: JoinOptions): Promise<JoinResult> {
  const { vectors, order, engine, memory, onProgress, signal } = options;
  const { dim } = vectors;
  const result: JoinResult & { measured: number } = {
    keptBy: new Int32Array(vectors.count).fill(-1),
    similarity: new Float64Array(vectors.count),
    guardedFrom: new Int32Array(vectors.count).fill(-1),
    measured: 0,
  };
  const product = await createTileProduct(engine, dim);
  // Two tiles, their padding and the products come on top of the superblock.
  const tileBytes = (TILE_ROWS + TILE_COLUMNS) * dim * 4 * 2;
  const superblockRows = Math.max(TILE_ROWS, Math.floor((memory - tileBytes) / (dim * 4)));
  const kept: number[] = [];
  const compare = (tile: Tile, columns: Tile) => comparison({ ...options, product, result }, tile, columns);
  try {
    for (let start = 0; start < order.length; start += superblockRows) {
      const block = order.subarray(start, start + superblockRows);
      let active = await loadTile(vectors, block);
      const keptBefore = kept.length;
      for (let k = 0; k < keptBefore && active.positions.length > 0; k += TILE_COLUMNS) {
        const columns = await loadTile(vectors, kept.slice(k, Math.min(k + TILE_COLUMNS, keptBefore)));
        for (let r = 0; r < active.positions.length; r += TILE_ROWS) {
          signal?.throwIfAborted();
          await compare(slice(active, r, TILE_ROWS, dim), columns);
        }
        active = remaining(active, result, dim);
      }
      active = remaining(active, result, dim);
      await joinWithin(active, kept, dim, compare, result, (decided) => onProgress?.(start + decided), signal);
      onProgress?.(start + block.length);
    }
  } finally {
    await product.release();
  }
  return result;
}

/** Joins a superblock with itself, tile after tile, and adds what stays to `kept`. */
async function joinWithin(
  active: Tile,
  kept: number[],
  dim: number,
  compare: (tile: Tile, columns: Tile) => Promise<void>,
  result: JoinResult,
  onProgress: (decided: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const total = active.positions.length;
  // Kept vectors of this superblock are moved to its front, so that they lie together as columns.
  let keptHere = 0;
  for (let r = 0; r < total; r += TILE_ROWS) {
    let tile = copy(slice(active, r, TILE_ROWS, dim));
    for (let k = 0; k < keptHere && tile.positions.length > 0; k += TILE_COLUMNS) {
      signal?.throwIfAborted();
      await compare(tile, slice(active, k, Math.min(TILE_COLUMNS, keptHere - k), dim));
      tile = remaining(tile, result, dim);
    }
    await compare(tile, tile);
    tile = remaining(tile, result, dim);
    active.values.set(tile.values, keptHere * dim);
    active.positions.set(tile.positions, keptHere);
    keptHere += tile.positions.length;
    for (const position of tile.positions) kept.push(position);
    onProgress(Math.min(r + TILE_ROWS, total));
  }
}

/**
 * Decides the rows of a tile against columns in priority order: the first column that is still kept, near enough and of
 * the same guard signature removes the row. Columns may be the tile itself; then only earlier rows count.
 */
async function comparison(
  context: JoinOptions & { product: TileProduct; result: JoinResult & { measured: number } },
  tile: Tile,
  columns: Tile,
): Promise<void> {
  const { threshold, signatures, product, result } = context;
  const { keptBy, similarity, guardedFrom } = result;
  const { dim } = context.vectors;
  const rowCount = tile.positions.length;
  const columnCount = columns.positions.length;
  if (rowCount === 0 || columnCount === 0) return;
  const blocks = Math.ceil(columnCount / BLOCK);
  const maxima = await product.blockMaxima(tile.values, paddedToBlocks(columns.values, blocks * BLOCK * dim));
  const possible = threshold - float32DotError(dim);
  const self = columns === tile;
  let measured = 0;
  for (let r = 0; r < rowCount; r++) {
    const row = tile.positions[r];
    const lastBlock = self ? Math.floor(r / BLOCK) : blocks - 1;
    scan: for (let b = 0; b <= lastBlock; b++) {
      if (maxima[r * blocks + b] < possible) continue;
      const end = Math.min((b + 1) * BLOCK, self ? r : columnCount);
      for (let c = b * BLOCK; c < end; c++) {
        const column = columns.positions[c];
        if (keptBy[column] !== -1) continue;
        const apart = signatures !== undefined && signatures[row] !== signatures[column];
        // One recorded guard is enough, so a row of a large guarded family is not measured against all of it.
        if (apart && guardedFrom[row] !== -1) continue;
        const score = cosine(tile.values, r * dim, columns.values, c * dim, dim);
        measured++;
        if (score < threshold) continue;
        if (apart) {
          guardedFrom[row] = column;
          continue;
        }
        keptBy[row] = column;
        similarity[row] = score;
        guardedFrom[row] = -1;
        break scan;
      }
    }
  }
  result.measured += measured;
}

async function loadTile(vectors: VectorReader, positions: ArrayLike<number>): Promise<Tile> {
  const tile = { positions: Uint32Array.from(positions), values: new Float32Array(positions.length * vectors.dim) };
  await vectors.gather(tile.positions, tile.values);
  return tile;
}

function slice(tile: Tile, start: number, rows: number, dim: number): Tile {
  return {
    positions: tile.positions.subarray(start, start + rows),
    values: tile.values.subarray(start * dim, (start + rows) * dim),
  };
}

function copy(tile: Tile): Tile {
  return { positions: tile.positions.slice(), values: tile.values.slice() };
}

/** Moves the rows that are not removed to the front of the tile, in place, and returns that part. */
function remaining(tile: Tile, { keptBy }: JoinResult, dim: number): Tile {
  let n = 0;
  for (let r = 0; r < tile.positions.length; r++) {
    if (keptBy[tile.positions[r]] !== -1) continue;
    if (n < r) {
      tile.positions[n] = tile.positions[r];
      tile.values.copyWithin(n * dim, r * dim, (r + 1) * dim);
    }
    n++;
  }
  return slice(tile, 0, n, dim);
}

/** A zero column scores 0, below any threshold by more than the error, except for thresholds near 0, where it is only measured in vain. */
function paddedToBlocks(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values;
  const padded = new Float32Array(length);
  padded.set(values);
  return padded;
}
