import { InputError } from "../errors.js";
import { modelProto } from "../onnx/builder.js";
import type { Engine } from "../onnx/engine.js";
import { distanceError, FULL, NORM_SLACK, prepareBiases, scoreGraph, shiftOf } from "./scores.js";
import { createSums, type Totals } from "./sums.js";
import { openWorkspace, type Workspace } from "./workspace.js";

/**
 * Finds the nearest centroid of each row, with the same answer as a plain float64 scan.
 *
 * For a row and each centroid a bound from below for their distance is kept. From pass to pass a centroid moves by some
 * distance, and by the triangle inequality the bound falls by no more than that. A centroid whose bound lies above the
 * distance to the row's own centroid is not the nearest; only the others are looked at:
 *
 *     own 0.702   bounds  0.731  0.715  0.699  0.840    only the third may be nearer: one dot product
 *
 * The first pass, and a tile in which many centroids come near, take a matrix product of all rows and centroids, which
 * is faster than many dot products. Products and dot products are float32, and their rounding is inside the bounds (see
 * scores.ts). Where the bounds leave two centroids or more, their float64 distances decide.
 *
 * Bounds from below for all centroids, and the order of the tests, are those of C. Elkan, Using the triangle inequality
 * to accelerate k-means, ICML 2003; the bounds here are whole numbers of 2^-15.
 */

/** Share of the centroids that may be looked at one by one; with more of them a matrix product is faster. */
const DENSE = 0.3;

/** Share of a chunk's rows from which on the whole chunk is copied. */
const MANY = 0.25;

/**
 * The number of rows of a product is a multiple of this. The engine keeps memory for each shape that it has seen, so
 * few shapes keep its memory pool small.
 */
const ROW_STEP = 64;

/** A tile of rows that is assigned. */
export interface TileOfRows {
  /** Number of its first row. Each pass must visit the same tiles. */
  readonly start: number;
  readonly count: number;
  /** At least `count` vectors, of tileRows × dim. */
  readonly vectors: Float32Array;
  /** Receives the squared distance of each row of the shard, in float64. */
  readonly squared?: Float64Array | null;
}

/** Assigns tiles of rows to centroids and keeps the sums of the clusters. Only one call may run at a time. */
export interface Assigner {
  /** Cluster of each row, −1 before its first assignment. */
  readonly assignment: Int32Array;
  /** Room for the vectors of the first tiles. Tiles that lie there are not copied for the kernels. */
  readonly resident: Float32Array;
  /** Sums of the rows that have been assigned. The next call changes them. */
  readonly totals: Totals;
  /** Begins a pass. The array of k × dim float32 is not copied: do not write to it before the next call of `use`. */
  use(centroids: Float32Array): void;
  /**
   * Assigns each row of a tile to the nearest centroid, of equally near ones to that of the lowest number.
   * @throws InputError where a vector has not unit length
   */
  assign(tile: TileOfRows): Promise<void>;
  /** Moves one row to another cluster. The next pass assigns the row anew. */
  move(row: number, to: number, vector: Float32Array): void;
  /** Frees the engine's memory. */
  release(): Promise<void>;
}

/**
 * Compiles the product for k centroids of `dim` components. Memory: the scores of one tile, tileRows × k float32, and
 * the workspace. The engine must multiply in true float32, since TF32 or float16 products would exceed the rounding bound.
 */
