import type { VectorReader } from "../vectors/reader.js";
import { squaredDistance } from "./assign/distance.js";
import type { Members } from "./members.js";

/** Representatives of a cluster are chosen among this share of its rows, the nearest to the centroid. */
const NEAREST = 1 / 4;

/** Most candidates of a cluster. They bound memory and reading: 32 vectors a cluster. */
const MOST_CANDIDATES = 32;

/**
 * Vectors nearer to each other than this count as the same: a cosine above 0.9998 of unit vectors. Texts that differ in
 * the order of their words alone may have vectors that differ by rounding.
 */
const SAME = 0.02;

/**
 * Chooses up to `count` rows that show what a cluster holds. The first is the row nearest to the centroid. Each further
 * one is, among the nearest quarter of the rows, the one whose least distance to those chosen is the largest; of equal
 * ones the nearest to the centroid. So the rows are typical and do not repeat each other; rows with the same vector are
 * never chosen together.
 *
 * Choosing the farthest next is the 2-approximation of the k-centre problem of T. Gonzalez, Clustering to minimize the
 * maximum intercluster distance, Theoretical Computer Science 38 (1985). The quarter stands for the weight of relevance
 * against novelty in J. Carbonell and J. Goldstein, The use of MMR, diversity-based reranking, SIGIR 1998: that weight
 * would have to differ from model to model, a quarter need not.
 *
 * Memory: 32 vectors. Each cluster reads up to 32 vectors from the store.
 * @param options.positions store position of each row
 * @returns for each cluster its representatives as rows, in the order of choice; none for an empty cluster
 */
export async function chooseRepresentatives(options: {
  readonly vectors: VectorReader;
  readonly positions: Uint32Array;
  readonly members: Members;
  readonly count: number;
  /** Awaited after each cluster; may throw to stop. */
  readonly pause?: () => Promise<void>;
}): Promise<number[][]> {
  const { vectors, positions, members, count, pause } = options;
  const { rows, starts } = members;
  const tile = new Float32Array(Math.max(count, MOST_CANDIDATES) * vectors.dim);
  const chosen: number[][] = [];
  for (let j = 0; j + 1 < starts.length; j++) {
    const size = starts[j + 1] - starts[j];
    const most = Math.max(count, Math.min(MOST_CANDIDATES, Math.ceil(size * NEAREST)));
    const candidates = rows.subarray(starts[j], starts[j] + Math.min(size, most));
    chosen.push(Array.from(await farthestApart(vectors, positions, candidates, count, tile), (c) => candidates[c]));
    await pause?.();
  }
  return chosen;
}

/** Up to `count` of the candidates, as indices: the first, then the farthest from those chosen. */
async function farthestApart(
  vectors: VectorReader,
  positions: Uint32Array,
  candidates: Uint32Array,
  count: number,
  tile: Float32Array,
): Promise<number[]> {
  const { dim } = vectors;
  const length = candidates.length;
  if (length === 0 || count === 0) return [];
  const order = Uint32Array.from(candidates.keys()).sort((a, b) => positions[candidates[a]] - positions[candidates[b]]);
  const ordered = Uint32Array.from(order, (c) => positions[candidates[c]]);
  await vectors.gather(ordered, tile.subarray(0, length * dim));
  const at = new Uint32Array(length);
  for (let o = 0; o < length; o++) at[order[o]] = o * dim;

  const chosen = [0];
  const least = new Float64Array(length).fill(Number.POSITIVE_INFINITY);
  while (chosen.length < count) {
    const last = chosen[chosen.length - 1];
    let farthest = 0;
    least[last] = 0;
    for (let c = 0; c < length; c++) {
      least[c] = Math.min(least[c], squaredDistance(tile, at[c], tile, at[last], dim));
      if (least[c] > least[farthest]) farthest = c;
    }
    if (least[farthest] <= SAME ** 2) break;
    chosen.push(farthest);
  }
  return chosen;
}
