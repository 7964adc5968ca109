import { place, type State } from "./state.js";

/** A gap must exceed this to prove an assignment without looking: far above what float64 rounding can move. */
const SAFE_GAP = 1e-9;

/** From this share of open rows on a resident tile is assigned as a whole, which costs less than to pick them out. */
const DENSE = 0.4;

/** Assigns every row for the first time. */
export async function assignAll(state: State): Promise<void> {
  const { rows, assigner, tracker, few, centroids, open, onRows } = state;
  const { count: total, tileRows, dim } = rows;
  const own = new Int32Array(tileRows);
  const found = new Uint32Array(tileRows);
  assigner.use(centroids);
  tracker?.begin(centroids);
  few?.use(centroids);
  for (let start = 0; start < total; start += tileRows) {
    const count = Math.min(tileRows, total - start);
    const vectors = await rows.tile(start);
    let unsure = count;
    if (tracker && few && start < tracker.rows) {
      unsure = await tracker.first(start, vectors, count, own, found);
      unsure = await few.decide({ state, tracker, start, own, vectors }, found, unsure);
    }
    if (unsure > DENSE * count) await assignTile(state, start, vectors, count);
    else {
      open.rows.set(found.subarray(0, unsure));
      await assignOpen(state, unsure);
      for (let r = 0; r < count; r++) {
        if (state.assignment[start + r] < 0) place(state, start + r, own[r], vectors, r * dim);
      }
    }
    onRows(start + count);
  }
}

/** Assigns every row whose cluster may have changed to its nearest centroid, and keeps sums and bounds up to date. */
export async function assignRows(state: State): Promise<void> {
  const { rows, assigner, tracker, few, centroids, assignment, gap, open, onRows } = state;
  const { count: total, tileRows } = rows;
  const found = new Uint32Array(tileRows);
  assigner.use(centroids);
  tracker?.use(centroids);
  few?.use(centroids);
  let waiting = 0;
  for (let start = 0; start < total; start += tileRows) {
    const count = Math.min(tileRows, total - start);
    const vectors = start < rows.resident ? await rows.tile(start) : null;
    let unsure = 0;
    if (tracker && few && start < tracker.rows) {
      const own = assignment.subarray(start, start + count);
      unsure = await tracker.check(start, own, found);
      unsure = await few.decide({ state, tracker, start, own, vectors }, found, unsure);
    } else for (let row = start; row < start + count; row++) if (gap[row] <= SAFE_GAP) found[unsure++] = row;
    if (unsure > DENSE * count && vectors) await assignTile(state, start, vectors, count);
    else {
      if (waiting + unsure > tileRows) {
        await assignOpen(state, waiting);
        waiting = 0;
      }
      open.rows.set(found.subarray(0, unsure), waiting);
      waiting += unsure;
    }
    onRows(start + count);
  }
  await assignOpen(state, waiting);
}

/** Assigns all rows of a tile. */
async function assignTile(state: State, start: number, vectors: Float32Array, count: number): Promise<void> {
  const rows = new Uint32Array(count);
  for (let r = 0; r < count; r++) rows[r] = start + r;
  await settle(state, rows, vectors);
}

/** Assigns the first `count` open rows. */
async function assignOpen(state: State, count: number): Promise<void> {
  if (count === 0) return;
  const { rows, open } = state;
  const waiting = open.rows.subarray(0, count);
  await rows.gather(waiting, open.vectors);
  await settle(state, waiting, open.vectors);
}

/** Assigns rows, ascending, whose vectors are given in this order. */
async function settle(state: State, rows: Uint32Array, vectors: Float32Array): Promise<void> {
  const { assigner, tracker, gap } = state;
  const { dim } = state.rows;
  const count = rows.length;
  let known = 0;
  if (tracker) while (known < count && rows[known] < tracker.rows) known++;
  // Only tracked rows want to know all scores.
  const scored = known > 0 ? await assigner.assign(vectors, count) : null;
  const found = scored ?? (await assigner.nearest(vectors, count));
  for (let r = 0; r < count; r++) {
    const row = rows[r];
    if (r < known && scored) tracker?.sync(row, found.cluster[r], scored, r, assigner.bound);
    // Rounded down: float32 must not promise more than the bound.
    else gap[row] = found.gap[r] * (1 - 2 ** -22);
    place(state, row, found.cluster[r], vectors, r * dim);
  }
}

/** Replaces the centroids and narrows every untracked row's gap by what they moved. */
export function moveTo(state: State, next: Float32Array): void {
  const { centroids, sums, assignment, gap, tracker } = state;
  state.centroids = next;
  const tracked = tracker?.rows ?? 0;
  if (tracked >= gap.length) return;
  const k = sums.members.length;
  const drift = new Float64Array(k);
  let most = 0;
  let second = 0;
  let mover = -1;
  for (let j = 0; j < k; j++) {
    let sum = 0;
    for (let i = j * sums.dim; i < (j + 1) * sums.dim; i++) sum += (next[i] - centroids[i]) ** 2;
    drift[j] = Math.sqrt(sum) * (1 + 2 ** -20);
    if (drift[j] > most) {
      second = most;
      most = drift[j];
      mover = j;
    } else if (drift[j] > second) second = drift[j];
  }
  for (let row = tracked; row < gap.length; row++) {
    const own = assignment[row];
    const left = gap[row] - drift[own] - (own === mover ? second : most);
    gap[row] = left > 0 ? left * (1 - 2 ** -22) : 0;
  }
}
