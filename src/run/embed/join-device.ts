import { availableParallelism } from "node:os";
import { askProbe } from "../../embed/local/probe-device.js";
import type { Provider } from "../../onnx/ort-engine.js";
import { chooseDevice, type DeviceName, type DeviceWorld, PREFERENCE, thisMachine } from "./device.js";

/** What the products of a join take on a device, or why it does not compute them. */
export type JoinProbe = { readonly pairNs: number } | { readonly error: string };

/** What the choice depends on. Tests replace it. */
export interface JoinWorld extends Pick<DeviceWorld, "backends" | "absence"> {
  /** Nanoseconds of a pair's product on a device, or on all threads of the processor, in a process of its own: a second. */
  probeJoin(provider: Provider): Promise<JoinProbe>;
}

/** Joins on a kind of device as `test/by-hand/gpu.sh` measured them. */
export interface MeasuredJoin {
  readonly provider: Provider;
  /** Seconds beside products and rows: starting, planning, checking the device. */
  readonly startSeconds: number;
  /** Nanoseconds of this program's own threads for a row: reading, coding and deciding it. */
  readonly rowNs: number;
  /** Share of the probed rate of products that the join reached. */
  readonly share: number;
  /** Card, machine, versions and sizes of the measurement. */
  readonly where: string;
}

/**
 * All that has been measured so far. A device without an entry is never chosen by `auto`, since a probe of products alone
 * would be a guess about the join. An entry is made from the rows of "Exact self-join at 0.9" in the table of `gpu.sh`:
 * rows · rowNs + pairs · pairNs / share + startSeconds.
 *
 * CUDA: 100,000 rows took 3.28 s and 1,000,000 rows 20.01 s, where the card was busy for a tenth of the time. Two sizes do
 * not tell rows from pairs, so half of the probed rate is assumed, 6.9 s of the 20: the rest is rows and start.
 */
export const MEASURED_JOINS: readonly MeasuredJoin[] = [
  {
    provider: "cuda",
    startSeconds: 2.1,
    rowNs: 11_000,
    share: 0.5,
    where: "NVIDIA H200, 16 cores of Intel Xeon with VNNI, driver 580, CUDA 13.0, 100,000 and 1,000,000 x 1,024",
  },
];

/** Fewer vectors take the processor less time than the probes and the start of a device. */
const LEAST_ROWS = 250_000;
/**
 * Times as fast as the probed products a join is on the processor, where it plans cheaper codes than the probe's. Joins of
 * 1,000,000 x 1,024: 47 s of 112 on 16 cores of a Xeon with VNNI, 610 s of some 1,500 on 2 cores of an EPYC without.
 */
const PLANNED = 2.4;
/** `auto` takes a device only if the join there is estimated to be this many times as fast. */
const WORTHWHILE = 1.5;
/** Depth of the codes of the probe, a usual one. */
const DEPTH = 256;

/** The device of the join's products. */
export interface JoinDevice {
  readonly provider: Provider;
  /** What a person should know about the choice; undefined where there was none. */
  readonly reason?: string;
}

/**
 * Chooses where the join computes its products: on the device that the user named; with `auto`, on the device that is
 * clearly faster by what was measured, on such devices and on this machine, else on the processor. The decisions are the
 * same everywhere.
 * @param options.used the device that made the vectors; it has been probed already
 * @param options.rows number of vectors of the join
 * @throws UnavailableError as `chooseDevice` does
 */
export async function chooseJoinDevice(
  options: { device: "auto" | Provider; used: DeviceName; rows: number },
  world: JoinWorld = { ...thisMachine, probeJoin },
  measured: readonly MeasuredJoin[] = MEASURED_JOINS,
): Promise<JoinDevice> {
  const { device, used, rows } = options;
  if (device === "cpu") return { provider: "cpu" };
  if (device !== "auto") {
    return { provider: device === used ? device : (await chooseDevice({ device, builtin: false })).provider };
  }
  if (rows < LEAST_ROWS) return { provider: "cpu" };
  const backends = await world.backends();
  const reasons: string[] = [];
  let processor: JoinProbe | undefined;
  for (const candidate of PREFERENCE) {
    if (!backends.includes(candidate) || world.absence(candidate) !== undefined) continue;
    const entry = measured.find(({ provider }) => provider === candidate);
    if (entry === undefined) {
      reasons.push(`${candidate}: no join has been measured on such a device, --device ${candidate} tries it`);
      continue;
    }
    const probe = await world.probeJoin(candidate);
    if ("error" in probe) {
      reasons.push(`${candidate}: ${probe.error}`);
      continue;
    }
    processor ??= await world.probeJoin("cpu");
    const pairs = (rows * rows) / 2;
    const there = entry.startSeconds + 1e-9 * (rows * entry.rowNs + (pairs * probe.pairNs) / entry.share);
    // The processor's rows are done beside its products.
    const here = "error" in processor ? Number.POSITIVE_INFINITY : (1e-9 * pairs * processor.pairNs) / PLANNED;
    const compared = `${candidate}: about ${seconds(there)}, the processor ${seconds(here)}`;
    if (here >= WORTHWHILE * there) return { provider: candidate, reason: `the join runs on ${compared}` };
    reasons.push(compared);
  }
  if (reasons.length === 0) return { provider: "cpu" };
  return { provider: "cpu", reason: `the join runs on the processor; ${reasons.join("; ")}` };
}

const seconds = (value: number) => `${Math.round(value).toLocaleString("en-US")} s`;

function probeJoin(provider: Provider): Promise<JoinProbe> {
  const program = new URL("../../workers/join-probe-worker.js", import.meta.url);
  return askProbe<{ pairNs: number }>(program, [provider, `${DEPTH}`, `${availableParallelism()}`]);
}
