import { concatenated } from "../vectors/concatenated.js";
import { openCodes, planCodes } from "./codes/code-plan.js";
import { GROUP } from "./codes/column-codes.js";
import { type ColumnHost, LocalHost } from "./column-host.js";
import { dealGroups } from "./deal.js";
import { joinByCodes } from "./join-by-codes.js";
import type { JoinOptions, ReferenceVectors } from "./join-options.js";
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
 * References' vectors come before all others in the order and are never removed. They are not compared with each other.
 * With `within: false`, neither are the vectors of the join: a vector then stays unless a reference vector is near it.
 *
 * Starts and closes its own workers. Memory: `options.memory`, plus 16 bytes a vector for the outcome, and with
 * references 8 bytes more a vector and 8 bytes a reference vector.
 * @throws the signal's reason once that is aborted; an Error where a worker or the device fails
 */
export async function selfJoin(options: JoinOptions): Promise<JoinResult> {
  const { vectors, order, threshold, signatures, references } = options;
  const { count, dim } = vectors;
  const judge = new Judge({ count, dim, threshold, signatures, references });
  if (order.length === 0) return judge.result;
  if (references === undefined) await joinAll(options, judge, new Uint32Array(0));
  else {
    requireFitting(options, references);
    // One reader for all, in which the references' vectors lie behind those of the join.
    const all = { ...options, vectors: concatenated([vectors, references.vectors]) };
    const kept = references.order.map((position) => count + position);
    await joinAll(all, judge, kept);
  }
  return judge.result;
}

/** @throws Error where the references' vectors cannot be compared with those of the join */
function requireFitting({ vectors, signatures }: JoinOptions, references: ReferenceVectors): void {
  if (references.vectors.dim !== vectors.dim) {
    throw new Error(`references have vectors of ${references.vectors.dim} components; expected ${vectors.dim}`);
  }
  if ((references.signatures === undefined) !== (signatures === undefined)) {
    throw new Error("guard signatures are given for one side only; expected them for vectors and references");
  }
}

/** Joins vectors with the vectors at the positions `kept`, which are known to stay, then with each other. */
async function joinAll(options: JoinOptions, judge: Judge, kept: Uint32Array): Promise<void> {
  const { order } = options;
  const { dim } = options.vectors;
  if (isSmall(order.length, dim, kept.length, options.codes !== undefined)) await joinSmall(options, judge, kept);
  else {
    const workers = await startWorkers(options, kept.length);
    const local = new LocalHost(options.engine);
    try {
      const { codes } = options;
      // Only a host on a device can tell the speed of its products.
      const [first] = workers;
      const pairNs = first?.pairNs?.bind(first);
      const plan = await (codes === undefined
        ? planCodes({ ...options, pairNs }, kept)
        : openCodes(await codes(), options));
      try {
        const memory = options.memory - workers.length * WORKER_BYTES;
        const { productNs, book } = plan;
        const device = options.workers?.device === true ? { memory, depth: book.depth } : undefined;
        const deal = dealGroups({ local, workers, device, rows: order.length, dim, productNs });
        await joinByCodes({ ...options, memory }, { plan, judge, deal, kept });
      } finally {
        await plan.release();
      }
    } finally {
      await Promise.all([...workers, local].map((host) => host.close()));
    }
  }
}

/** Below the pairs of this number of vectors, starting workers takes longer than they save. */
const WORKERS_FROM = 16_384;
/** Memory that a worker takes beside the columns it holds, in bytes. */
const WORKER_BYTES = 40 << 20;
/** Share of the join's memory that workers may take in this way. */
const WORKER_SHARE = 0.25;

/**
 * Starts as many workers as are allowed, have enough to do, and fit the memory. Alone, the vectors make groups one after
 * the other, so that two groups a worker are enough; references meet all groups from the beginning, so that one is. A
 * requested device always starts.
 */
async function startWorkers(options: JoinOptions, references: number): Promise<ColumnHost[]> {
  const { order, workers, memory, within = true } = options;
  if (workers?.device) return workers.start(1);
  const pairs = order.length * ((within ? order.length / 2 : 0) + references);
  if (workers === undefined || pairs < (workers.worthFrom ?? WORKERS_FROM) ** 2 / 2) return [];
  const groups = Math.ceil(order.length / GROUP);
  const enough = references > 0 ? groups : Math.ceil(groups / 2);
  const count = Math.min(workers.most, enough, Math.floor((WORKER_SHARE * memory) / WORKER_BYTES));
  return workers.start(Math.max(0, count));
}
