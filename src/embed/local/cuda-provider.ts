import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { join } from "node:path";

/** Folder of the installed onnxruntime-node. */
export function onnxruntimeFolder(): string {
  return createRequire(import.meta.url)
    .resolve("onnxruntime-node/package.json")
    .replace(/[\\/]package\.json$/, "");
}

/** Path at which onnxruntime looks for its CUDA provider on Linux. The npm package does not contain the file. */
export function cudaProvider(): string {
  return join(onnxruntimeFolder(), "bin/napi-v6", platform(), arch(), "libonnxruntime_providers_cuda.so");
}

/**
 * Why the CUDA provider cannot be loaded, in the words of the system's loader; onnxruntime itself only says that
 * loading failed. Call this in a process of its own, such as the device probe: a library that loads stays loaded.
 * @param library path as by `cudaProvider`
 * @returns undefined if no file is missing
 */
export function cudaProviderFailure(library: string): string | undefined {
  if (!existsSync(library)) return "the CUDA provider is not installed";
  try {
    process.dlopen({ exports: {} }, library);
  } catch (error) {
    // A library that loads is still no addon of Node's, which is an error without the name of a missing file.
    return /lib\S+: cannot open shared object file/.exec((error as Error).message)?.[0];
  }
  return undefined;
}

/**
 * Makes CUDA's libraries multiply fp32 in full. By default onnxruntime's provider lets them shorten factors to the 11 bits
 * of TF32: components of vectors then differ by 5e-4 from those of the processor, in full by 3e-7, and texts next to the
 * threshold are decided otherwise. Call this before the provider loads; a worker has to share its environment. A setting of
 * the user's stands, so `NVIDIA_TF32_OVERRIDE=1` trades the bits for speed.
 */
export function multiplyFloat32InFull(): void {
  process.env.NVIDIA_TF32_OVERRIDE ??= "0";
}
