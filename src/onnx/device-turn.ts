import type { Provider } from "./ort-engine.js";

/** Devices that a thread of this process computes on. */
const taken = new Set<Provider>();

/**
 * Takes a device for one thread: whoever starts a thread that has sessions on it takes it before and gives it back once the thread
 * has ended. onnxruntime's WebGPU sessions share one context without a lock, and sessions of two threads that run or are released
 * at the same time damage the heap. A processor can be had by any number. Known to the thread that starts the others alone.
 * @returns gives it back; once, however often it is called
 * @throws Error where another thread has it, which would be a defect of this program
 */
export function takeDevice(provider: Provider): () => void {
  if (provider === "cpu") return () => {};
  if (taken.has(provider)) {
    throw new Error(`a thread of this program computes on ${provider} already; expected it to have ended first`);
  }
  taken.add(provider);
  let held = true;
  return () => {
    if (held) taken.delete(provider);
    held = false;
  };
}
