import { spawnSync } from "node:child_process";

/** Why a test that needs promtool is skipped; false where it is installed. */
export const withoutPromtool: string | false =
  spawnSync("promtool", ["--version"]).error === undefined
    ? false
    : "promtool is not installed (Debian: apt-get install prometheus)";

/** Runs promtool. */
export function promtool(args: readonly string[], { input, cwd }: { input?: string; cwd?: string } = {}) {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, cwd, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

/** What `promtool check metrics` has to say of a text; empty for one without a fault. */
export function lint(text: string): string {
  const { status, output } = promtool(["check", "metrics"], { input: text });
  return status === 0 ? output : output || `exit code ${status}`;
}
