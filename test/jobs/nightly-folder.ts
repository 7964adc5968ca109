import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { jobs } from "./job-files.js";

/** How a call of nightly.sh ended. */
export interface NightlyOutcome {
  /** Exit code, null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A call of nightly.sh that is under way. */
export interface NightlyCall {
  readonly pid: number;
  readonly outcome: Promise<NightlyOutcome>;
  /** Ends the script and all its commands as a loss of power does. */
  killAll(): void;
}

/** Where nightly.sh works: folders of inputs, nights and metrics. */
export interface NightlyFolder {
  readonly inputs: string;
  readonly nights: string;
  /** File of the commands' metrics. */
  readonly metrics: string;
  /** Starts nightly.sh over these folders as cron does, with `PATH` as the only variable but `env`. */
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): NightlyCall;
  /** The same, to its end. */
  run(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<NightlyOutcome>;
  /** Writes an input that came an hour ago. */
  put(name: string, content: string | Buffer): string;
  /** Dates of the nights that a reader of the folder sees. */
  finished(): string[];
  /** Values of the metrics of the commands and of the nights, by their name without the dataset. */
  metric(name: string): number | undefined;
}

/**
 * Makes the folders.
 * @param options.cwd working folder of the job
 * @param options.bin folder with the commands
 * @param options.nights folder of the results, if it is not to lie in `cwd`
 */
export function nightlyFolder({
  cwd,
  bin,
  nights = join(cwd, "nights"),
}: {
  cwd: string;
  bin: string;
  nights?: string;
}): NightlyFolder {
  const inputs = join(cwd, "inputs");
  for (const folder of [inputs, nights]) mkdirSync(folder, { recursive: true });
  const metrics = join(cwd, "faq.prom");
  const start = (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): NightlyCall => {
    const child = spawn(
      join(jobs, "nightly.sh"),
      ["--inputs", inputs, "--nights", nights, "--metrics", metrics, ...args],
      {
        cwd,
        env: { PATH: [bin, "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter), ...env },
        stdio: ["ignore", "pipe", "pipe"],
        // A process group of its own, which can be killed as one.
        detached: true,
      },
    );
    const pid = child.pid as number;
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const outcome = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
    return { pid, outcome, killAll: () => process.kill(-pid, "SIGKILL") };
  };
  return {
    inputs,
    nights,
    metrics,
    start,
    run: (args, env) => start(args, env).outcome,
    put(name, content) {
      const path = join(inputs, name);
      writeFileSync(path, content);
      const hourAgo = Date.now() / 1000 - 3600;
      utimesSync(path, hourAgo, hourAgo);
      return path;
    },
    finished: () =>
      readdirSync(nights)
        .filter((name) => !name.startsWith("."))
        .sort(),
    metric(name) {
      for (const file of [metrics, join(cwd, "faq_nightly.prom")]) {
        const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
        const line = lines.find((sample) => sample.startsWith(`${name}{dataset="faq"} `));
        if (line !== undefined) return Number(line.slice(line.lastIndexOf(" ")));
      }
      return undefined;
    },
  };
}
