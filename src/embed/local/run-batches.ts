import { UnavailableError } from "../../errors.js";
import { type Batch, groupByLength, joinLengths, rowsWithin } from "./batching.js";
import type { TokenBudget } from "./token-budget.js";

/**
 * How onnxruntime and the libraries of devices report a lack of memory. cuBLAS and cuDNN give a code such as
 * CUBLAS_STATUS_ALLOC_FAILED; WebGPU names a buffer that cannot be made or exceeds the device's binding size. A WebGPU
 * device continues to work after such an error.
 */
const OUT_OF_MEMORY = new RegExp(
  "out of memory|failed to allocate|bad_alloc|alloc(?:ation)?[ _]failed|insufficient memory|OOM\\b|" +
    "Invalid Buffer|exceeds the max buffer size|larger than the maximum [\\w ]*binding size",
  "i",
);

/** Whether an error of onnxruntime reports a lack of memory. */
export function isOutOfMemory({ message }: Error): boolean {
  return OUT_OF_MEMORY.test(message);
}

/**
 * Runs the texts of a window in batches of one padded length, each as large as the budget allows. If the device runs
 * out of memory, the budget is halved and the batch is run again.
 * @param options.run gives the vectors of a batch, rows × dim
 * @param options.take receives each batch with its vectors, which are valid until `take` returns
 * @returns number of padded tokens of all batches
 * @throws UnavailableError if not even one text fits the device
 */
export async function runBatches(options: {
  /** Number of texts + 1 offsets of the token ids. */
  offsets: Int32Array;
  lengthOf: (tokens: number) => number;
  /** Padded tokens that a run costs beside its own. Where it is above 0, texts of several lengths run together. */
  runTokens: number;
  budget: TokenBudget;
  /** Most texts of a batch of that padded length. */
  maxRows: (length: number) => number;
  run: (batch: Batch) => Promise<Float32Array>;
  take: (batch: Batch, vectors: Float32Array) => void;
  note: (message: string) => void;
}): Promise<number> {
  const { offsets, lengthOf, runTokens, budget, maxRows, run, take, note } = options;
  let paddedTokens = 0;
  const groups = joinLengths(groupByLength(offsets, lengthOf), { runTokens, budget: budget.tokens });
  for (const { members, length } of groups) {
    for (let at = 0; at < members.length; ) {
      const rows = Math.min(maxRows(length), rowsWithin(budget.tokens, length));
      const batch = { members: members.subarray(at, at + rows), length };
      const tokens = batch.members.length * length;
      const started = performance.now();
      let vectors: Float32Array;
      try {
        vectors = await run(batch);
      } catch (cause) {
        const { message } = cause as Error;
        if (!isOutOfMemory(cause as Error)) throw cause;
        if (batch.members.length === 1) {
          throw new UnavailableError(
            `the device has not the memory for one text of ${length} tokens: ${message}; lower --max-length, or use --device cpu`,
          );
        }
        note(budget.exceeded(tokens));
        continue;
      }
      budget.measured(tokens, performance.now() - started);
      take(batch, vectors);
      paddedTokens += tokens;
      at += batch.members.length;
    }
  }
  return paddedTokens;
}
