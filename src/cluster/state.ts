import { type Assigner, NORM_SLACK } from "./assign.js";
import type { FewRivals } from "./few.js";
import type { Rows } from "./rows.js";
import { addRow, type ClusterSums, moveRow } from "./sums.js";
import type { Tracker } from "./track.js";

/** What a share of the rows carries from iteration to iteration of a run. */
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
  /** k × dim; replaced by `moveTo`, never written to. */
  centroids: Float32Array;
}

/** Puts a row, whose vector is at element `at` of `vectors`, in a cluster. Throws where the vector is no unit vector. */
export function place(state: State, row: number, to: number, vectors: Float32Array, at: number): void {
  const { assignment, sums, weights } = state;
  const from = assignment[row];
  if (from === to) return;
  const weight = weights ? weights[row] : 1;
  if (from < 0) {
    check(addRow(sums, to, vectors, at, weight), state.positions[row]);
  } else moveRow(sums, from, to, vectors, at, weight);
  assignment[row] = to;
}

/** Throws where the vector is no unit vector, since the rounding bounds would not hold for it. */
function check(squaredNorm: number, position: number): void {
  if (!(Math.abs(squaredNorm - 1) <= NORM_SLACK)) {
    throw new Error(`vector ${position} has length ${Math.sqrt(squaredNorm)}, expected 1: normalise the vectors first`);
  }
}

/** Makes the next pass assign a row anew. */
export function doubt({ tracker, gap }: State, row: number): void {
  if (tracker && row < tracker.rows) tracker.doubt(row);
  else gap[row] = 0;
}
