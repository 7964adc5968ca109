import type { Provider } from "./ort-engine.js";

/** For each device, the end of the last turn that was asked for. */
const lastTurn = new Map<Provider, Promise<void>>();

/**
 * Waits until a thread may compute on a device, and reserves the device for that thread. The thread that starts workers takes the
 * turn before it starts one with sessions on the device, and ends the turn when that worker has ended. onnxruntime's WebGPU
 * sessions share one context without a lock: sessions of two threads that run or are released at the same time damage the heap.
 * Turns come in the order in which they were asked for, so that two runs side by side in a process share a device. Whoever holds
 * a turn must not ask for another. Any number of threads may use the processor.
 * @returns a function that ends the turn; further calls have no effect
 */
export async function deviceTurn(provider: Provider): Promise<() => void> {
  if (provider === "cpu") return () => {};
  const before = lastTurn.get(provider);
  let end = () => {};
  const turn = new Promise<void>((resolve) => {
    end = resolve;
  });
  lastTurn.set(provider, turn);
  await before;
  return end;
}
