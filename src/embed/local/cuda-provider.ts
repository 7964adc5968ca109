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

/** Where onnxruntime looks for its CUDA provider on Linux, which the npm package does not bring. */
export function cudaProvider(): string {
  return join(onnxruntimeFolder(), "bin/napi-v6", platform(), arch(), "libonnxruntime_providers_cuda.so");
}

/**
 * Why the CUDA provider cannot be loaded, in the words of the system's loader; onnxruntime itself says no more than that it
 * failed. For a process of its own, such as the one that tries devices: where nothing is lacking, the library stays loaded.
 * @param library as by `cudaProvider`
 * @returns undefined where no file is lacking
 */
export function cudaProviderFailure(library: string): string | undefined {
  if (!existsSync(library)) return "the CUDA provider is not installed";
  try {
    process.dlopen({ exports: {} }, library);
  } catch (error) {
    // Loaded, it is no addon of Node's, which is an error too.
    return /lib\S+: cannot open shared object file/.exec((error as Error).message)?.[0];
  }
  return undefined;
}
