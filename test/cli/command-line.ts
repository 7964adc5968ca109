import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import "../run/no-cache.js";

/** How a command ended. */
export interface Outcome {
  /** Exit code, null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command is started with beside its arguments. */
export interface Start {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
  /** Leaves standard input open for the caller, who ends it. */
  readonly openStdin?: boolean;
}

/** As bin/*.js does, but from the build that this test belongs to. */
function launch(command: "dedup" | "cluster"): string {
  const module = new URL(`../../src/cli/${command}.js`, import.meta.url).href;
  return `import(${JSON.stringify(module)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`;
}

/** Starts a command as a process of its own. */
export function start(
  command: "dedup" | "cluster",
  args: readonly string[],
  { cwd, env, stdin, openStdin = false }: Start = {},
) {
  const child: ChildProcess = spawn(process.execPath, ["-e", launch(command), "--", ...args], {
    cwd,
    env: { ...process.env, BGE_MODEL: "", ...env },
    stdio: [stdin === undefined && !openStdin ? "ignore" : "pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  // A process that is killed or refuses its input closes the pipe.
  child.stdin?.on("error", () => {});
  if (!openStdin) child.stdin?.end(stdin);
  const outcome: Promise<Outcome> = once(child, "close").then(([code]) => ({ code, stdout, stderr }));
  return { child, outcome, stderr: () => stderr };
}

/** Runs a command to its end. */
export function run(command: "dedup" | "cluster", args: readonly string[], options: Start = {}): Promise<Outcome> {
  return start(command, args, options).outcome;
}

/** True once a run has made all of its vectors durable, which it does while the join goes on. */
export function vectorsAreSaved(out: string): boolean {
  const state = join(out, ".work", "state.json");
  return existsSync(state) && (JSON.parse(readFileSync(state, "utf8")) as { complete: boolean }).complete;
}
