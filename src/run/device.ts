import type { Provider } from "../onnx/ort-engine.js";

/** The device and why it was chosen. */
export interface DeviceChoice {
  readonly provider: Provider;
  readonly reason: string;
}

/** Resolves `--device`. A device asked for by name is never replaced; whether it works shows when the model loads on it. */
export function chooseDevice(device: "auto" | Provider): DeviceChoice {
  if (device === "auto") return { provider: "cpu", reason: "the device that every machine has" };
  return { provider: device, reason: "as asked for by --device" };
}
