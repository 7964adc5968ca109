import type { Provider } from "./ort-engine.js";

/** Devices on which a thread of this process computes. */
const taken = new Set<Provider>();

/**
 * Reserves a device for one thread. The thread that starts workers reserves the device before it starts one with
 * sessions on the device, and releases the device when that worker has ended. onnxruntime's WebGPU sessions share one
 * context without a lock: sessions of two threads that run or are released at the same time damage the heap. Any number
 * of threads may use the processor. The reservations exist only in the thread that starts the workers.
 * @returns a function that releases the device; further calls have no effect
 * @throws Error where another thread holds the device, which is a defect of this program
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
