import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * What the probe of `--device auto` tells of a device's products of codes, as one JSON line, with the pairs that it comes
 * to a second: `node dist/test/by-hand/gpu/probe-join.js cuda 256 16`.
 */
const [device, depth, threads] = process.argv.slice(2);
const program = fileURLToPath(new URL("../../../src/workers/join-probe-worker.js", import.meta.url));
const started = performance.now();
const { stdout } = spawnSync(process.execPath, [program, device, depth, threads], { encoding: "utf8" });
const line = stdout.split("\n").find((text) => text.startsWith("{"));
const { pairNs, error } = JSON.parse(line ?? '{"error": "no answer"}') as { pairNs?: number; error?: string };
if (pairNs === undefined) throw new Error(`the probe of ${device} failed: ${error}`);
const seconds = Math.round((performance.now() - started) / 100) / 10;
console.log(
  JSON.stringify({ device, depth: Number(depth), pair_ns: pairNs, gigapairs_per_second: 1 / pairNs, seconds, threads }),
);
