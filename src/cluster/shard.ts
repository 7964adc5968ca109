import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import { createAssigner, NORM_SLACK } from "./assign.js";
import { squaredDistances } from "./measure.js";
import type { Plan } from "./plan.js";
import { openRows } from "./rows.js";
import { addRow, createSums, moveRow, type Totals } from "./sums.js";

/** The rows of a shard and how to cluster them; plain data, so that it can be sent to a worker. */
export interface ShardSettings {
  /** Positions of its vectors, ascending; a row here is an index into this array. */
  readonly positions: Uint32Array;
  /** How many times each row counts; once where absent. */
  readonly weights?: Uint32Array;
  readonly k: number;
  readonly plan: Plan;
  /** Weight of the rows of all shards, for which sums stay exact. */
  readonly totalWeight: number;
}

/**
 * A share of the rows: their vectors, their clusters and the sums of these. The sums are exact, so the sums of several shards add up to
 * the same bits as the sums of one.
 */
export interface Shard {
  /** Reads the vectors that stay in memory and compiles the product; once, before all else. Throws where a vector cannot be read. */
  open(settings: ShardSettings): Promise<void>;
  /**
   * Assigns each row to the nearest of these centroids, k × dim; nobody may write to them afterwards. Returns the sums, which hold until
   * the next call. Throws where a vector has not unit length.
   */
  pass(centroids: Float32Array): Promise<Totals>;
  /** Moves a row to another cluster, until the next pass, and returns the sums. */
  move(row: number, to: number): Promise<Totals>;
  /** Squared distance in float64 of each row to its centroid of the last pass. */
  distances(): Promise<Float64Array>;
  /** Cluster of each row. */
  assignment(): Promise<Int32Array>;
  /** Stops the work under way after its tile and frees the memory. */
  close(): Promise<void>;
}

/** A shard that works on the thread that calls it. */
export function localShard(options: {
  readonly engine: Engine;
  readonly vectors: VectorReader;
  /** Called after each tile with the rows of this pass done so far; may throw to stop. */
  readonly onRows: (rows: number) => void;
  /** Called after each tile while vectors are read; may throw to stop. */
  readonly onTile: () => void;
  /** Awaited between tiles that use no engine; may throw to stop. */
  readonly pause: () => Promise<void>;
}): Shard {
  const { onRows, pause } = options;
  let opened: Opened | null = null;
  let closing = false;
  let busy: Promise<unknown> = Promise.resolve();

  /** Runs one task after another. */
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
    pass: (centroids) =>
      work(async (shard) => {
        shard.centroids = centroids;
        await assignRows(shard, onTileOfPass);
        return shard.sums;
      }),
    move: (row, to) =>
      work(async ({ positions, weights, assignment, sums }) => {
        const vector = new Float32Array(sums.dim);
        await options.vectors.gather([positions[row]], vector);
        moveRow(sums, assignment[row], to, vector, 0, weights ? weights[row] : 1);
        assignment[row] = to;
        return sums;
      }),
    distances: () => work((shard) => squaredDistances({ ...shard, onRows: onTileOfPass, pause })),
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
  };
}

/** Assigns every row to the nearest centroid and keeps the sums up to date. */
async function assignRows(shard: Opened, onRows: (rows: number) => void): Promise<void> {
  const { rows, assigner, centroids, assignment, sums, weights } = shard;
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
      if (from === to) continue;
      const weight = weights ? weights[row] : 1;
      if (from >= 0) moveRow(sums, from, to, vectors, r * dim, weight);
      else requireUnit(addRow(sums, to, vectors, r * dim, weight), shard.positions[row]);
      assignment[row] = to;
    }
    onRows(start + count);
  }
}

/** Throws where a vector is no unit vector, since the rounding bound would not hold for it. */
function requireUnit(squaredNorm: number, position: number): void {
  if (!(Math.abs(squaredNorm - 1) <= NORM_SLACK)) {
    throw new Error(`vector ${position} has length ${Math.sqrt(squaredNorm)}, expected 1: normalise the vectors first`);
  }
}
