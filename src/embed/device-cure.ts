import { createRequire } from "node:module";
import type { Provider } from "../onnx/ort-engine.js";

/** Folder of the installed onnxruntime-node. */
export function onnxruntimeFolder(): string {
  return createRequire(import.meta.url)
    .resolve("onnxruntime-node/package.json")
    .replace(/[\\/]package\.json$/, "");
}

/** Which systems a device exists on at all. */
const ONLY_ON: Partial<Record<Provider, string>> = { dml: "Windows", coreml: "macOS" };

/**
 * What to do about a device that could not be had.
 * @param why onnxruntime's words
 * @returns undefined where the words are not about the device
 */
export function deviceCure(provider: Provider, why: string): string | undefined {
  if (provider === "cpu") return undefined;
  const others = "bge-dedup doctor lists the devices, --device cpu always works";
  if (/backend not found/.test(why)) {
    const system = ONLY_ON[provider];
    return `this system's onnxruntime-node has no ${provider}${system === undefined ? "" : `, which exists on ${system} only`}; ${others}`;
  }
  if (provider === "cuda" && /Failed to load (?:shared )?library|providers_cuda/.test(why)) {
    return (
      "the CUDA provider is not installed or lacks a library it needs (CUDA 12 and cuDNN 9, found through LD_LIBRARY_PATH); " +
      `install it with: ONNXRUNTIME_NODE_INSTALL=cuda12 node ${onnxruntimeFolder()}/script/install.js; ${others}`
    );
  }
  if (provider === "cuda" && /no CUDA-capable device|CUDA driver|cudaGetDevice/i.test(why)) {
    return `no NVIDIA device or driver was found (does nvidia-smi list one?); ${others}`;
  }
  if (provider === "webgpu" && /adapter|vulkan/i.test(why)) {
    return (
      "no GPU was found; on Linux it takes the Vulkan loader (Debian: apt-get install libvulkan1) and the driver of the GPU " +
      `(mesa-vulkan-drivers or NVIDIA's); ${others}`
    );
  }
  return others;
}
