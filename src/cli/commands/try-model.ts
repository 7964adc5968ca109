import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import { listSupportedBackends } from "onnxruntime-node";
import { deviceCure } from "../../embed/local/device-cure.js";
import { probeDevice } from "../../embed/local/probe-device.js";
import { byteProductsSaturate } from "../../onnx/byte-products.js";
import { createOrtEngine, type Provider } from "../../onnx/ort-engine.js";
import { prepareEndpoint } from "../../run/embed/endpoint-model.js";
import { prepareLocalModel } from "../../run/embed/local-model.js";
import type { SharedOptions } from "../../run/options.js";
import { dependencyVersions, VERSION } from "../../run/work/manifest.js";
import { jsonLine, printable } from "../printable.js";

/** Two texts of each language; the model must give each a direction, and near ones for near texts. */
const PROBES = [
  "如何重置登录密码？",
  "怎样重置登录密码？",
  "How do I reset my password?",
  "How can I reset my password?",
];

/** The model or server, and the device, that doctor tries. */
export type DoctorOptions = Pick<SharedOptions, "model" | "endpoint" | "device" | "dtype" | "memory">;

/**
 * Prints versions, machine and devices, then tries the model or the server. The lines about the machine are printed
 * even where the model, the device or the server is unavailable.
 * @returns the exit code
 * @throws UnavailableError where the model, the device or the server is unavailable
 */
export async function runDoctor(
  options: DoctorOptions,
  { print, json, signal }: { print: (text: string) => Promise<void>; json: boolean; signal?: AbortSignal },
): Promise<number> {
  const printAll = async (lines: Record<string, string>) => {
    for (const [key, value] of Object.entries(lines)) await print(`${key.padEnd(24)}${printable(value)}\n`);
  };
  const machine: Record<string, string> = {
    "bge-dedup": VERSION,
    node: process.version,
    platform: `${platform()} ${arch()}`,
    processor: `${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} threads`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GB`,
    ...dependencyVersions(),
    ...(await describeDevices()),
    "int8 on cpu": await describeByteProducts(),
  };
  if (!json) await printAll(machine);
  try {
    const checks = await tryModel(options, signal);
    if (json) await print(jsonLine({ ...machine, ...checks }));
    else await printAll(checks);
  } catch (error) {
    if (json) await print(jsonLine({ ...machine, error: (error as Error).message }));
    throw error;
  }
  return 0;
}

/** Embeds the probes with the model or the server, and describes model, device, speed and cosines, one entry a line. */
async function tryModel(options: DoctorOptions, signal?: AbortSignal): Promise<Record<string, string>> {
  const notes: string[] = [];
  const reporter = { note: (message: string) => notes.push(message), stage: () => ({ advance() {}, end() {} }) };
  const local = { ...options, long: "truncate" as const, threads: availableParallelism() };
  const { endpoint } = options;
  const { model, provider, start } = await (endpoint === undefined
    ? prepareLocalModel(local, reporter, signal)
    : prepareEndpoint(endpoint, reporter, signal));
  const embedder = await start();
  try {
    const started = performance.now();
    const { vectors, directed, refused = [] } = await embedder.embed(PROBES);
    const milliseconds = performance.now() - started;
    const { dim } = embedder;
    const cosine = (a: number, b: number) => {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += vectors[a * dim + i] * vectors[b * dim + i];
      return sum.toFixed(3);
    };
    const longest = model.maxTokens === 0 ? "longest text unknown" : `at most ${model.maxTokens} tokens`;
    return {
      model: `${model.name}: ${dim} dimensions, ${model.dtype}, ${longest}`,
      pooling: `${model.pooling} (${model.poolingSource})`,
      threshold: `${model.threshold} (${model.thresholdSource})`,
      device: `${provider} (${notes.join("; ")})`,
      fingerprint: model.fingerprint,
      probe: `${PROBES.length} texts in ${milliseconds.toFixed(0)} ms, ${directed.reduce((sum, d) => sum + d, 0)} with a direction`,
      ...(refused.length > 0 && {
        refused: refused.map(({ index, error }) => `${PROBES[index]}: ${error}`).join("; "),
      }),
      "near in Chinese": `${cosine(0, 1)}  ${PROBES[0]} / ${PROBES[1]}`,
      "near in English": `${cosine(2, 3)}  ${PROBES[2]} / ${PROBES[3]}`,
      "far apart": `${cosine(0, 2)}  ${PROBES[0]} / ${PROBES[2]}`,
    };
  } finally {
    await embedder.close();
  }
}

/** Devices on which a model may run. */
const DEVICES: readonly string[] = ["cpu", "cuda", "webgpu", "dml", "coreml"] satisfies Provider[];

/** One line for each device that the installed library is built for, each tried by a product of matrices. */
async function describeDevices(): Promise<Record<string, string>> {
  const lines: Record<string, string> = {};
  for (const { name } of listSupportedBackends()) {
    if (!DEVICES.includes(name)) continue;
    const probe = await probeDevice(name as Provider);
    lines[`device ${name}`] =
      "gflops" in probe
        ? `${probe.gflops.toFixed(probe.gflops < 10 ? 1 : 0)} GFLOP/s in fp32`
        : `${probe.error}; ${deviceCure(name as Provider, probe.error)}`;
  }
  return lines;
}

/** How the processor multiplies bytes, which decides the speed of int8 models and of the join. */
async function describeByteProducts(): Promise<string> {
  return (await byteProductsSaturate(createOrtEngine({ threads: 1 })))
    ? "byte products saturate in 16 bits (no VNNI): int8 models take exact, slower ones; the join takes codes of 7 bits"
    : "byte products are exact at full speed";
}
