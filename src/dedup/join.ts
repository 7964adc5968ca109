import type { Engine } from "../onnx/engine.js";
import { CascadeJoin } from "./cascade.js";
import { isSmall, joinSmall } from "./join-small.js";
import { Judge } from "./judge.js";
import { planCodes } from "./plan.js";
import type { VectorReader } from "./vectors.js";

/**
 * Threads that the engine of a join should have. Its products are short calls, between which threads would have to be woken: on two cores 100,000 x 1,024 take 3.9 s
 * with one thread and 4.9 s with two, 49,720 x 256 take 1.4 and 1.8 s.
 */
export const JOIN_THREADS = 1;

/** What the join needs to know. */
export interface JoinOptions {
  readonly vectors: VectorReader;
  /** Positions of the vectors in priority order: of two near-duplicates the earlier one stays. */
  readonly order: Uint32Array;
  /** Cosine in (0, 1] from which two texts are near-duplicates. */
  readonly threshold: number;
  /** A guard's signature for each position; pairs whose signatures differ are not merged. */
  readonly signatures?: BigUint64Array;
  readonly engine: Engine;
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
 * brute-force float64 scan whatever the codes, tile sizes, threads and memory. A removed vector is not compared again.
 */
export async function selfJoin(options: JoinOptions): Promise<JoinResult> {
  const { vectors, order, threshold, signatures } = options;
  const judge = new Judge({ count: vectors.count, dim: vectors.dim, threshold, signatures });
  if (isSmall(order.length, vectors.dim)) await joinSmall(options, judge);
  else {
    const plan = await planCodes(options);
    try {
      await new CascadeJoin(options, plan, judge).run();
    } finally {
      await plan.release();
    }
  }
  return judge.result;
}
