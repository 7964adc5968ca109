import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as errors from "../../src/errors.js";
import { testFolder, writeJsonl } from "../run/folders.js";

/** Folder of the job files: in the nearest folder above this file that has them. */
export const jobs = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "fixtures", "jobs"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error("no folder above this test holds fixtures/jobs");
    folder = above;
  }
  return join(folder, "fixtures", "jobs");
})();

/** Text of a job file. */
export const jobFile = (name: string): string => readFileSync(join(jobs, name), "utf8");

/** What a rerun may cure: a failed run. */
const CURABLE = 1;

/** Exit codes that a rerun cannot cure: those of the error classes, ascending. */
export const permanentCodes: readonly number[] = [
  ...new Set(
    Object.values(errors).flatMap((Failure) => {
      if (typeof Failure !== "function") return [];
      const { exitCode } = new (Failure as new (message: string) => { exitCode?: unknown })("");
      return typeof exitCode === "number" && exitCode !== CURABLE ? [exitCode] : [];
    }),
  ),
].sort((a, b) => a - b);

/** The night that a job finds to do. */
export const NIGHT = "2026-11-27";

/** Where a job works: an input of its own, and nightly.sh and the commands of this build on PATH. */
export interface JobFolder {
  readonly cwd: string;
  /** Where the result of the night appears. */
  readonly night: string;
  /** Starts a program as a scheduler would, with `PATH` as the only variable. */
  run(command: string, args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** Makes a folder for PATH below `cwd`, with nightly.sh and the commands of this build. Returns its path. */
export function commandFolder(cwd: string): string {
  const bin = join(cwd, "bin");
  mkdirSync(bin);
  for (const name of ["dedup", "cluster"]) {
    const module = new URL(`../../src/cli/${name}.js`, import.meta.url).href;
    const script = join(bin, `${name}.mjs`);
    writeFileSync(script, `import { main } from "${module}";\nprocess.exitCode = await main(process.argv.slice(2));\n`);
    writeFileSync(join(bin, `bge-${name}`), `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
    chmodSync(join(bin, `bge-${name}`), 0o755);
  }
  symlinkSync(join(jobs, "nightly.sh"), join(bin, "nightly.sh"));
  return bin;
}

/** Makes a folder with the input of a night: 60 distinct texts, each of them `copies` times. */
export function jobFolder({ copies = 1 }: { copies?: number } = {}): JobFolder {
  const cwd = testFolder();
  // Words of random letters, from a fixed seed: no two texts are alike.
  let state = 1;
  const letter = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return String.fromCharCode(97 + Math.floor((state / 2 ** 32) * 26));
  };
  const texts = Array.from({ length: 60 }, () => Array.from({ length: 40 }, letter).join(""));
  const rows = Array.from({ length: copies }, () => texts.map((text) => ({ text }))).flat();
  mkdirSync(join(cwd, "inputs"));
  writeJsonl(join(cwd, "inputs", `${NIGHT}.jsonl`), rows);
  const bin = commandFolder(cwd);
  return {
    cwd,
    night: join(cwd, "nights", NIGHT),
    async run(command, args) {
      const child = spawn(command, args, {
        cwd,
        env: { PATH: [bin, "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter) },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      const [code] = (await once(child, "close")) as [number | null];
      return { code, stdout, stderr };
    },
  };
}

/** Bytes of the `--memory` of a command line. */
export function memoryFlag(command: string): number {
  const [, gigabytes] = /--memory[ =](\d+)GB\b/.exec(command) ?? [];
  if (gigabytes === undefined) throw new Error(`expected --memory in whole GB in: ${command}`);
  return Number(gigabytes) * 2 ** 30;
}
