import type { ModelSpec } from "../../models/spec.js";
import type { Provider } from "../../onnx/ort-engine.js";

/** The builtin model is quick, so its windows are large. */
const BUILTIN_CHARS = 1 << 18;

/** A GPU needs a fraction of a second for this. */
const GPU_CHARS = 1 << 18;

/** Bounds of a window on a processor: below, batches of equal length hold too few texts; above, nothing is won. */
const CPU_CHARS = { least: 4096, most: 1 << 16 };

/** Character times weight for which a thread needs ten seconds or less: a processor does some 150 GFLOP/s a thread, two a weight. */
const TEN_SECONDS = 7.5e11;

/**
 * Characters of a window of texts, so that a run that is stopped loses ten seconds of work or so: what is under way is not
 * stored. Depends on the model and the kind of device alone, since windows must be the same when an interrupted run goes on.
 */
export function windowChars({ onnxPath, weightBytes = 0, dtype }: ModelSpec, provider: Provider): number {
  if (onnxPath === undefined) return BUILTIN_CHARS;
  if (provider !== "cpu") return GPU_CHARS;
  const weights = weightBytes / (dtype === "int8" ? 1 : dtype === "fp16" ? 2 : 4);
  const chars = 2 ** Math.round(Math.log2((2 * TEN_SECONDS) / Math.max(weights, 1)));
  return Math.min(CPU_CHARS.most, Math.max(CPU_CHARS.least, chars));
}
