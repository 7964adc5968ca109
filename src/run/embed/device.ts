import { existsSync, readdirSync } from "node:fs";
import { platform } from "node:os";
import { cudaProvider } from "../../embed/local/cuda-provider.js";
import { deviceCure } from "../../embed/local/device-cure.js";
import { type DeviceProbe, probeDevice } from "../../embed/local/probe-device.js";
import { UnavailableError } from "../../errors.js";
import type { Provider } from "../../onnx/ort-engine.js";

/** Where vectors come from: a device of this machine, or a server. */
export type DeviceName = Provider | "endpoint";

/** The device and why it was chosen. */
export interface DeviceChoice {
  readonly provider: Provider;
  readonly reason: string;
  /** Whether fp16 is the faster choice on it. */
  readonly half: boolean;
}

/** What is looked at in choosing; replaced in tests. */
export interface DeviceWorld {
  /** Devices that the installed library is built for. */
  backends(): Promise<readonly string[]>;
  /** Says why a device need not be tried, if so; cheap. */
  absence(provider: Provider): string | undefined;
  probe(provider: Provider): Promise<DeviceProbe>;
}

/** Devices that `auto` tries, best first; each platform's library has some of them. */
const PREFERENCE: readonly Provider[] = ["cuda", "dml", "webgpu", "coreml"];

/** `auto` takes a device only where it is so many times as fast as the processor: drivers that compute in software are not. */
const WORTHWHILE = 1.5;

const gflops = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} GFLOP/s`;

/**
 * Resolves `--device`. One asked for by name is tried and never replaced; `auto` takes the first that is there and faster
 * than the processor, and says why not the others.
 * @param options.builtin the builtin model's graph is too light for any device to be worth the way there
 * @throws UnavailableError where the device asked for cannot be had, with the cure
 */
export async function chooseDevice(
  options: { device: "auto" | Provider; builtin: boolean },
  world: DeviceWorld = thisMachine,
): Promise<DeviceChoice> {
  const { device, builtin } = options;
  if (device === "cpu") return { provider: device, reason: "as asked for by --device", half: false };
  if (device !== "auto") {
    const probe = (await world.backends()).includes(device)
      ? await world.probe(device)
      : { error: "backend not found" };
    if ("error" in probe) {
      throw new UnavailableError(
        `--device ${device} cannot be had: ${probe.error}; ${deviceCure(device, probe.error)}`,
      );
    }
    return { provider: device, reason: `as asked for by --device, ${gflops(probe.gflops)}`, half: probe.half };
  }
  if (builtin) return { provider: "cpu", reason: "the builtin model is fastest there", half: false };
  const backends = await world.backends();
  const reasons: string[] = [];
  let cpu: number | undefined;
  for (const candidate of PREFERENCE) {
    if (!backends.includes(candidate)) continue;
    const absence = world.absence(candidate);
    if (absence !== undefined) {
      reasons.push(`${candidate}: ${absence}`);
      continue;
    }
    const probe = await world.probe(candidate);
    if ("error" in probe) {
      reasons.push(`${candidate}: ${probe.error}`);
      continue;
    }
    if (cpu === undefined) {
      const processor = await world.probe("cpu");
      cpu = "error" in processor ? 0 : processor.gflops;
    }
    const compared = `${gflops(probe.gflops)} against ${gflops(cpu)} of the processor`;
    if (probe.gflops >= WORTHWHILE * cpu) {
      return { provider: candidate, reason: [compared, ...reasons].join("; "), half: probe.half };
    }
    reasons.push(`${candidate}: ${compared}`);
  }
  const reason = reasons.length === 0 ? "there is no other device" : reasons.join("; ");
  return { provider: "cpu", reason, half: false };
}

/**
 * Where the products of the join run: on the device that was asked for by name, else on the processor, whose integer
 * products are hard to beat. The decisions are the same.
 * @param used where the vectors were made; a device that made them has been tried already
 * @throws UnavailableError as `chooseDevice`
 */
export async function joinProvider(device: "auto" | Provider, used: DeviceName): Promise<Provider> {
  if (device === "auto" || device === "cpu") return "cpu";
  return device === used ? device : (await chooseDevice({ device, builtin: false })).provider;
}

/** Device files of GPUs on Linux: NVIDIA's, those of the kernel's graphics drivers, and that of Windows below. */
function hasGpuFile(nvidiaOnly: boolean): boolean {
  if (existsSync("/dev/nvidiactl") || existsSync("/dev/dxg")) return true;
  if (nvidiaOnly || !existsSync("/dev/dri")) return false;
  return readdirSync("/dev/dri").some((file) => file.startsWith("renderD"));
}

const thisMachine: DeviceWorld = {
  async backends() {
    const { listSupportedBackends } = await import("onnxruntime-node");
    return listSupportedBackends().map(({ name }) => name);
  },
  absence(provider) {
    if (platform() !== "linux") return undefined;
    if (!hasGpuFile(provider === "cuda")) return "no GPU";
    if (provider === "cuda" && !existsSync(cudaProvider())) return "not installed, see bge-dedup doctor";
    return undefined;
  },
  probe: probeDevice,
};
