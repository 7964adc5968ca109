import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Provider } from "../../onnx/ort-engine.js";
import { deviceReason } from "./device-cure.js";

/** Milliseconds that a device has to load, compile and run a product. */
const PATIENCE = 60_000;

/** How fast a device multiplies matrices and whether it computes in half precision, or why it does not work. */
export type DeviceProbe = { readonly gflops: number; readonly half: boolean } | { readonly error: string };

/** Tries a device in a process of its own, so that a driver that crashes or hangs is an answer too. Takes about a second. */
export function probeDevice(provider: Provider): Promise<DeviceProbe> {
  const program = fileURLToPath(new URL("./probe-worker.js", import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [program, provider], { timeout: PATIENCE, killSignal: "SIGKILL" }, (error, stdout) => {
      // Drivers may print lines of their own, and may crash after all is done.
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
