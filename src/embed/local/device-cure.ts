import type { Provider } from "../../onnx/ort-engine.js";
import { onnxruntimeFolder } from "./cuda-provider.js";

/** The only system on which a device exists. */
const ONLY_ON: Partial<Record<Provider, string>> = { dml: "Windows", coreml: "macOS" };

/**
 * Shortens onnxruntime's message about a device to the part that says what is wrong. The source locations and function
 * signatures around this part fill half a screen.
 */
export function deviceReason(why: string): string {
  const call = /\b((?:CUDA|CUBLAS|CUDNN) failure \d+: .*?)\s*; GPU=/s.exec(why)?.[1];
  return call ?? why.replace(/^.* was false\. /s, "").trim();
}

/**
 * What the user can do about a device that cannot be used.
 * @param why onnxruntime's message
 * @returns undefined for the processor
 */
export function deviceCure(provider: Provider, why: string): string | undefined {
  if (provider === "cpu") return undefined;
  const others = "bge-dedup doctor lists the devices, --device cpu always works";
  if (/backend not found/.test(why)) {
    const system = ONLY_ON[provider];
    return `this system's onnxruntime-node has no ${provider}${system === undefined ? "" : `, which exists on ${system} only`}; ${others}`;
  }
  if (provider === "cuda" && /driver version is insufficient/i.test(why)) {
    return `NVIDIA's driver is older than the CUDA that the provider was built for (nvidia-smi shows both): update it; ${others}`;
  }
  if (provider === "cuda" && /libcuda\.so|no CUDA-capable device|CUDA driver|cudaGetDevice/i.test(why)) {
    return `no NVIDIA device or driver was found (does nvidia-smi list one?); ${others}`;
  }
  const lacking = /(lib\S+): cannot open shared object file/.exec(why)?.[1];
  if (provider === "cuda" && lacking !== undefined) {
    return (
      `install the package of CUDA or cuDNN that has ${lacking} (the number at its end is the version that is needed) ` +
      `and name its folder in LD_LIBRARY_PATH; ${others}`
    );
  }
  if (provider === "cuda" && /Failed to load (?:shared )?library|providers_cuda|not installed/.test(why)) {
    return (
      `install it with: ONNXRUNTIME_NODE_INSTALL=cuda12 node ${onnxruntimeFolder()}/script/install.js; it takes ` +
      `NVIDIA's driver, CUDA and cuDNN 9; ${others}`
    );
  }
  if (provider === "webgpu" && /adapter|vulkan/i.test(why)) {
    return (
      "no GPU was found; on Linux it takes the Vulkan loader (Debian: apt-get install libvulkan1) and the driver of the GPU " +
      `(mesa-vulkan-drivers or NVIDIA's); ${others}`
    );
  }
  return others;
}