export async function createAssigner(options: {
  readonly engine: Engine;
  readonly dim: number;
  readonly k: number;
  readonly tileRows: number;
  /** Store position of each row, for errors. */
  readonly positions: Uint32Array;
  readonly weights?: Uint32Array;
  readonly totalWeight: number;
  /** Number of rows, from the first on, whose bounds are kept from pass to pass: none, all, or a multiple of tileRows. */
  readonly bounded: number;
  /** Number of rows, from the first on, for whose vectors there is to be room beside the kernels; default 0. */
  readonly resident?: number;
}): Promise<Assigner> {
  const { engine, dim, k, tileRows, positions, weights, totalWeight } = options;
  const bounded = Math.min(options.bounded, positions.length);
  const kernel = await engine.compile(modelProto(scoreGraph(dim, k)));
  const space = openWorkspace({ dim, k, bounded, resident: options.resident });
  const { chunk, arrays, at, run, width } = space;
  const totals = { ...createSums(k, dim, totalWeight), sums: arrays.sums };
  const assignment = new Int32Array(positions.length).fill(-1);
  let centroids = new Float32Array(0);
  let productSlack = 0;
  let dotSlack = 0;

  function use(next: Float32Array): void {
    const known = centroids.length > 0;
    for (let j = 0; j < k; j++) {
      arrays.shifts[j] = known ? shiftOf(centroids, next, j * dim, dim) : FULL;
    }
    centroids = next as Float32Array<ArrayBuffer>;
    arrays.centroids.set(centroids);
    const longest = prepareBiases(centroids, arrays.biases, dim);
    productSlack = distanceError(dim + 4, longest);
    dotSlack = distanceError(dim / 4 + 16, longest);
  }

  async function scoresOf({ vectors, count }: TileOfRows): Promise<Float32Array> {
    const computed = Math.min(tileRows, Math.ceil(count / ROW_STEP) * ROW_STEP);
    const { scores } = await kernel.run({
      rows: {
        dtype: "float32",
        shape: [computed, dim],
        data: vectors.subarray(0, computed * dim) as Float32Array<ArrayBuffer>,
      },
      centroids: { dtype: "float32", shape: [k, dim], data: centroids },
      bias: { dtype: "float32", shape: [k], data: arrays.biases.slice() },
    });
    return scores.data as Float32Array;
  }

  /**
   * The address of a chunk's vectors. Where they do not lie beside the kernels they are copied: those of the rows marked
   * in `marks`, or of all rows.
   */
  function vectorsOf(tile: TileOfRows, first: number, size: number, marks?: Uint8Array): number {
    const from = (first - tile.start) * dim;
    const { buffer, byteOffset } = tile.vectors;
    if (buffer === arrays.vectors.buffer) return byteOffset + 4 * from;
    if (marks === undefined) {
      arrays.vectors.set(tile.vectors.subarray(from, from + size * dim));
      return at.vectors;
    }
    for (let r = 0; r < size; r++) {
      if (marks[r]) arrays.vectors.set(tile.vectors.subarray(from + r * dim, from + (r + 1) * dim), r * dim);
    }
    return at.vectors;
  }

  /** Measures the rows of a chunk. @throws InputError */
  function measureNorms(vectors: number, first: number, size: number): void {
    run.squaredNorms(vectors, size, dim, at.results);
    for (let r = 0; r < size; r++) {
      const squaredNorm = arrays.results[r];
      const weight = weights ? weights[first + r] : 1;
      requireUnit(squaredNorm, positions[first + r]);
      totals.squaredNorms += weight * Math.round(squaredNorm * totals.scale);
      arrays.norms[slot(first) + r] = first < bounded ? squaredNorm : 1;
    }
  }

  /** Where the bounds of a chunk lie. */
  const slot = (first: number): number => (first < bounded ? first : bounded);

  /** Takes the clusters of a chunk that the kernels have found, after float64 has decided what they could not. */
  function take(tile: TileOfRows, first: number, size: number, unsure: number, copied?: number): void {
    const { from, to } = arrays;
    for (let u = 0; u < unsure; u++) {
      const r = arrays.unsure[u];
      to[r] = nearestListed(space, slot(first) + r, tile.vectors, (first - tile.start + r) * dim, centroids, dim);
    }
    let changed = 0;
    for (let r = 0; r < size; r++) {
      const [before, after] = [from[r], to[r]];
      arrays.open[r] = before === after ? 0 : 1;
      if (before === after) continue;
      changed++;
      const weight = weights ? weights[first + r] : 1;
      if (before >= 0) {
        totals.weight[before] -= weight;
        totals.members[before]--;
      }
      totals.weight[after] += weight;
      totals.members[after]++;
      assignment[first + r] = after;
    }
    const measured = tile.squared ?? null;
    if (changed === 0 && !measured) return;
    const marks = measured || changed > MANY * size ? undefined : arrays.open;
    const vectors = copied ?? vectorsOf(tile, first, size, marks);
    if (changed > 0) {
      if (weights) arrays.weights.set(weights.subarray(first, first + size));
      run.moveRows(vectors, size, dim, at.from, at.to, weights ? at.weights : 0, totals.scale, at.sums);
    }
    if (measured) {
      run.squaredDistances(vectors, size, dim, at.centroids, at.to, at.results);
      measured.set(arrays.results.subarray(0, size), first);
    }
  }

  /** Assigns a tile by the product of all its rows and all centroids. */
  async function assignByProduct(tile: TileOfRows): Promise<void> {
    const scores = await scoresOf(tile);
    const end = tile.start + tile.count;
    for (let first = tile.start; first < end; first += chunk) {
      const size = Math.min(chunk, end - first);
      const isNew = assignment[first] < 0;
      const vectors = isNew ? vectorsOf(tile, first, size) : undefined;
      if (vectors !== undefined) {
        measureNorms(vectors, first, size);
      } else if (first >= bounded) arrays.norms.fill(1, bounded, bounded + size);
      arrays.from.set(assignment.subarray(first, first + size));
      const from = (first - tile.start) * k;
      arrays.scores.set(scores.subarray(from, from + size * k));
      const row = slot(first);
      const unsure = run.rankScores(
        at.scores,
        size,
        k,
        at.norms + 4 * row,
        productSlack,
        width,
        at.lower + 2 * width * row,
        at.upper + 2 * row,
        at.to,
        at.unsure,
      );
      take(tile, first, size, unsure, vectors);
    }
  }

  /** Assigns a tile by its bounds, unless they leave too many centroids: then nothing is done. */
  function assignByBounds(tile: TileOfRows): boolean {
    const end = tile.start + tile.count;
    for (let first = tile.start; first < end; first += chunk) {
      const size = Math.min(chunk, end - first);
      arrays.from.set(assignment.subarray(first, first + size));
      arrays.to.set(arrays.from);
      const lower = at.lower + 2 * width * first;
      const upper = at.upper + 2 * first;
      const norms = at.norms + 4 * first;
      const open = run.loosen(size, at.shifts, width, lower, upper, at.to, at.open);
      let unsure = 0;
      let copied: number | undefined;
      if (open > 0) {
        const marks = open > MANY * size ? undefined : arrays.open;
        const vectors = vectorsOf(tile, first, size, marks);
        if (marks === undefined) copied = vectors;
        const { to, biases, centroids: c } = at;
        const near = run.measureOwn(vectors, size, dim, c, biases, norms, dotSlack, width, lower, upper, to, at.open);
        if (first === tile.start && near > DENSE * size * k) return false;
        unsure = run.measureNear(
          ...([vectors, size, dim, c, biases, norms, dotSlack, k, width, lower, upper, to] as const),
          ...([at.open, at.near, at.unsure] as const),
        );
      }
      take(tile, first, size, unsure, copied);
    }
    return true;
  }

  return {
    assignment,
    resident: arrays.resident,
    totals,
    use,
    async assign(tile) {
      const tracked = tile.start < bounded && assignment[tile.start] >= 0;
      if (!tracked || !assignByBounds(tile)) await assignByProduct(tile);
    },
    move(row, to, vector) {
      const from = assignment[row];
      const weight = weights ? weights[row] : 1;
      arrays.vectors.set(vector);
      arrays.weights[0] = weight;
      arrays.from[0] = from;
      arrays.to[0] = to;
      run.moveRows(at.vectors, 1, dim, at.from, at.to, at.weights, totals.scale, at.sums);
      totals.weight[from] -= weight;
      totals.weight[to] += weight;
      totals.members[from]--;
      totals.members[to]++;
      assignment[row] = to;
      // How far this centroid is was not measured.
      if (row < bounded) arrays.upper[row] = FULL;
    },
    release: () => kernel.release(),
  };
}

