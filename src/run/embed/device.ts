import { existsSync, readdirSync } from "node:fs";
import { platform } from "node:os";
import { cudaProvider } from "../../embed/local/cuda-provider.js";
import { deviceCure } from "../../embed/local/device-cure.js";
import { type DeviceProbe, probeDevice } from "../../embed/local/probe-device.js";
import { UnavailableError } from "../../errors.js";
import type { Provider } from "../../onnx/ort-engine.js";

/** What computes the vectors: a device of this machine, or a server. */
export type DeviceName = Provider | "endpoint";

/** The chosen device and the reason, which the run tells the user. */
export interface DeviceChoice {
  readonly provider: Provider;
  readonly reason: string;
  /** True if the device computes fp16 faster than fp32. */
  readonly half: boolean;
}

/** What the choice depends on. Tests replace it. */
export interface DeviceWorld {
  /** Names of the devices that the installed onnxruntime is built for. */
  backends(): Promise<readonly string[]>;
  /** A cheap test: the reason why a device cannot be there, or undefined if it is worth a probe. */
  absence(provider: Provider): string | undefined;
  /** Starts a child process that computes on the device and measures its speed, which takes seconds. */
  probe(provider: Provider): Promise<DeviceProbe>;
}

/** Devices that `auto` tries, best first. The library of each platform offers some of them. */
export const PREFERENCE: readonly Provider[] = ["cuda", "dml", "webgpu", "coreml"];

/**
 * `auto` takes a device only if it is this many times as fast as the processor. Drivers that compute in software are
 * not.
 */
const WORTHWHILE = 1.5;

const gflops = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} GFLOP/s`;

/**
 * Resolves `--device`. A device named by the user is probed and never replaced by another. `auto` takes the first
 * device of the preference list that is present and clearly faster than the processor; the reason says why it passed
 * over the others.
 * @param options.builtin true for the builtin model, whose graph is too light to be worth the transfer to a device
 * @throws UnavailableError with the cure if the named device cannot be used
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
 * Whether Linux shows a device file of a GPU: NVIDIA's driver (`nvidiactl`), WSL (`dxg`), or a kernel
 * graphics driver (`renderD*`), which `nvidiaOnly` leaves out.
 */
function hasGpuFile(nvidiaOnly: boolean): boolean {
  if (existsSync("/dev/nvidiactl") || existsSync("/dev/dxg")) return true;
  if (nvidiaOnly || !existsSync("/dev/dri")) return false;
  return readdirSync("/dev/dri").some((file) => file.startsWith("renderD"));
}

/** The machine that the program runs on. */
export const thisMachine: DeviceWorld = {
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
