import { planCodes } from "./codes/code-plan.js";
import { GROUP } from "./codes/column-codes.js";
import { type ColumnHost, LocalHost } from "./column-host.js";
import { dealGroups } from "./deal.js";
import { joinByCodes } from "./join-by-codes.js";
import type { JoinOptions } from "./join-options.js";
import { isSmall, joinSmall } from "./join-small.js";
import { type JoinResult, Judge } from "./judge.js";

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
