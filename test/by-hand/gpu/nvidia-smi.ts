import { execFileSync, spawn } from "node:child_process";

/** The graphics card of the machine, in the driver's words. */
export interface Card {
  readonly name: string;
  readonly driver: string;
  readonly cuda: string;
  readonly memory: string;
}

/** Asks the driver for the first card; `none` in every field where there is no nvidia-smi or it fails. */
export function readCard(): Card {
  try {
    const ask = (...args: string[]) => execFileSync("nvidia-smi", args, { encoding: "utf8", timeout: 20_000 });
    const [line] = ask("--query-gpu=name,driver_version,memory.total", "--format=csv,noheader").split("\n");
    const [name, driver, memory] = line.split(",").map((field) => field.trim());
    return { name, driver, memory, cuda: /CUDA(?: \w+)? Version:\s*([\d.]+)/.exec(ask())?.[1] ?? "unknown" };
  } catch {
    return { name: "none", driver: "none", cuda: "none", memory: "none" };
  }
}

/** Means over a stretch of time, and the most memory; absent where there is no nvidia-smi. */
export interface CardUse {
  /** Percent of the time in which a kernel ran. */
  readonly gpu_busy_percent?: number;
  readonly watts?: number;
  readonly gpu_memory_mib?: number;
}

/** Milliseconds between two samples; the driver renews its own about six times a second. */
const EVERY = 100;

/** Samples the card until the function that is returned is called, which gives the figures. */
export function watchCard(): () => CardUse {
  const query = "--query-gpu=utilization.gpu,power.draw,memory.used";
  const child = spawn("nvidia-smi", [query, "--format=csv,noheader,nounits", "-lms", `${EVERY}`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let printed = "";
  child.on("error", () => {});
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  return () => {
    child.kill();
    const samples = printed
      .split("\n")
      .map((line) => line.split(",").map(Number))
      .filter((sample) => sample.length === 3 && sample.every(Number.isFinite));
    if (samples.length === 0) return {};
    const mean = (column: number) => samples.reduce((sum, sample) => sum + sample[column], 0) / samples.length;
    const most = Math.max(...samples.map(([, , memory]) => memory));
    return { gpu_busy_percent: round(mean(0), 1), watts: round(mean(1), 0), gpu_memory_mib: most };
  };
}

/** A number with so many digits after the point. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
