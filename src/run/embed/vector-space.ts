import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import type { SharedOptions } from "../options.js";
import { dependencyVersions } from "../work/manifest.js";
import type { DeviceName } from "./device.js";
import type { PreparedModel } from "./prepared-model.js";

/**
 * Version of what this program does to a text on its way to a vector: padding, pooling, averaging, normalising. Whoever
 * changes a bit of a vector raises the number, or caches would give the vectors of before.
 */
const ARITHMETIC = 2;

/**
 * Names what vectors depend on beside the text, so that a vector of the cache is the one that this run would compute.
 *
 * On a processor the name holds all of it: the files of the model, element type, pooling, length, the versions of
 * onnxruntime and of the tokenizer, and the processor, because onnxruntime chooses its kernels by the processor's
 * instructions and caches. Batches and threads are left out, because no vector depends on them there; `EmbeddingSession`
 * says how static models come to that. On a GPU and behind a server the last bits of a vector depend on the batch it was
 * in, and no name could hold that.
 * @returns 32 hexadecimal digits
 */
export function vectorSpace(
  { long, endpoint }: Pick<SharedOptions, "long" | "endpoint">,
  { model, provider }: Pick<PreparedModel, "model" | "provider">,
): string {
  const versions = dependencyVersions();
  const local = [
    long,
    versions["onnxruntime-node"],
    versions["@huggingface/tokenizers"],
    process.platform,
    process.arch,
    ...(provider === "cpu" ? processor() : []),
  ];
  const parts = [
    ARITHMETIC,
    model.fingerprint,
    model.dtype,
    model.maxTokens,
    provider,
    ...(provider === "endpoint" ? [endpoint?.url] : local),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** True if a vector does not depend on what was computed at the same time, so that a cached one is the same to the bit. */
export function isRepeatable(provider: DeviceName): boolean {
  return provider === "cpu";
}

/** What onnxruntime may choose its kernels by: the model of the processor and, where known, its instructions. */
export function processor(): string[] {
  const model = cpus()[0]?.model ?? "unknown";
  try {
    // Virtual machines give the same name to processors with different instructions.
    const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    const kernels = flags.split(" ").filter((flag) => /^(avx|fma|f16c|amx|sse4|asimd|i8mm|bf16|sve|sme|fp)/.test(flag));
    return [model, kernels.sort().join(" ")];
  } catch {
    return [model]; // Only Linux has the file.
  }
}
