import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Provider } from "../../onnx/ort-engine.js";
import { deviceReason } from "./device-cure.js";

/** Most milliseconds in which a device must load, compile and run a product. */
const PATIENCE = 60_000;

/**
 * Speed of a device at matrix products and whether the device computes in half precision, or the reason why it does not
 * work.
 */
export type DeviceProbe = { readonly gflops: number; readonly half: boolean } | { readonly error: string };

/**
 * Probes a device in a process of its own, so that a driver that crashes or hangs is an answer too. Takes about a
 * second. Never rejects.
 */
export function probeDevice(provider: Provider): Promise<DeviceProbe> {
  const program = fileURLToPath(new URL("./probe-worker.js", import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [program, provider], { timeout: PATIENCE, killSignal: "SIGKILL" }, (error, stdout) => {
      // Drivers may print lines of their own, and may crash after the answer has been printed.
      const answer = stdout.split("\n").find((line) => line.startsWith("{"));
      if (answer !== undefined) resolve(readAnswer(answer));
      else if (error?.killed) resolve({ error: `it did not answer within ${PATIENCE / 1000} seconds` });
      else resolve({ error: `the process that tried it ended with ${error?.signal ?? `code ${error?.code}`}` });
    });
  });
}

function readAnswer(line: string): DeviceProbe {
  const probe = JSON.parse(line) as DeviceProbe;
  return "error" in probe ? { error: deviceReason(probe.error) } : probe;
}
