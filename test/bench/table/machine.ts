import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";
import { setTimeout } from "node:timers/promises";
import { byteProductsSaturate } from "../../../src/onnx/byte-products.js";
import { createOrtEngine } from "../../../src/onnx/ort-engine.js";

/** A machine as a table names it: enough to compare figures by, nothing that tells whose it is. */
export interface Machine {
  readonly processor: string;
  /** Those that this process may use. */
  readonly cores: number;
  /** Of AVX2, AVX-512 and VNNI those that the system lists; null where it lists none (macOS, Windows). */
  readonly instructions: readonly string[] | null;
  /** Whether onnxruntime's products of bytes saturate here, which costs the join a bit of each code; null if not tried. */
  readonly saturating: boolean | null;
  /** Main memory in GiB; null where nobody wrote it down. */
  readonly memory: number | null;
  readonly system: string | null;
  /** A card that takes part; absent where the processor does all. */
  readonly accelerator?: string;
}

/** How busy the machine is with the work of others. */
export interface Load {
  /** Load average of the last minute, which counts what this process's parent did just before. */
  readonly average: number;
  /** Share of all processors in use while this process does nothing. */
  readonly busy: number;
}

/** Share of the processors in use beyond which figures are not to be trusted. */
export const BUSY = 0.1;

function instructionsOf(flags: readonly string[]): string[] {
  const has = (pattern: RegExp) => flags.some((flag) => pattern.test(flag));
  return [
    ...(has(/^avx2$/) ? ["AVX2"] : []),
    ...(has(/^avx512f$/) ? ["AVX-512"] : []),
    ...(has(/^avx(512)?_vnni$/) ? ["VNNI"] : []),
  ];
}

/** The instructions that Linux lists; null elsewhere. */
function readInstructions(): string[] | null {
  try {
    const [, flags] = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8")) ?? [];
    return flags === undefined ? null : instructionsOf(flags.trim().split(" "));
  } catch {
    return null;
  }
}

/** Names the machine and tries its products of bytes. */
export async function readMachine(): Promise<Machine> {
  const processor = cpus()[0].model.replace(/\((?:R|TM)\)|\b\d+-Core\b|\b(?:Processor|CPU)\b|@.*/gi, "");
  return {
    processor: processor.replace(/\s+/g, " ").trim(),
    cores: availableParallelism(),
    instructions: readInstructions(),
    saturating: await byteProductsSaturate(createOrtEngine({ threads: 1 })),
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release().split(".").slice(0, 2).join(".")} ${arch()}`,
  };
}

/** Looks for half a second how busy others keep the processors. */
export async function readLoad(): Promise<Load> {
  const read = () =>
    cpus().map(({ times }) => ({ idle: times.idle, all: Object.values(times).reduce((a, b) => a + b) }));
  const before = read();
  await setTimeout(500);
  const spent = read().map(({ idle, all }, i) => [all - idle - (before[i].all - before[i].idle), all - before[i].all]);
  const [used, all] = spent.reduce(([a, b], [c, d]) => [a + c, b + d]);
  const round = (value: number) => Math.round(100 * value) / 100;
  return { average: round(loadavg()[0]), busy: all === 0 ? 0 : round(used / all) };
}

/** Folder of a machine's results: processor, widest instructions, cores, card. */
export function machineSlug({ processor, instructions, cores, accelerator = "" }: Machine): string {
  const words = [processor, instructions?.at(-1) ?? "", `${cores} cores`, accelerator].join(" ").toLowerCase();
  return words.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

/** "2 cores of AMD EPYC with AVX2, without VNNI, 23 GiB, linux 6.1 x64". */
export function machineLine(machine: Machine): string {
  const { processor, cores, instructions, saturating, memory, system, accelerator } = machine;
  const widest = instructions?.filter((name) => name !== "VNNI").at(-1);
  const vnni = instructions === null ? "" : instructions.includes("VNNI") ? "with VNNI" : "without VNNI";
  const products = saturating === null ? "" : saturating ? " (byte products saturate)" : " (byte products are exact)";
  return [
    `${cores} cores of ${processor}${widest === undefined ? "" : ` with ${widest}`}`,
    `${vnni}${products}`.trim(),
    memory === null ? "" : `${memory} GiB`,
    system ?? "",
    accelerator === undefined ? "" : `with ${accelerator}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}
