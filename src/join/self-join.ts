import type { Engine } from "../onnx/engine.js";
import type { VectorReader } from "../vectors/reader.js";
import { planCodes } from "./codes/code-plan.js";
import { GROUP } from "./codes/column-codes.js";
import { type ColumnHost, LocalHost } from "./column-host.js";
import { dealGroups } from "./deal.js";
import { joinByCodes } from "./join-by-codes.js";
import { isSmall, joinSmall } from "./join-small.js";
import { Judge } from "./judge.js";

/** Threads beside this one, which has work of its own to do. */
export interface ColumnWorkers {
  /** How many there may be. */
  readonly most: number;
  /** True where they compute on a device and take all groups: the processor would be what they wait for. */
  readonly device?: boolean;
  /** Starts workers, which the join closes. They load while the caller goes on. */
  start(count: number): ColumnHost[];
}

/** What the join needs to know. */
export interface JoinOptions {
  readonly vectors: VectorReader;
  /** Positions of the vectors in priority order: of two near-duplicates the earlier one stays. */
  readonly order: Uint32Array;
  /** Cosine in (0, 1] from which two texts are near-duplicates. */
  readonly threshold: number;
  /** A guard's signature for each position; pairs whose signatures differ are not merged. */
  readonly signatures?: BigUint64Array;
  /** Runs in this thread: with one thread of its own, since its products are short calls. */
  readonly engine: Engine;
  /**
   * Runs the few products that are large: of the planning, of vectors with a basis, and of few vectors. With all threads, which
   * changes what is rounded how and not what is decided; `engine` if absent.
   */
  readonly wideEngine?: Engine;
  /** Workers that may take most of the products; without it all is done in this thread. */
  readonly workers?: ColumnWorkers;
  /** Bytes that the join may hold in vectors. */
  readonly memory: number;
  /** Called with the number of rows of `order` that are decided. */
  readonly onProgress?: (decided: number) => void;
  /** Ends the join with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The outcome for each vector position. Kept vectors have `keptBy` -1. */
export interface JoinResult {
  /** Position of the kept vector on whose account this one is removed, the earliest in priority order; -1 where kept. */
  readonly keptBy: Int32Array;
  /** Float64 cosine with it; 0 where kept. */
  readonly similarity: Float64Array;
  /** For a kept vector the earliest kept one that is as near but that a guard keeps apart; -1 where there is none. */
  readonly guardedFrom: Int32Array;
  /** Pairs measured in float64. */
  readonly measured: number;
}

/**
 * The exact self-join. Visits vectors in priority order; one stays unless an earlier *kept* one has cosine >= threshold
 * with it. That is the lexicographically first maximal independent set of the similarity graph, so nothing is removed on
 * account of a removed vector and no two kept ones are near-duplicates.
 *
 * Certain upper bounds reject nearly all pairs: a float32 product where there are few vectors, else a product of short
 * integer codes (code-book.ts). What survives is measured in float64, and only that decides. So the result is that of a
 * brute-force float64 scan whatever the codes, tile sizes, threads and memory. A removed vector leaves the search: at once in
 * this thread, with the next group in a worker.
 */
export async function selfJoin(options: JoinOptions): Promise<JoinResult> {
  const { vectors, order, threshold, signatures } = options;
  const judge = new Judge({ count: vectors.count, dim: vectors.dim, threshold, signatures });
  if (isSmall(order.length, vectors.dim)) await joinSmall(options, judge);
  else {
    const workers = startWorkers(options);
    const local = new LocalHost(options.engine);
    try {
      const plan = await planCodes(options);
      try {
        const { productNs } = plan;
        const device = options.workers?.device;
        const deal = dealGroups({ local, workers, device, rows: order.length, dim: vectors.dim, productNs });
        const memory = options.memory - workers.length * WORKER_BYTES;
        await joinByCodes({ ...options, memory }, { plan, judge, deal });
      } finally {
        await plan.release();
      }
    } finally {
      await Promise.all([...workers, local].map((host) => host.close()));
    }
  }
  return judge.result;
}

/** Vectors below which starting workers takes longer than they save. */
const WORKERS_FROM = 16_384;
/** Bytes that a worker takes beside the columns that it holds. */
const WORKER_BYTES = 40 << 20;
/** Share of the memory that workers may take so. */
const WORKER_SHARE = 0.25;

/** As many workers as may be, have a group or two each, and fit the memory; a device that was asked for in any case. */
function startWorkers({ order, workers, memory }: JoinOptions): ColumnHost[] {
  if (workers?.device) return workers.start(1);
  if (workers === undefined || order.length < WORKERS_FROM) return [];
  const groups = Math.ceil(order.length / GROUP);
  const count = Math.min(workers.most, Math.ceil(groups / 2), Math.floor((WORKER_SHARE * memory) / WORKER_BYTES));
  return workers.start(Math.max(0, count));
}
