import type { Assigner } from "./assign.js";
import { refillEmpty, restartEmpty } from "./empty.js";
import type { FewRivals } from "./few.js";
import { assignAll, assignRows, moveTo, type State } from "./reassign.js";
import type { RowMemory } from "./row-memory.js";
import { openRows, type Rows } from "./rows.js";
import { type StartOptions, startSample } from "./seed.js";
import { createSums, means, meanVariance } from "./sums.js";
import type { Tracker } from "./track.js";

/** Rows and kernels that all starts share. */
export interface Workspace {
  readonly rows: Rows;
  readonly assigner: Assigner;
  readonly tracker: Tracker | null;
  readonly few: FewRivals | null;
  readonly open: State["open"];
  /** For the sums of one run at a time. */
  readonly memory: RowMemory;
  readonly sumsRoom: Float64Array;
}

/** A run that has not assigned any row; `centroids` are not written to. */
export function newState(options: {
  readonly work: Workspace;
  readonly positions: Uint32Array;
  readonly weights?: Uint32Array;
  readonly centroids: Float32Array;
  readonly onRows: State["onRows"];
}): State {
  const { work, positions, weights, centroids, onRows } = options;
  const { count } = work.rows;
  let totalWeight = count;
  if (weights) totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    ...work,
    positions,
    weights,
    onRows,
    sums: createSums(work.memory, work.sumsRoom, totalWeight),
    assignment: new Int32Array(count).fill(-1),
    gap: new Float32Array(count),
    squaredNorms: 0,
    centroids,
  };
}

/** Lloyd's iterations over rows not assigned yet; returns whether the tolerance was met. */
export async function iterate(
  state: State,
  options: {
    readonly iterations: number;
    readonly tolerance: number;
    readonly spherical: boolean;
    readonly onIteration?: (iteration: number) => void;
  },
): Promise<boolean> {
  const { iterations, tolerance, spherical, onIteration } = options;
  let allowed = 0;
  for (let iteration = 1; iteration <= iterations; iteration++) {
    onIteration?.(iteration);
    await (iteration === 1 ? assignAll(state) : assignRows(state));
    await refillEmpty(state);
    // That of all rows together, so the same after each iteration.
    if (iteration === 1) allowed = tolerance * meanVariance(state.sums, state.squaredNorms);
    if (moveTo(state, means(state.sums, state.centroids, spherical)) <= allowed) return true;
  }
  return false;
}

/** Assigns the rows to the present centroids in such a way that none is left without; needs k distinct vectors. */
export async function settle(state: State): Promise<void> {
  if (state.assignment[0] < 0) await assignAll(state);
  else await assignRows(state);
  while (await restartEmpty(state)) await assignRows(state);
}

/** Iterations over the sample that the start comes from. */
const ROUNDS = 5;

/** Bytes of the sample's vectors to keep in memory. */
const SAMPLE_MEMORY = 2 ** 26;

/**
 * Lloyd's iterations in full dimension over the sample that a start was made from: they cost little, and spare the first ones over
 * all rows, where centroids move far and most rows have to be looked at. The caller owns the result.
 */
export async function refineStart(
  options: StartOptions & {
    readonly work: Workspace;
    readonly centroids: Float32Array;
    /** What to call the rows. */
    readonly names: Uint32Array;
    /** Called after each tile; may throw to stop. */
    readonly onTile: () => void;
  },
): Promise<Float32Array> {
  const { vectors, work, centroids, tileRows, spherical = false, onTile } = options;
  const sample = startSample(options);
  if (sample.length === vectors.count) return centroids;
  const rows = await openRows({ vectors, positions: sample, tileRows, memory: SAMPLE_MEMORY, onTile });
  try {
    const positions = sample.map((row) => options.names[row]);
    const alone = { ...work, rows, tracker: null, few: null };
    const state = newState({ work: alone, positions, centroids, onRows: onTile });
    await iterate(state, { iterations: ROUNDS, tolerance: 1e-4, spherical });
    return state.centroids;
  } finally {
    await rows.close();
  }
}