/**
 * The nearest by float64 distance of the centroids whose bound lets them be it, the lowest number among equals.
 * @param bounded number of the row among the bounds
 */
function nearestListed(
  { arrays, width }: Workspace,
  bounded: number,
  rows: Float32Array,
  rowAt: number,
  centroids: Float32Array,
  dim: number,
): number {
  const { lower, upper } = arrays;
  const limit = upper[bounded];
  const bounds = bounded * width;
  let winner = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let j = 0; j * dim < centroids.length; j++) {
    if (lower[bounds + j] > limit) continue;
    const distance = squaredDistance(rows, rowAt, centroids, j * dim, dim);
    if (distance < least) {
      least = distance;
      winner = j;
    }
  }
  return winner;
}

/** @throws InputError where a vector has not unit length, since the rounding bound would not hold for it */
function requireUnit(squaredNorm: number, position: number): void {
  if (!(Math.abs(squaredNorm - 1) <= NORM_SLACK)) {
    throw new InputError(
      `vector ${position} has length ${Math.sqrt(squaredNorm)}, expected 1: normalise the vectors first`,
    );
  }
}

/**
 * Squared Euclidean distance in float64, summed in component order. Every assignment is decided by this number.
 * @param rowAt element of `rows` at which the row starts
 * @param centroidAt element of `centroids` at which the centroid starts
 */
export function squaredDistance(
  rows: Float32Array,
  rowAt: number,
  centroids: Float32Array,
  centroidAt: number,
  dim: number,
): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) {
    const difference = rows[rowAt + i] - centroids[centroidAt + i];
    sum += difference * difference;
  }
  return sum;
}
