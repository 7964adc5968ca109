import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import { createAssigner } from "./assign.js";
import { createFewRivals } from "./few.js";
import { squaredDistances } from "./measure.js";
import type { Plan } from "./plan.js";
import { assignAll, assignRows, moveTo } from "./reassign.js";
import { createRowMemory } from "./row-memory.js";
import { openRows } from "./rows.js";
import { doubt, type State } from "./state.js";
import { createSums, moveRow, sumsRoom, type Totals } from "./sums.js";
import { createTracker } from "./track.js";

/** What a shard is about; plain data, so that it can be sent to a worker. */
export interface ShardSettings {
  /** Positions of its vectors, ascending; a row here is an index into this array. */
  readonly positions: Uint32Array;
  /** How many times each row counts; once where absent. */
  readonly weights?: Uint32Array;
  readonly k: number;
  readonly plan: Plan;
  /** Near the mean of the vectors; results do not depend on it. */
  readonly centre: Float32Array;
  /** Weight of the rows of all shards, for which sums stay exact. */
  readonly totalWeight: number;
}

/**
 * A share of the rows with all that is known of them: vectors, bounds, clusters and their sums. The sums are exact, so those of several
 * shards add up to the same bits as those of one.
 */
export interface Shard {
  /** Reads what stays in memory and compiles; once, before all else. Throws where a vector cannot be read. */
  open(settings: ShardSettings): Promise<void>;
  /**
   * Assigns each row to the nearest of these centroids, k × dim, which nobody writes to any more; `fresh` where a run begins. Returns the
   * sums, which hold until the next call.
   */
  pass(centroids: Float32Array, fresh: boolean): Promise<Totals>;
  /** Moves a row to another cluster, to be assigned anew in the next pass, and returns the sums. */
  move(row: number, to: number): Promise<Totals>;
  /** Squared distance in float64 of each row to its centroid of the last pass. */
  distances(): Promise<Float64Array>;
  /** Cluster of each row. */
  assignment(): Promise<Int32Array>;
  /** Waits for what is under way and frees all. */
  close(): Promise<void>;
}

/** A shard that works where it is called. */
export function localShard(options: {
  readonly engine: Engine;
  readonly vectors: VectorReader;
  /** Called after each tile with the rows of this pass done so far; may throw to stop. */
  readonly onRows: (rows: number) => void;
  /** Called after each tile while vectors are read; may throw to stop. */
  readonly onTile: () => void;
  /** Awaited in longer work of no tile; may throw to stop. */
  readonly pause: () => Promise<void>;
}): Shard {
  const { onRows, pause } = options;
  let opened: Opened | null = null;
  let closing = false;
  let busy: Promise<unknown> = Promise.resolve();

  /** One thing after another; what is under way when the shard is closed stops after the tile at hand. */
  function work<T>(task: () => Promise<T>): Promise<T> {
    const done = busy.then(task);
    busy = done.catch(() => {});
    return done;
  }

  function onTileOfPass(rows: number): void {
    if (closing) throw new Error("the shard was closed");
    onRows(rows);
  }

  function state(): State {
    if (!opened?.state) throw new Error("a shard has to be opened and to have made a pass before it is asked");
    return opened.state;
  }

  return {
    open: (settings) =>
      work(async () => {
        opened = await openShard({ ...options, ...settings });
      }),
    pass: (centroids, fresh) =>
      work(async () => {
        if (opened === null) throw new Error("a shard has to be opened before its passes");
        if (fresh) opened.state = newState(opened, centroids, onTileOfPass);
        else moveTo(state(), centroids);
        await (fresh ? assignAll(state()) : assignRows(state()));
        return state().sums;
      }),
    move: (row, to) =>
      work(async () => {
        const { rows, assignment, sums, weights } = state();
        const vector = new Float32Array(rows.dim);
        await rows.gather(Uint32Array.of(row), vector);
        moveRow(sums, assignment[row], to, vector, 0, weights ? weights[row] : 1);
        assignment[row] = to;
        doubt(state(), row);
        return sums;
      }),
    distances: () =>
      work(async () => {
        const { rows, centroids, assignment } = state();
        return squaredDistances({ rows, centroids, assignment, onRows: onTileOfPass, pause });
      }),
    assignment: () => work(async () => state().assignment),
    async close() {
      closing = true;
      await busy;
      await opened?.rows.close();
      await opened?.assigner.release();
      await opened?.tracker?.release();
      opened = null;
    },
  };
}

/** What an open shard has in all runs, and its state in the present one. */
type Opened = Awaited<ReturnType<typeof openShard>>;

async function openShard(
  options: ShardSettings & { readonly engine: Engine; readonly vectors: VectorReader; readonly onTile: () => void },
) {
  const { engine, vectors, onTile, positions, k, plan, centre } = options;
  const { grouping, tileRows } = plan;
  const tracked = Math.min(plan.tracked, positions.length);
  const { dim } = vectors;
  const memory = createRowMemory(dim, plan.kernelVectors, plan.kernelRest);
  const allocate = memory.floats;
  const rows = await openRows({ vectors, positions, tileRows, memory: plan.resident, allocate, onTile });
  const assigner = createAssigner({ engine, dim, k, grouping, tileRows });
  const room = sumsRoom(memory, k);
  const tracker =
    tracked > 0 ? await createTracker({ engine, memory, centre, k, grouping, tileRows, rows: tracked }) : null;
  const few = tracker ? createFewRivals(memory, k, tileRows) : null;
  const open = { rows: new Uint32Array(tileRows), vectors: memory.floats(tileRows * dim) };
  const { weights, totalWeight } = options;
  const state = null as State | null;
  return { rows, positions, weights, totalWeight, assigner, tracker, few, open, memory, room, state };
}

/** A run that has not assigned any row. */
function newState(opened: Opened, centroids: Float32Array, onRows: (rows: number) => void): State {
  const { memory, room, totalWeight, ...shared } = opened;
  const { count } = opened.rows;
  return {
    ...shared,
    onRows,
    sums: createSums(memory, room, totalWeight),
    assignment: new Int32Array(count).fill(-1),
    gap: new Float32Array(count),
    centroids,
  };
}
