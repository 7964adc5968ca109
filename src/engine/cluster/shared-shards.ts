import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Shard, ShardSettings } from "../../cluster/shard.js";
import type { ShardWorkers } from "../../cluster/shards.js";
import type { Columns } from "../../io/arrow/number-table.js";
import { openVectorStore } from "../../vectors/store.js";
import { totalsOf } from "./answers.js";
import type { Desk } from "./desk.js";
import type { Ask } from "./exchange.js";

/** Bytes of a component of the sums of a shard: as they come from the file, and as float64 numbers. */
const BYTES = 16;

/**
 * The workers of k-means behind an exchange. No shard works on the calling thread, and a shard keeps nothing here but
 * what its state follows from: the centroids of the last pass, and the rows that were moved since. Each question carries
 * all of this, so a worker that has never seen the shard gives the same answer as one that has held it all the time.
 * @param options.desk the leader's side; the shards wait for it
 * @param options.store path of the vectors
 * @param options.shards number of shards, of about as many rows each, if the sums of all of them fit into `memory`
 */
export function sharedShards(options: {
  readonly desk: Promise<Desk>;
  readonly store: string;
  readonly shards: number;
  /** Bytes for the sums, which the calling thread adds up; default: no limit. */
  readonly memory?: number;
  /** Ends the calls in flight with the reason of the signal. */
  readonly signal?: AbortSignal;
}): ShardWorkers {
  const { desk, signal, memory = Number.POSITIVE_INFINITY } = options;
  // Who waits for the desk reports its error.
  desk.catch(() => {});
  return {
    threads: 1,
    shards: ({ k, dim }) => Math.max(1, Math.min(options.shards, Math.floor(memory / (BYTES * k * dim)))),
    start(count, _threads, onRows) {
      const run = randomUUID().slice(0, 8);
      const stop = () => void desk.then((open) => open.close(signal?.reason as Error));
      signal?.addEventListener("abort", stop);
      const store = storeOf(options.store);
      store.catch(() => {});
      const put = centroidsPutter(desk);
      let open = count;
      return Array.from({ length: count }, (_, s) =>
        sharedShard({
          desk,
          store,
          put,
          name: `${run}-${s}`,
          signal,
          onRows: (rows) => onRows(s, rows),
          onClose() {
            if (--open === 0) signal?.removeEventListener("abort", stop);
          },
        }),
      );
    },
  };
}

/** The vectors, as a question names them. */
async function storeOf(path: string): Promise<Pick<Ask, "store" | "vectors" | "dim">> {
  const store = await openVectorStore(path);
  await store.close();
  return { store: resolve(path), vectors: store.count, dim: store.dim };
}

/** Publishes centroids once for all shards, which are given the same array. */
function centroidsPutter(desk: Promise<Desk>) {
  let last: { readonly centroids: Float32Array; readonly name: Promise<string> } | undefined;
  return (centroids: Float32Array): Promise<string> => {
    if (last?.centroids !== centroids) {
      const name = desk.then((open) => open.putCentroids({ centroid: centroids }));
      last = { centroids, name };
    }
    return last.name;
  };
}

/** A shard that a worker elsewhere holds. */
function sharedShard(given: {
  readonly desk: Promise<Desk>;
  readonly store: ReturnType<typeof storeOf>;
  readonly put: ReturnType<typeof centroidsPutter>;
  readonly name: string;
  readonly signal?: AbortSignal;
  readonly onRows: (rows: number) => void;
  readonly onClose: () => void;
}): Shard {
  const { name, onRows } = given;
  let opened: ShardSettings | undefined;
  let state: Pick<Ask, "centroids" | "measured" | "moves"> | undefined;

  async function ask(want: Ask["want"]): Promise<Columns> {
    given.signal?.throwIfAborted();
    if (opened === undefined || state === undefined) throw new Error("a shard was used before its first pass");
    const { k, totalWeight } = opened;
    const desk = await given.desk;
    return desk.ask(name, { ...(await given.store), k, totalWeight, ...state, want });
  }

  async function totals() {
    const { dim } = await given.store;
    return totalsOf(await ask("totals"), { dim, totalWeight: opened?.totalWeight ?? 0 });
  }

  return {
    async open(settings) {
      const { positions, weights } = settings;
      const rows = { position: positions, ...(weights ? { weight: weights } : {}) };
      await (await given.desk).addShard(name, rows);
      opened = settings;
    },
    async pass(centroids, measured = false) {
      state = { centroids: await given.put(centroids), measured, moves: [] };
      const sums = await totals();
      onRows(opened?.positions.length ?? 0);
      return sums;
    },
    async move(row, to) {
      if (state !== undefined) state = { ...state, moves: [...state.moves, [row, to]] };
      return totals();
    },
    distances: async () => (await ask("distances")).squared as Float64Array,
    assignment: async () => (await ask("assignment")).cluster as Int32Array,
    async close() {
      given.onClose();
      const desk = await given.desk.catch(() => undefined);
      await desk?.removeShard(name);
    },
  };
}
