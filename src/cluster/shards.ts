import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import { localShard, type Shard, type ShardSettings } from "./shard.js";
import { addTotals, createSums, type Totals } from "./sums.js";

/**
 * Rows are dealt in runs of this many, as cards are: run 0 to shard 0, run 1 to shard 1 and so on, then shard 0 again.
 * The rows of a run are neighbours in the store, so a shard reads them together. With two shards, row 600 lies in run
 * 2: it is row 256 + 88 = 344 of shard 0.
 */
const RUN = 256;

/** All rows, dealt out to shards, with the methods of a single shard. Row numbers count all rows. */
export interface Shards {
  readonly dim: number;
  /**
   * Sums over all shards after the last pass or move. The next of these calls changes them.
   * @throws Error before the first pass
   */
  readonly totals: Totals;
  /** Assigns all rows to the nearest of `centroids`, k × dim float32; see `Shard.pass`. */
  pass(centroids: Float32Array, measured?: boolean): Promise<void>;
  move(row: number, to: number): Promise<void>;
  distances(): Promise<Float64Array>;
  assignment(): Promise<Int32Array>;
}

/** Makes shards in other threads or processes. */
export interface ShardWorkers {
  /** All threads that may work, including the calling one. */
  readonly threads: number;
  /** Number of shards for k centroids of `dim` components; default: as `planShards` says. */
  shards?(size: { readonly k: number; readonly dim: number }): number;
  /** Makes an engine of `threads` threads for the shard on the calling thread. Absent: no shard works there. */
  engine?(threads: number): Engine;
  /**
   * Starts `count` workers, each with an engine of `threads` threads. The workers load in the background, and a worker
   * ends when its shard is closed. `onRows` gets the number of the shard and the rows that the current pass has done.
   */
  start(count: number, threads: number, onRows: (shard: number, rows: number) => void): Shard[];
}

/**
 * Starts `count` shards, of which the last works on the calling thread unless the workers do without one there. The
 * workers start before that one, so that they load while it opens. Without `workers` all shards share `engine` and the calling thread.
 */
export function startShards(options: {
  readonly count: number;
  readonly vectors: VectorReader;
  readonly engine: Engine;
  readonly workers?: ShardWorkers;
  /** Called with the number of a shard and the rows that its current pass has done; may throw to stop. */
  readonly onRows: (shard: number, rows: number) => void;
  /** As `localShard` has them. */
  readonly onTile: () => void;
  readonly pause: () => Promise<void>;
}): Shard[] {
  const { count, workers, engine, onRows } = options;
  const own = (on: Engine, shard: number) =>
    localShard({ ...options, engine: on, onRows: (rows) => onRows(shard, rows) });
  if (!workers) return Array.from({ length: count }, (_, shard) => own(engine, shard));
  const threads = Math.max(1, Math.floor(workers.threads / count));
  if (workers.engine === undefined) return workers.start(count, threads, onRows);
  return [...workers.start(count - 1, threads, onRows), own(workers.engine(threads), count - 1)];
}

/** Deals the rows at `positions` to the shards and opens these. The caller, who made the shards, closes them. */
export async function openShards(
  shards: readonly Shard[],
  options: ShardSettings & { readonly dim: number },
): Promise<Shards> {
  const { positions, weights, k, dim, plan, totalWeight } = options;
  const count = positions.length;
  const one = shards.length === 1;
  const rowsOf = one ? [] : shards.map((_, s) => dealt(count, shards.length, s));
  await Promise.all(
    shards.map((shard, s) => {
      const pick = (all: Uint32Array) => (one ? all : Uint32Array.from(rowsOf[s], (row) => all[row]));
      return shard.open({
        positions: pick(positions),
        weights: weights && pick(weights),
        k,
        plan,
        totalWeight,
      });
    }),
  );
  let parts: Totals[] = [];
  const sum = one ? null : createSums(k, dim, totalWeight);

  /** Brings the numbers that each shard has for its own rows into the order of all rows. */
  function inOrder<A extends Float64Array | Int32Array>(found: A[], into: A): A {
    if (one) return found[0];
    for (let s = 0; s < found.length; s++) {
      for (let r = 0; r < found[s].length; r++) into[rowsOf[s][r]] = found[s][r];
    }
    return into;
  }

  return {
    dim,
    get totals() {
      if (parts.length === 0) throw new Error("sums are known after the first pass");
      return sum ?? parts[0];
    },
    async pass(centroids, measured) {
      parts = await Promise.all(shards.map((shard) => shard.pass(centroids, measured)));
      if (sum) addTotals(sum, parts);
    },
    async move(row, to) {
      const s = one ? 0 : Math.floor(row / RUN) % shards.length;
      const local = one ? row : Math.floor(row / (RUN * shards.length)) * RUN + (row % RUN);
      parts[s] = await shards[s].move(local, to);
      if (sum) addTotals(sum, parts);
    },
    async distances() {
      const found = await Promise.all(shards.map((shard) => shard.distances()));
      return inOrder(found, new Float64Array(one ? 0 : count));
    },
    async assignment() {
      const found = await Promise.all(shards.map((shard) => shard.assignment()));
      return inOrder(found, new Int32Array(one ? 0 : count));
    },
  };
}

/** The rows that are dealt to shard number `shard`, ascending. */
function dealt(count: number, shards: number, shard: number): Uint32Array {
  const rows: number[] = [];
  for (let from = shard * RUN; from < count; from += shards * RUN) {
    for (let row = from; row < Math.min(count, from + RUN); row++) rows.push(row);
  }
  return Uint32Array.from(rows);
}
