import type { Clusters, TileOfRows } from "./clusters.js";

/** Share of the centroids that may be looked at one by one; with more of them a matrix product is faster. */
const DENSE = 0.2;

/**
 * Assigns a tile by the bounds of its rows, which all have a cluster. Where the bounds of the first chunk leave too many
 * centroids, no cluster is changed and the answer is false.
 */
export function assignByBounds(clusters: Clusters, tile: TileOfRows): boolean {
  const { dim, k, space, assignment, pass } = clusters;
  const { chunk, arrays, at, run, width } = space;
  const slack = pass.dotSlack;
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
      const { vectors, whole } = clusters.openVectors(tile, first, size, open);
      if (whole) copied = vectors;
      const { to, biases, centroids: c } = at;
      const near = run.measureOwn(vectors, size, dim, c, biases, norms, slack, width, lower, upper, to, at.open);
      if (first === tile.start && near > DENSE * size * k) return false;
      unsure = run.measureNear(
        ...([vectors, size, dim, c, biases, norms, slack, k, width, lower, upper, to] as const),
        ...([at.open, at.near, at.unsure] as const),
      );
    }
    clusters.take(tile, first, size, unsure, copied);
  }
  return true;
}
