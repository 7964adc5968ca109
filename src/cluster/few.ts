import { squaredDistance } from "./assign.js";
import type { State } from "./reassign.js";
import { moveRow } from "./sums.js";
import type { Tracker } from "./track.js";

/**
 * One centroid in this many may be a rival for a row to be decided by distances to each of them: beyond that, and with fewer
 * centroids altogether, the product with all centroids costs less.
 */
const FEW = 200;

/**
 * Assigns those of the first `count` rows of `open`, all of the tile at `start`, that have few rivals to their own centroid,
 * by float64 distances. Moves the others to the front of `open`, in order, and returns their number.
 */
export async function decideFew(
  state: State,
  tracker: Tracker,
  start: number,
  open: Uint32Array,
  count: number,
): Promise<number> {
  const { rows, assignment, weights, sums, centroids } = state;
  const { dim } = rows;
  const limit = Math.floor(sums.members.length / FEW);
  if (limit < 2 || count === 0) return count;
  // Rivals of each row, and its own centroid last.
  const rivals = new Int32Array(limit);
  const chosen = new Int32Array(limit + 1);
  const scores = new Float64Array(limit + 1);
  const few = new Uint32Array(count);
  let decided = 0;
  let left = 0;
  for (let o = 0; o < count; o++) {
    const row = open[o];
    if (tracker.rivals(row, assignment[row], rivals) < 0) open[left++] = row;
    else few[decided++] = row;
  }
  if (decided === 0) return left;
  const resident = start < rows.resident;
  const vectors = resident ? await rows.tile(start) : state.open.vectors;
  if (!resident) await rows.gather(few.subarray(0, decided), vectors);
  for (let f = 0; f < decided; f++) {
    const row = few[f];
    const at = (resident ? row - start : f) * dim;
    const from = assignment[row];
    const found = tracker.rivals(row, from, chosen);
    chosen[found] = from;
    let squaredNorm = 0;
    for (let i = at; i < at + dim; i++) squaredNorm += vectors[i] * vectors[i];
    let to = from;
    let least = squaredDistance(vectors, at, centroids, from * dim, dim);
    scores[found] = (squaredNorm - least) / 2;
    for (let c = 0; c < found; c++) {
      const j = chosen[c];
      const distance = squaredDistance(vectors, at, centroids, j * dim, dim);
      scores[c] = (squaredNorm - distance) / 2;
      if (distance < least || (distance === least && j < to)) {
        least = distance;
        to = j;
      }
    }
    tracker.syncFew(row, to, chosen, scores, found + 1);
    if (to === from) continue;
    moveRow(sums, from, to, vectors, at, weights ? weights[row] : 1);
    assignment[row] = to;
  }
  return left;
}
