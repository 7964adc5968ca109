import type { Shard, ShardSettings } from "./shard.js";
import { addTotals, createSums, type Totals } from "./sums.js";

/** Neighbouring rows that go to one shard, which reads them together; the next run of rows goes to the next shard. */
const RUN = 256;

/** All rows, dealt out to shards. */
export interface Shards {
  readonly dim: number;
  /** Sums over all shards after the last call. */
  readonly totals: Totals;
  /** As in one shard, for all rows. */
  pass(centroids: Float32Array): Promise<void>;
  move(row: number, to: number): Promise<void>;
  distances(): Promise<Float64Array>;
  assignment(): Promise<Int32Array>;
}

/** Deals the rows at `positions` to shards and opens them. Whoever made the shards closes them. */
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

  /** Puts the numbers that the shards have for their rows in the order of all rows. */
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
    async pass(centroids) {
      parts = await Promise.all(shards.map((shard) => shard.pass(centroids)));
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

/** The rows of one of several shards, ascending. */
function dealt(count: number, shards: number, shard: number): Uint32Array {
  const rows: number[] = [];
  for (let from = shard * RUN; from < count; from += shards * RUN) {
    for (let row = from; row < Math.min(count, from + RUN); row++) rows.push(row);
  }
  return Uint32Array.from(rows);
}
