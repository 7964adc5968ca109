import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { GpuFigures } from "../../metrics/result-metrics.js";

/** Use of one GPU while a run worked, other programs on it included: the driver tells no more. */
export interface GpuUse extends GpuFigures {
  /** Number of samples, about one a second. */
  readonly samples: number;
}

/** Samples GPUs beside a run. */
export interface GpuMeter {
  /** Starts sampling where the device is one of NVIDIA's and sampling has not started. */
  watch(device: string): void;
  /** What was sampled so far, as a part of the summary; empty where nothing was. */
  record(): { readonly gpu?: readonly GpuUse[] };
  /** Ends sampling. */
  stop(): void;
}

/** Seconds between two samples. */
const EVERY = 1;

/** What nvidia-smi is asked for, in the order of its columns. */
const QUERY = "index,uuid,name,utilization.gpu,memory.used,memory.total";

/** Most characters of a line; more are no line of nvidia-smi. */
const LONGEST_LINE = 4096;

/** Sums of the samples of one GPU. A share or a size that the driver never told has no samples. */
interface Sums {
  readonly name: string;
  samples: number;
  shares: number;
  shareSum: number;
  shareMax: number;
  used: number;
  size: number;
}

/**
 * Makes a meter that asks nvidia-smi. One process samples during the whole run, because each start takes up to a
 * second. The run does not depend on the process: without nvidia-smi, or where it hangs, dies or says something else,
 * there are fewer samples or none.
 * @param visible CUDA_VISIBLE_DEVICES, which the run obeys but nvidia-smi does not
 */
export function createGpuMeter(visible: string | undefined = process.env.CUDA_VISIBLE_DEVICES): GpuMeter {
  const gpus = new Map<number, Sums>();
  const wanted = visibleGpus(visible);
  let stop: (() => void) | undefined;
  return {
    watch(device) {
      if (device !== "cuda") return;
      stop ??= sample((line) => addSample(gpus, line, wanted));
    },
    record() {
      if (gpus.size === 0) return {};
      return { gpu: [...gpus].sort(([a], [b]) => a - b).map(([index, sums]) => useOf(index, sums)) };
    },
    stop: () => stop?.(),
  };
}

/**
 * Starts nvidia-smi and hands over its lines.
 * @returns a function that ends it, without waiting
 */
function sample(take: (line: string) => void): () => void {
  const args = [`--query-gpu=${QUERY}`, "--format=csv,noheader,nounits", `--loop=${EVERY}`];
  const child = spawn("nvidia-smi", args, { stdio: ["ignore", "pipe", "ignore"], windowsHide: true });
  child.on("error", () => {});
  // A process that hangs in the driver cannot even be killed; the run must not wait for it.
  child.unref();
  (child.stdout as Socket).unref();
  let rest = "";
  child.stdout
    .setEncoding("utf8")
    .on("error", () => {})
    .on("data", (text: string) => {
      const lines = (rest + text).split(/\r?\n/);
      rest = (lines.pop() as string).slice(-LONGEST_LINE);
      lines.forEach(take);
    });
  return () => {
    child.stdout.destroy();
    child.kill("SIGKILL");
  };
}

/** Adds a line of nvidia-smi; what is no such line is passed over. */
function addSample(gpus: Map<number, Sums>, line: string, wanted: (index: string, uuid: string) => boolean): void {
  const columns = line.split(",").map((column) => column.trim());
  if (columns.length !== QUERY.split(",").length || !/^\d+$/.test(columns[0])) return;
  const [index, uuid, name, utilization, used, size] = columns;
  if (!wanted(index, uuid)) return;
  const sums = gpus.get(Number(index)) ?? { name, samples: 0, shares: 0, shareSum: 0, shareMax: 0, used: -1, size: -1 };
  gpus.set(Number(index), sums);
  sums.samples++;
  // "[N/A]", as of a GPU in MIG mode, is not a number.
  const number = (text: string) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN);
  const share = number(utilization) / 100;
  if (share <= 1) {
    sums.shares++;
    sums.shareSum += share;
    sums.shareMax = Math.max(sums.shareMax, share);
  }
  const bytes = (text: string, before: number) => Math.max(before, (number(text) || 0) * 2 ** 20);
  if (number(used) >= 0) sums.used = bytes(used, sums.used);
  if (number(size) >= 0) sums.size = bytes(size, sums.size);
}

function useOf(index: number, { name, samples, shares, shareSum, shareMax, used, size }: Sums): GpuUse {
  return {
    index,
    name,
    samples,
    ...(shares > 0 && { utilization_mean: Math.round((1000 * shareSum) / shares) / 1000, utilization_max: shareMax }),
    ...(used >= 0 && { memory_max: used }),
    ...(size >= 0 && { memory_size: size }),
  };
}

/**
 * Which GPUs a list such as "0,2" or "GPU-8932f937" lets a run see, by index or by the beginning of the UUID. A part of
 * a GPU (MIG-...) does not name the GPU that it belongs to, so all are taken.
 */
function visibleGpus(list: string | undefined): (index: string, uuid: string) => boolean {
  if (list === undefined || list.includes("MIG-")) return () => true;
  const names = list.split(",").map((name) => name.trim());
  return (index, uuid) => names.some((name) => name === index || (name.startsWith("GPU-") && uuid.startsWith(name)));
}
