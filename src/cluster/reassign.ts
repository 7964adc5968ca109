import type { VectorReader } from "../dedup/vectors.js";
import { type Assigner, NORM_SLACK } from "./assign.js";
import { addRow, type ClusterSums, moveRow } from "./sums.js";

/** A gap must exceed this to prove an assignment without looking: far above what float64 rounding can move. */
const SAFE_GAP = 1e-9;

/** What one run carries from iteration to iteration. */
export interface State {
  readonly vectors: VectorReader;
  readonly positions: Uint32Array;
  readonly weights?: Uint32Array;
  /** Called after each tile with the rows settled so far; may throw to stop. */
  readonly onRows: (rows: number) => void;
  readonly assigner: Assigner;
  readonly sums: ClusterSums;
  /** Cluster of each row, −1 before its first assignment. */
  readonly assignment: Int32Array;
  /** Lower bound of how much farther than its own every other centroid is from a row. */
  readonly gap: Float32Array;
  /** Weighted sum of squared norms of the rows seen. */
  squaredNorms: number;
  /** k × dim; replaced by `moveTo`, never written to. */
  centroids: Float32Array;
}

/** Assigns every row whose cluster may have changed to its nearest centroid, and keeps sums and gaps up to date. */
export async function assignRows(state: State): Promise<void> {
  const { assigner, positions, gap, assignment, onRows } = state;
  const total = assignment.length;
  const active = new Uint32Array(assigner.tileRows);
  const wanted = new Uint32Array(assigner.tileRows);
  assigner.use(state.centroids);
  let count = 0;
  for (let row = 0; row <= total; row++) {
    if (count === assigner.tileRows || (row === total && count > 0)) {
      await assignTile(state, active, wanted, count);
      count = 0;
      onRows(row);
    }
    if (row < total && (assignment[row] < 0 || gap[row] <= SAFE_GAP)) {
      active[count] = row;
      wanted[count++] = positions[row];
    }
  }
}

async function assignTile(state: State, active: Uint32Array, wanted: Uint32Array, count: number): Promise<void> {
  const { vectors, weights, assigner, sums, assignment, gap } = state;
  const { dim } = vectors;
  const tile = await assigner.assign(vectors, wanted, count);
  for (let r = 0; r < count; r++) {
    const row = active[r];
    const to = tile.cluster[r];
    const from = assignment[row];
    // Rounded down: float32 must not promise more than the bound.
    gap[row] = tile.gap[r] * (1 - 2 ** -22);
    if (from === to) continue;
    const weight = weights ? weights[row] : 1;
    if (from < 0) {
      state.squaredNorms += weight * checkedSquaredNorm(tile.rows, r * dim, dim, wanted[r]);
      addRow(sums, to, tile.rows, r * dim, weight);
    } else moveRow(sums, from, to, tile.rows, r * dim, weight);
    assignment[row] = to;
  }
}

/** Squared norm of a vector; throws where it is no unit vector, since the rounding bounds would not hold for it. */
function checkedSquaredNorm(rows: Float32Array, at: number, dim: number, position: number): number {
  let sum = 0;
  for (let i = at; i < at + dim; i++) sum += rows[i] * rows[i];
  if (!(Math.abs(sum - 1) <= NORM_SLACK)) {
    throw new Error(`vector ${position} has length ${Math.sqrt(sum)}, expected 1: normalise the vectors first`);
  }
  return sum;
}

/** Replaces the centroids, narrows every row's gap by what they moved, and returns the summed squared shift. */
export function moveTo(state: State, next: Float32Array): number {
  const { centroids, sums, assignment, gap } = state;
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
  for (let row = 0; row < gap.length; row++) {
    const own = assignment[row];
    const left = gap[row] - drift[own] - (own === mover ? second : most);
    gap[row] = left > 0 ? left * (1 - 2 ** -22) : 0;
  }
  return shift;
}
