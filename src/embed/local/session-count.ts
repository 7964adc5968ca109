import type { ModelSpec } from "../../models/spec.js";
import type { Provider } from "../../onnx/ort-engine.js";

/** Share of the memory that all copies of a model may take together. */
const MODEL_SHARE = 1 / 4;

/**
 * Number of sessions that a model should have side by side.
 *
 * One session with all threads is best, except for an int8 model on a processor. Such a model runs one text at a time,
 * because the scale of its activations is that of the whole batch, and a short text gives too little work to share
 * among threads. With one session on each thread, two threads embed titles of 23 tokens 1.4 times as fast. If the
 * memory does not hold that many copies of the weights, fewer sessions share the threads.
 */
export function sessionCount({
  model: { dtype, weightBytes = 0 },
  provider,
  threads,
  memory,
}: {
  model: Pick<ModelSpec, "dtype" | "weightBytes">;
  provider: Provider;
  threads: number;
  /** `--memory`, in bytes. */
  memory: number;
}): number {
  if (dtype !== "int8" || provider !== "cpu") return 1;
  const affordable = Math.floor((MODEL_SHARE * memory) / Math.max(1, weightBytes));
  return Math.max(1, Math.min(threads, affordable));
}
