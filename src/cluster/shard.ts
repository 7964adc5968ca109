import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import { createAssigner } from "./assign/assigner.js";
import { squaredDistances } from "./measure.js";
import type { Plan } from "./plan.js";
import { openRows } from "./rows.js";
import type { Totals } from "./sums.js";

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

/** Most bytes of vectors in the memory of the kernels. */
const RESIDENT = 2 ** 31;

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
        shard.squared = measured ? new Float64Array(shard.rows.count) : null;
        await assignRows(shard, { onRows: onTileOfPass, pause });
        return totalsOf(shard);
      }),
    move: (row, to) =>
      work(async (shard) => {
        shard.squared = null;
        const vector = new Float32Array(shard.rows.dim);
        await options.vectors.gather([shard.positions[row]], vector);
        shard.assigner.move(row, to, vector);
        return totalsOf(shard);
      }),
    distances: () =>
      work(async (shard) => {
        const measured = shard.squared;
        shard.squared = null;
        if (measured) return measured;
        const { assignment } = shard.assigner;
        return squaredDistances({ ...shard, assignment, onRows: onTileOfPass, pause });
      }),
    assignment: () => work(async ({ assigner }) => assigner.assignment),
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
  const { vectors, onTile, positions } = options;
  const { tileRows, resident, bounded } = options.plan;
  const { dim } = vectors;
  // Vectors that stay in memory lie beside the kernels, as far as there is room.
  const kept = Math.min(resident, RESIDENT) / (4 * tileRows * dim);
  const tiles = Math.min(Math.floor(kept), Math.ceil(positions.length / tileRows));
  const assigner = await createAssigner({ ...options, dim, tileRows, bounded, resident: tiles * tileRows });
  return {
    positions,
    rows: await openRows({ vectors, positions, tileRows, memory: resident, resident: assigner.resident, onTile }),
    assigner,
    centroids: new Float32Array(0) as Float32Array,
    /** Squared distance of each row where the last pass measured them and nobody has taken them yet. */
    squared: null as Float64Array | null,
  };
}

/** Assigns every row to the nearest centroid, tile by tile. */
async function assignRows(
  { rows, assigner, centroids, squared }: Opened,
  { onRows, pause }: { readonly onRows: (rows: number) => void; readonly pause: () => Promise<void> },
): Promise<void> {
  const { count: total, tileRows } = rows;
  assigner.use(centroids);
  for (let start = 0; start < total; start += tileRows) {
    const count = Math.min(tileRows, total - start);
    await assigner.assign({ start, count, vectors: await rows.tile(start), squared });
    onRows(start + count);
    await pause();
  }
}

/** The sums, in an array of their own: that of the assigner is a view of all memory of the kernels. */
function totalsOf({ assigner: { totals } }: Opened): Totals {
  return { ...totals, sums: totals.sums.slice() };
}
