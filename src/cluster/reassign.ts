import { type Assigner, NORM_SLACK, type TileAssignment } from "./assign.js";
import type { FewRivals } from "./few.js";
import type { Rows } from "./rows.js";
import { addRow, type ClusterSums, moveRow } from "./sums.js";
import type { Tracker } from "./track.js";

/** A gap must exceed this to prove an assignment without looking: far above what float64 rounding can move. */
const SAFE_GAP = 1e-9;

/** From this share of open rows on a resident tile is assigned as a whole, which costs less than to pick them out. */
const DENSE = 0.4;

/** Rows whose vectors stay in a core's cache from one use to the next. */
const BLOCK = 64;

/** What one run carries from iteration to iteration. */
export interface State {
  readonly rows: Rows;
  /** Position of each row, to name it by. */
  readonly positions: Uint32Array;
  readonly weights?: Uint32Array;
  /** Called after each tile with the rows settled so far; may throw to stop. */
  readonly onRows: (rows: number) => void;
  readonly assigner: Assigner;
  /** Bounds the first rows; the others have only their gap. Absent where it holds none. */
  readonly tracker: Tracker | null;
  /** Decides tracked rows that have few rivals; there where the tracker is. */
  readonly few: FewRivals | null;
  readonly sums: ClusterSums;
  /** Cluster of each row, −1 before its first assignment. */
  readonly assignment: Int32Array;
  /** Lower bound of how much farther than its own every other centroid is from an untracked row. */
  readonly gap: Float32Array;
  /** Rows to be assigned anew, up to a tile, and their vectors. */
  readonly open: { readonly rows: Uint32Array; readonly vectors: Float32Array };
  /** Weighted sum of squared norms of the rows seen. */
  squaredNorms: number;
  /** k × dim; replaced by `moveTo`, never written to. */
  centroids: Float32Array;
}

/** Assigns every row for the first time. */
export async function assignAll(state: State): Promise<void> {
  const { rows, assigner, tracker, centroids, open, onRows } = state;
  const tracked = tracker?.rows ?? 0;
  assigner.use(centroids);
  tracker?.use(centroids);
  for (let start = 0; start < rows.count; start += rows.tileRows) {
    const count = Math.min(rows.tileRows, rows.count - start);
    const vectors = await rows.tile(start);
    const found = await assigner.assign(vectors, count);
    for (let r = 0; r < count; r++) open.rows[r] = start + r;
    for (let from = 0; from < count; from += BLOCK) {
      const to = Math.min(count, from + BLOCK);
      if (start < tracked) tracker?.start(start + from, vectors.subarray(from * rows.dim), to - from, count);
      settle(state, vectors, from, to, found);
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
    let unsure = 0;
    if (tracker && few && start < tracker.rows) {
      unsure = await tracker.check(start, count, assignment, found);
      unsure = await few.decide(state, tracker, start, found, unsure);
    } else for (let row = start; row < start + count; row++) if (gap[row] <= SAFE_GAP) found[unsure++] = row;
    if (unsure > DENSE * count && start < rows.resident) {
      await assignOpen(state, waiting);
      waiting = 0;
      for (let r = 0; r < count; r++) open.rows[r] = start + r;
      const vectors = await rows.tile(start);
      settle(state, vectors, 0, count, await assigner.assign(vectors, count));
    } else {
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

/** Assigns the first `count` open rows. */
async function assignOpen(state: State, count: number): Promise<void> {
  if (count === 0) return;
  const { rows, open, assigner } = state;
  await rows.gather(open.rows.subarray(0, count), open.vectors);
  settle(state, open.vectors, 0, count, await assigner.assign(open.vectors, count));
}

/** Takes over the assignment of the open rows from the `first` to before the `end`. */
function settle(state: State, vectors: Float32Array, first: number, end: number, found: TileAssignment): void {
  const { rows, weights, assigner, tracker, sums, assignment, gap, open } = state;
  const { dim } = rows;
  const { bound } = assigner;
  const tracked = tracker?.rows ?? 0;
  for (let r = first; r < end; r++) {
    const row = open.rows[r];
    const to = found.cluster[r];
    const from = assignment[row];
    if (row < tracked) tracker?.sync(row, to, found, r, bound);
    // Rounded down: float32 must not promise more than the bound.
    else gap[row] = found.gap[r] * (1 - 2 ** -22);
    if (from === to) continue;
    const weight = weights ? weights[row] : 1;
    if (from < 0) {
      const squaredNorm = addRow(sums, to, vectors, r * dim, weight);
      state.squaredNorms += weight * checked(squaredNorm, state.positions[row]);
    } else moveRow(sums, from, to, vectors, r * dim, weight);
    assignment[row] = to;
  }
}

/** Throws where the vector is no unit vector, since the rounding bounds would not hold for it. */
function checked(squaredNorm: number, position: number): number {
  if (!(Math.abs(squaredNorm - 1) <= NORM_SLACK)) {
    throw new Error(`vector ${position} has length ${Math.sqrt(squaredNorm)}, expected 1: normalise the vectors first`);
  }
  return squaredNorm;
}

/** Makes the next pass assign a row anew. */
export function doubt({ tracker, gap }: State, row: number): void {
  if (tracker && row < tracker.rows) tracker.doubt(row);
  else gap[row] = 0;
}

/** Replaces the centroids, narrows every untracked row's gap by what they moved, and returns the summed squared shift. */
export function moveTo(state: State, next: Float32Array): number {
  const { centroids, sums, assignment, gap, tracker } = state;
  const k = sums.members.length;
  const drift = new Float64Array(k);
  let shift = 0;
  let most = 0;
  let second = 0;
  let mover = -1;
  for (let j = 0; j < k; j++) {
    let sum = 0;
    for (let i = j * sums.dim; i < (j + 1) * sums.dim; i++) sum += (next[i] - centroids[i]) ** 2;
    shift += sum;
    drift[j] = Math.sqrt(sum) * (1 + 2 ** -20);
    if (drift[j] > most) {
      second = most;
      most = drift[j];
      mover = j;
    } else if (drift[j] > second) second = drift[j];
  }
  state.centroids = next;
  for (let row = tracker?.rows ?? 0; row < gap.length; row++) {
    const own = assignment[row];
    const left = gap[row] - drift[own] - (own === mover ? second : most);
    gap[row] = left > 0 ? left * (1 - 2 ** -22) : 0;
  }
  return shift;
}
