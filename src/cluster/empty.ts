import type { Run } from "./iterate.js";
import { type FarRow, farthestRows } from "./measure.js";
import type { Totals } from "./sums.js";

/** Gives each empty cluster the row farthest from its centroid. */
export async function refillEmpty(run: Run): Promise<void> {
  const empty = emptyClusters(run.shards.totals);
  if (empty.length === 0) return;
  const found = await farthest(run, empty.length);
  for (let e = 0; e < found.length; e++) await run.shards.move(found[e].row, empty[e]);
}

/** Puts the centroid of each empty cluster on the row farthest from its own; false where no cluster is empty. */
export async function restartEmpty(run: Run): Promise<boolean> {
  const empty = emptyClusters(run.shards.totals);
  if (empty.length === 0) return false;
  const found = await farthest(run, empty.length);
  const next = run.centroids.slice();
  for (let e = 0; e < found.length; e++) next.set(found[e].vector, empty[e] * run.shards.dim);
  run.centroids = next;
  return true;
}

function emptyClusters({ members }: Totals): number[] {
  const empty: number[] = [];
  for (let j = 0; j < members.length; j++) if (members[j] === 0) empty.push(j);
  return empty;
}

async function farthest({ shards, vectors }: Run, wanted: number): Promise<FarRow[]> {
  const [squared, assignment] = [await shards.distances(), await shards.assignment()];
  return farthestRows({ vectors, squared, assignment, members: shards.totals.members, wanted });
}
