import { type FarRow, farthestRows, squaredDistances } from "./measure.js";
import { doubt, moveTo, type State } from "./reassign.js";
import { type ClusterSums, moveRow } from "./sums.js";

/** Gives each empty cluster the row farthest from its centroid. */
export async function refillEmpty(state: State): Promise<void> {
  const { weights, sums, assignment } = state;
  const empty = emptyClusters(sums);
  if (empty.length === 0) return;
  const found = await farthest(state, empty.length);
  for (let e = 0; e < found.length; e++) {
    const { row, vector } = found[e];
    const weight = weights ? weights[row] : 1;
    moveRow(sums, assignment[row], empty[e], vector, 0, weight);
    assignment[row] = empty[e];
    doubt(state, row);
  }
}

/** Puts the centroid of each empty cluster on the row farthest from its own; false where no cluster is empty. */
export async function restartEmpty(state: State): Promise<boolean> {
  const empty = emptyClusters(state.sums);
  if (empty.length === 0) return false;
  const found = await farthest(state, empty.length);
  const next = state.centroids.slice();
  for (let e = 0; e < found.length; e++) next.set(found[e].vector, empty[e] * state.sums.dim);
  moveTo(state, next);
  return true;
}

function emptyClusters({ members }: ClusterSums): number[] {
  const empty: number[] = [];
  for (let j = 0; j < members.length; j++) if (members[j] === 0) empty.push(j);
  return empty;
}

async function farthest({ rows, centroids, assignment, sums }: State, wanted: number): Promise<FarRow[]> {
  const squared = await squaredDistances({ rows, centroids, assignment });
  return farthestRows({ rows, squared, assignment, members: sums.members, wanted });
}
