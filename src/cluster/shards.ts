import type { Shard, ShardSettings } from "./shard.js";
import { addTotals, type Totals } from "./sums.js";

/** Rows that go to one shard after another: neighbours, which are read together. */
const RUN = 256;

/** All rows, dealt out to shards. */
export interface Shards {
  readonly count: number;
  readonly dim: number;
  /** Sums over all shards after the last call. */
  readonly totals: Totals;
  /** As of one shard (see there). */
  pass(centroids: Float32Array, fresh: boolean): Promise<void>;
  move(row: number, to: number): Promise<void>;
  distances(): Promise<Float64Array>;
  assignment(): Promise<Int32Array>;
  close(): Promise<void>;
}

/** Opens shards on the rows at `positions`, runs of which go to one after the other. */
export async function openShards(
  shards: readonly Shard[],
  options: ShardSettings & { readonly dim: number },
): Promise<Shards> {
  const { positions, weights, k, dim, centre, plan, totalWeight } = options;
  const count = positions.length;
  const one = shards.length === 1;
  const rowsOf = shards.map((_, s) => dealt(count, shards.length, s));
  await Promise.all(
    shards.map((shard, s) => {
      const pick = (all: Uint32Array) => (one ? all : Uint32Array.from(rowsOf[s], (row) => all[row]));
      const share = { positions: pick(positions), weights: weights && pick(weights) };
      return shard.open({ ...share, k, plan, centre, totalWeight });
    }),
  );
  let parts: Totals[] = [];
  let totals: Totals | null = null;

  /** Sums of one shard are used where they are. */
  function total(): void {
    if (one) {
      totals = parts[0];
      return;
    }
    totals ??= emptyLike(parts[0]);
    addTotals(totals, parts);
  }

  /** Puts what the shards have found for their rows in the order of all rows. */
  function inOrder<A extends Float64Array | Int32Array>(found: A[], into: A): A {
    if (one) return found[0];
    for (let s = 0; s < found.length; s++) {
      for (let r = 0; r < found[s].length; r++) into[rowsOf[s][r]] = found[s][r];
    }
    return into;
  }

  return {
    count,
    dim,
    get totals() {
      if (totals === null) throw new Error("sums are known after the first pass");
      return totals;
    },
    async pass(centroids, fresh) {
      parts = await Promise.all(shards.map((shard) => shard.pass(centroids, fresh)));
      total();
    },
    async move(row, to) {
      const s = one ? 0 : Math.floor(row / RUN) % shards.length;
      const local = one ? row : Math.floor(row / (RUN * shards.length)) * RUN + (row % RUN);
      parts[s] = await shards[s].move(local, to);
      total();
    },
    async distances() {
      const found = await Promise.all(shards.map((shard) => shard.distances()));
      return inOrder(found, new Float64Array(one ? 0 : count));
    },
    async assignment() {
      const found = await Promise.all(shards.map((shard) => shard.assignment()));
      return inOrder(found, new Int32Array(one ? 0 : count));
    },
    async close() {
      await Promise.all(shards.map((shard) => shard.close()));
    },
  };
}

/** Most rows that one of several shards has. */
export function mostRows(count: number, shards: number): number {
  return shards === 1 ? count : Math.min(count, Math.ceil(count / (RUN * shards)) * RUN);
}

/** The rows of one of several shards, ascending. */
function dealt(count: number, shards: number, shard: number): Uint32Array {
  const rows = new Uint32Array(mostRows(count, shards));
  let size = 0;
  for (let from = shard * RUN; from < count; from += shards * RUN) {
    for (let row = from; row < Math.min(count, from + RUN); row++) rows[size++] = row;
  }
  return rows.subarray(0, size);
}

function emptyLike({ dim, stride, scale, sums, weight, members }: Totals): Totals {
  return {
    dim,
    stride,
    scale,
    sums: new Float64Array(sums.length),
    weight: new Float64Array(weight.length),
    members: new Uint32Array(members.length),
    squaredNorms: 0,
  };
}
