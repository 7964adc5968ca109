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

/** Probes a device. Takes about a second. Never rejects. */
export function probeDevice(provider: Provider): Promise<DeviceProbe> {
  return askProbe<DeviceProbe>(new URL("./probe-worker.js", import.meta.url), [provider]);
}

/**
 * Runs a program that tries a device and prints its answer as a line of JSON: in a process of its own, so that a driver
 * that crashes or hangs is an answer too. Never rejects.
 */
export function askProbe<Answer extends object>(
  program: URL,
  args: readonly string[],
): Promise<Answer | { error: string }> {
  const command = [fileURLToPath(program), ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { timeout: PATIENCE, killSignal: "SIGKILL" }, (error, stdout) => {
      // Drivers may print lines of their own, and may crash after the answer has been printed.
      const answer = stdout.split("\n").find((line) => line.startsWith("{"));
      if (answer !== undefined) resolve(readAnswer(answer));
      else if (error?.killed) resolve({ error: `it did not answer within ${PATIENCE / 1000} seconds` });
      else resolve({ error: `the process that tried it ended with ${error?.signal ?? `code ${error?.code}`}` });
    });
  });
}

function readAnswer<Answer extends object>(line: string): Answer | { error: string } {
  const probe = JSON.parse(line) as Answer | { error: string };
  return "error" in probe ? { error: deviceReason(probe.error) } : probe;
}
