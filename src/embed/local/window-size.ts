import type { ModelSpec } from "../../models/spec.js";
import type { Provider } from "../../onnx/ort-engine.js";

/** Characters of a window of the builtin model, which is fast. */
const BUILTIN_CHARS = 1 << 18;

/**
 * Characters of a window on a GPU, which embeds them in a second or so. With fewer, texts of a corpus fill too few runs: a
 * run costs a card much beside its tokens. CUDA's are the faster cards.
 */
const GPU_CHARS = { cuda: 1 << 19, other: 1 << 18 };

/**
 * Bounds of a window on a processor, in characters. In smaller windows batches of equal length hold too few texts;
 * larger windows gain nothing.
 */
const CPU_CHARS = { least: 4096, most: 1 << 16 };

/**
 * Characters times weights that a thread processes in at most ten seconds, at some 150 GFLOP/s a thread and two
 * operations a weight.
 */
const TEN_SECONDS = 7.5e11;

/**
 * Characters of a window of texts. A stopped run loses its windows in flight, and this size limits the loss to some ten
 * seconds of work. The size depends on the model and the kind of device alone, because a continued run must form the
 * same windows.
 */
export function windowChars({ onnxPath, weightBytes = 0, dtype }: ModelSpec, provider: Provider): number {
  if (onnxPath === undefined) return BUILTIN_CHARS;
  if (provider !== "cpu") return provider === "cuda" ? GPU_CHARS.cuda : GPU_CHARS.other;
  const weights = weightBytes / (dtype === "int8" ? 1 : dtype === "fp16" ? 2 : 4);
  const chars = 2 ** Math.round(Math.log2((2 * TEN_SECONDS) / Math.max(weights, 1)));
  return Math.min(CPU_CHARS.most, Math.max(CPU_CHARS.least, chars));
}
