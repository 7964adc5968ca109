import { InputError } from "../errors.js";
import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import { createAssigner, NORM_SLACK, squaredDistance } from "./assign.js";
import { squaredDistances } from "./measure.js";
import type { Plan } from "./plan.js";
import { openRows } from "./rows.js";
import { addRow, createSums, moveRow, type Totals } from "./sums.js";

/** The rows of a shard and the settings to cluster them. Plain data, which can be sent to a worker. */
export interface ShardSettings {
  /** Store positions of the shard's vectors, ascending. A row of the shard is an index into this array. */
  readonly positions: Uint32Array;
  /** How many times each row counts; default: once. */
  readonly weights?: Uint32Array;
  readonly k: number;
  readonly plan: Plan;
  /**
   * Summed weight of the rows of all shards. The grid of the sums is chosen so that they stay exact up to this weight.
   */
  readonly totalWeight: number;
}

/**
 * A part of the rows with their vectors, the cluster of each row and the sums of the vectors of each cluster. The sums
 * are exact, so the sums of several shards add up to the same bits as the sums of a single shard.
 */
export interface Shard {
  /**
   * Reads the vectors that stay in memory and compiles the product. To be called once, before all other methods.
   * @throws the error of the reader where a vector cannot be read
   */
  open(settings: ShardSettings): Promise<void>;
  /**
   * Assigns each row to the nearest of `centroids`, k × dim float32, and returns the sums. The shard keeps the array of
   * centroids, so do not write to it afterwards. The shard owns the sums and changes them in the next call.
   * @param measured whether the pass measures the distances of all rows while it has their vectors, so that `distances`
   * need not read the vectors again
   * @throws Error where a vector has not unit length
   */
  pass(centroids: Float32Array, measured?: boolean): Promise<Totals>;
  /** Moves a row to cluster `to` and returns the sums. The next pass assigns the row anew. */
  move(row: number, to: number): Promise<Totals>;
  /** Squared distance of each row, in float64, to the centroid of its cluster in the last pass. The caller owns the array. */
  distances(): Promise<Float64Array>;
  /** Cluster of each row. */
  assignment(): Promise<Int32Array>;
  /** Stops the work in progress after the current tile and frees the memory. */
  close(): Promise<void>;
}

/** A shard that works on the calling thread. Calls after `open` run one after another, in their order. */
export function localShard(options: {
  readonly engine: Engine;
  readonly vectors: VectorReader;
  /** Called after each tile with the number of rows that this pass has done; may throw to stop. */
  readonly onRows: (rows: number) => void;
  /** Called after each tile read while the shard opens; may throw to stop. */
  readonly onTile: () => void;
  /** Awaited between tiles that are measured without the engine, so that other work gets a turn; may throw to stop. */
  readonly pause: () => Promise<void>;
}): Shard {
  const { onRows, pause } = options;
  let opened: Opened | null = null;
  let closing = false;
  let busy: Promise<unknown> = Promise.resolve();

  /** Runs a task after all earlier ones. A task that fails does not stop the next one. */
  function work<T>(task: (shard: Opened) => Promise<T>): Promise<T> {
    const done = busy.then(() => {
      if (opened === null) throw new Error("a shard was used before it was opened");
      return task(opened);
    });
    busy = done.catch(() => {});
    return done;
  }

  function onTileOfPass(rows: number): void {
    if (closing) throw new Error("the shard was closed");
    onRows(rows);
  }

  return {
    open(settings) {
      const done = openShard({ ...options, ...settings }).then((shard) => {
        opened = shard;
      });
      busy = done.catch(() => {});
      return done;
    },
    pass: (centroids, measured = false) =>
      work(async (shard) => {
        shard.centroids = centroids;
        shard.squared = measured ? new Float64Array(shard.positions.length) : null;
        await assignRows(shard, onTileOfPass);
        return shard.sums;
      }),
    move: (row, to) =>
      work(async (shard) => {
        const { positions, weights, assignment, sums } = shard;
        shard.squared = null;
        const vector = new Float32Array(sums.dim);
        await options.vectors.gather([positions[row]], vector);
        moveRow(sums, assignment[row], to, vector, 0, weights ? weights[row] : 1);
        assignment[row] = to;
        return sums;
      }),
    distances: () =>
      work(async (shard) => {
        const measured = shard.squared;
        shard.squared = null;
        return measured ?? squaredDistances({ ...shard, onRows: onTileOfPass, pause });
      }),
    assignment: () => work(async ({ assignment }) => assignment),
    async close() {
      closing = true;
      await busy;
      await opened?.rows.close();
      await opened?.assigner.release();
      opened = null;
    },
  };
}

type Opened = Awaited<ReturnType<typeof openShard>>;

async function openShard(
  options: ShardSettings & { readonly engine: Engine; readonly vectors: VectorReader; readonly onTile: () => void },
) {
  const { engine, vectors, onTile, positions, weights, k, totalWeight } = options;
  const { tileRows, resident } = options.plan;
  const { dim } = vectors;
  return {
    positions,
    weights,
    rows: await openRows({ vectors, positions, tileRows, memory: resident, onTile }),
    assigner: await createAssigner({ engine, dim, k, tileRows }),
    sums: createSums(k, dim, totalWeight),
    /** Cluster of each row, −1 before its first assignment. */
    assignment: new Int32Array(positions.length).fill(-1),
    centroids: new Float32Array(0) as Float32Array,
    /** Squared distance of each row where the last pass measured them and nobody has taken them yet. */
    squared: null as Float64Array | null,
  };
}

/**
 * Assigns every row to the nearest centroid. The sums follow: only a row that changes its cluster is added and
 * subtracted, so a late pass, in which few rows move, costs little more than the product.
 */
async function assignRows(shard: Opened, onRows: (rows: number) => void): Promise<void> {
  const { rows, assigner, centroids, assignment, sums, weights, squared } = shard;
  const { count: total, tileRows, dim } = rows;
  assigner.use(centroids);
  for (let start = 0; start < total; start += tileRows) {
    const count = Math.min(tileRows, total - start);
    const vectors = await rows.tile(start);
    const nearest = await assigner.nearest(vectors, count);
    for (let r = 0; r < count; r++) {
      const row = start + r;
      const from = assignment[row];
      const to = nearest[r];
      if (squared) squared[row] = squaredDistance(vectors, r * dim, centroids, to * dim, dim);
      if (from === to) continue;
      const weight = weights ? weights[row] : 1;
      if (from >= 0) moveRow(sums, from, to, vectors, r * dim, weight);
      else requireUnit(addRow(sums, to, vectors, r * dim, weight), shard.positions[row]);
      assignment[row] = to;
    }
    onRows(start + count);
  }
}

/** @throws InputError where a vector has not unit length, since the rounding bound would not hold for it */
function requireUnit(squaredNorm: number, position: number): void {
  if (!(Math.abs(squaredNorm - 1) <= NORM_SLACK)) {
    throw new InputError(
      `vector ${position} has length ${Math.sqrt(squaredNorm)}, expected 1: normalise the vectors first`,
    );
  }
}
