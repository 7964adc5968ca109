import { InputError } from "../../errors.js";
import { createSums } from "../sums.js";
import { squaredDistance } from "./distance.js";
import { distanceError, FULL, NORM_SLACK, prepareBiases, shiftOf } from "./scores.js";
import { openWorkspace, type Workspace } from "./workspace.js";

/** Share of a chunk's rows from which on the whole chunk is copied. */
const MANY = 0.25;

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

/** The size of the rows and clusters of a shard. */
export interface ClustersSize {
  readonly dim: number;
  readonly k: number;
  /** Store position of each row, for errors. */
  readonly positions: Uint32Array;
  readonly weights?: Uint32Array;
  readonly totalWeight: number;
  /** Number of rows, from the first on, whose bounds are kept from pass to pass: none, all, or a multiple of tileRows. */
  readonly bounded: number;
  /** Number of rows, from the first on, for whose vectors there is to be room beside the kernels; default 0. */
  readonly resident?: number;
}

/**
 * The rows in their clusters: the cluster of each row, the sums, the bounds, and how a chunk of rows changes them. The
 * chunks of a tile are as long as `space.chunk` says.
 */
export function openClusters(size: ClustersSize) {
  const { dim, k, positions, weights, totalWeight } = size;
  const bounded = Math.min(size.bounded, positions.length);
  const space = openWorkspace({ dim, k, bounded, resident: size.resident });
  const { arrays, at, run } = space;
  const totals = { ...createSums(k, dim, totalWeight), sums: arrays.sums };
  const assignment = new Int32Array(positions.length).fill(-1);
  /** The centroids, k × dim float32, and the largest errors of squared distances made from products and dot products. */
  const pass = { centroids: new Float32Array(0), productSlack: 0, dotSlack: 0 };

  /** Begins a pass. The array of centroids is not copied. */
  function use(next: Float32Array): void {
    const known = pass.centroids.length > 0;
    for (let j = 0; j < k; j++) {
      arrays.shifts[j] = known ? shiftOf(pass.centroids, next, j * dim, dim) : FULL;
    }
    pass.centroids = next as Float32Array<ArrayBuffer>;
    arrays.centroids.set(next);
    const longest = prepareBiases(next, arrays.biases, dim);
    pass.productSlack = distanceError(dim + 4, longest);
    pass.dotSlack = distanceError(dim / 4 + 16, longest);
  }

  /** Where the bounds of a chunk lie. */
  const slot = (first: number): number => (first < bounded ? first : bounded);

  /**
   * The address of a chunk's vectors. Where they do not lie beside the kernels they are copied: those of the rows marked
   * in `marks`, or of all rows.
   */
  function vectorsOf(tile: TileOfRows, first: number, count: number, marks?: Uint8Array): number {
    const from = (first - tile.start) * dim;
    const { buffer, byteOffset } = tile.vectors;
    if (buffer === arrays.vectors.buffer) return byteOffset + 4 * from;
    if (marks === undefined) {
      arrays.vectors.set(tile.vectors.subarray(from, from + count * dim));
      return at.vectors;
    }
    for (let r = 0; r < count; r++) {
      if (marks[r]) arrays.vectors.set(tile.vectors.subarray(from + r * dim, from + (r + 1) * dim), r * dim);
    }
    return at.vectors;
  }

  /** The vectors of those rows of a chunk that `arrays.open` marks; `whole` where all of them are there. */
  function openVectors(tile: TileOfRows, first: number, count: number, open: number) {
    const whole = open > MANY * count;
    return { vectors: vectorsOf(tile, first, count, whole ? undefined : arrays.open), whole };
  }

  /** Measures the rows of a chunk. @throws InputError */
  function measureNorms(vectors: number, first: number, count: number): void {
    run.squaredNorms(vectors, count, dim, at.results);
    for (let r = 0; r < count; r++) {
      const squaredNorm = arrays.results[r];
      const weight = weights ? weights[first + r] : 1;
      requireUnit(squaredNorm, positions[first + r]);
      totals.squaredNorms += weight * Math.round(squaredNorm * totals.scale);
      arrays.norms[slot(first) + r] = first < bounded ? squaredNorm : 1;
    }
  }

  /** Counts the rows of a chunk in their new clusters, marks those that move in `arrays.open` and returns their number. */
  function recount(first: number, count: number): number {
    const { from, to } = arrays;
    let changed = 0;
    for (let r = 0; r < count; r++) {
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
    return changed;
  }

  /**
   * Takes the clusters of a chunk that the kernels have found, after float64 has decided what they could not.
   * @param unsure number of rows to decide
   * @param copied address of the chunk's vectors, if all of them are beside the kernels
   */
  function take(tile: TileOfRows, first: number, count: number, unsure: number, copied?: number): void {
    for (let u = 0; u < unsure; u++) {
      const r = arrays.unsure[u];
      const rowAt = (first - tile.start + r) * dim;
      arrays.to[r] = nearestListed(space, slot(first) + r, tile.vectors, rowAt, pass.centroids, dim);
    }
    const changed = recount(first, count);
    const measured = tile.squared ?? null;
    if (changed === 0 && !measured) return;
    const vectors = copied ?? openVectors(tile, first, count, measured ? count : changed).vectors;
    if (changed > 0) {
      if (weights) arrays.weights.set(weights.subarray(first, first + count));
      run.moveRows(vectors, count, dim, at.from, at.to, weights ? at.weights : 0, totals.scale, at.sums);
    }
    if (measured) {
      run.squaredDistances(vectors, count, dim, at.centroids, at.to, at.results);
      measured.set(arrays.results.subarray(0, count), first);
    }
  }

  /** Moves one row to another cluster. */
  function move(row: number, to: number, vector: Float32Array): void {
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
  }

  return {
    dim,
    k,
    bounded,
    space,
    totals,
    assignment,
    pass,
    use,
    slot,
    vectorsOf,
    openVectors,
    measureNorms,
    take,
    move,
  };
}

/** What `openClusters` gives. */
export type Clusters = ReturnType<typeof openClusters>;

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
