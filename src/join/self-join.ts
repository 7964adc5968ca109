import { planCodes } from "./codes/code-plan.js";
import { GROUP } from "./codes/column-codes.js";
import { type ColumnHost, LocalHost } from "./column-host.js";
import { dealGroups } from "./deal.js";
import { joinByCodes } from "./join-by-codes.js";
import type { JoinOptions } from "./join-options.js";
import { isSmall, joinSmall } from "./join-small.js";
import { type JoinResult, Judge } from "./judge.js";

/**
 * The exact self-join. It visits vectors in priority order; a vector stays unless an earlier *kept* vector has a cosine
 * of at least the threshold with it. The kept vectors are the lexicographically first maximal independent set of the
 * similarity graph: no vector is removed on account of a removed one, and no two kept vectors are near-duplicates.
 *
 * Upper bounds that hold with certainty reject nearly all pairs: bounds from a float32 product where there are few
 * vectors, else from a product of short integer codes (code-book.ts). The surviving pairs are measured in float64, and
 * only that measure decides. So the outcome is that of a brute-force float64 scan, whatever the codes, tile sizes,
 * threads, device and memory. A removed vector leaves the search: at once in this thread, from the next group on in a
 * worker.
 *
 * Starts and closes its own workers. Memory: `options.memory`, plus 16 bytes a vector for the outcome.
 * @throws the signal's reason once that is aborted; an Error where a worker or the device fails
 */
export async function selfJoin(options: JoinOptions): Promise<JoinResult> {
  const { vectors, order, threshold, signatures } = options;
  const judge = new Judge({ count: vectors.count, dim: vectors.dim, threshold, signatures });
  if (isSmall(order.length, vectors.dim)) await joinSmall(options, judge);
  else {
    const workers = await startWorkers(options);
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

/** Below this number of vectors, starting workers takes longer than they save. */
const WORKERS_FROM = 16_384;
/** Memory that a worker takes beside the columns it holds, in bytes. */
const WORKER_BYTES = 40 << 20;
/** Share of the join's memory that workers may take in this way. */
const WORKER_SHARE = 0.25;

/**
 * Starts as many workers as are allowed, get about two groups each, and fit the memory. A requested device always
 * starts.
 */
async function startWorkers({ order, workers, memory }: JoinOptions): Promise<ColumnHost[]> {
  if (workers?.device) return workers.start(1);
  if (workers === undefined || order.length < WORKERS_FROM) return [];
  const groups = Math.ceil(order.length / GROUP);
  const count = Math.min(workers.most, Math.ceil(groups / 2), Math.floor((WORKER_SHARE * memory) / WORKER_BYTES));
  return workers.start(Math.max(0, count));
}
