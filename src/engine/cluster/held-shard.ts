import { createBreaks } from "../../breaks.js";
import { planMemory, planShards } from "../../cluster/plan.js";
import { openShards, startShards } from "../../cluster/shards.js";
import { FailedRunError } from "../../errors.js";
import type { Columns } from "../../io/arrow/number-table.js";
import { createOrtEngine } from "../../onnx/ort-engine.js";
import { vectorBudget } from "../../run/work/memory.js";
import { openVectorStore } from "../../vectors/store.js";
import { rowWorkers } from "../../workers/row-workers.js";
import { type CentroidColumns, totalsColumns } from "./answers.js";
import { type Ask, getColumns } from "./exchange.js";

/** A shard in the memory of a worker. */
export interface HeldShard {
  /** Answers a question. After an error the shard is to be closed, since its state is not known. */
  answer(ask: Ask): Promise<Columns>;
  close(): Promise<void>;
}

/**
 * Opens a shard of an exchange and deals it out once more, to the threads of this process. The vectors stay in memory as
 * far as it goes.
 * @param options.rows columns `position` and, unless each row counts once, `weight`
 * @param options.memory bytes of the process, of which other shards may have taken their part
 */
export async function holdShard(options: {
  readonly folder: string;
  readonly ask: Ask;
  readonly rows: { readonly position: Uint32Array; readonly weight?: Uint32Array };
  readonly threads: number;
  readonly memory: number;
  readonly signal?: AbortSignal;
}): Promise<HeldShard> {
  const { folder, ask, rows, threads, signal } = options;
  const { store, dim, k, totalWeight } = ask;
  const { position: positions, weight: weights } = rows;
  const vectors = await openVectorStore(store);
  if (vectors.count !== ask.vectors || vectors.dim !== dim) {
    await vectors.close();
    throw new FailedRunError(
      `${store} has ${vectors.count} vectors of ${vectors.dim} components on this machine, expected ${ask.vectors} of ` +
        `${dim}; all workers have to see the same files`,
    );
  }
  const memory = vectorBudget(options.memory);
  const dealt = planShards({ memory, dim, k, rows: positions.length, threads });
  const stop = () => signal?.throwIfAborted();
  const members = startShards({
    count: dealt.shards,
    vectors,
    engine: createOrtEngine({ threads }),
    workers: rowWorkers(threads, store),
    onRows: stop,
    onTile: stop,
    pause: createBreaks(signal),
  });
  async function close(): Promise<void> {
    await Promise.all(members.map((shard) => shard.close()));
    await vectors.close();
  }
  try {
    const plan = planMemory({ memory: dealt.memory, dim, k });
    const shards = await openShards(members, { positions, weights, k, dim, plan, totalWeight });
    /** What the shard has done: the pass by its centroids, and how many moves since. */
    let centroids: string | undefined;
    let moved = 0;
    return {
      close,
      async answer({ centroids: wanted, measured, moves, want }) {
        if (centroids !== wanted) {
          const { centroid } = await getColumns<CentroidColumns>(folder, wanted);
          await shards.pass(centroid, measured);
          [centroids, moved] = [wanted, 0];
        }
        for (; moved < moves.length; moved++) await shards.move(...moves[moved]);
        if (want === "totals") return totalsColumns(shards.totals);
        return want === "distances" ? { squared: await shards.distances() } : { cluster: await shards.assignment() };
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
