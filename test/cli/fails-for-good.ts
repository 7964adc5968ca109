import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { mock } from "node:test";
import { main as cluster } from "../../src/cli/cluster.js";
import { main as dedup } from "../../src/cli/dedup.js";

const MAINS = { dedup, cluster };

/** Calls a command in this process, which is quicker, and returns its exit code and what it wrote to standard error. */
export async function call(command: keyof typeof MAINS, args: readonly string[]) {
  let stderr = "";
  const write = mock.method(process.stderr, "write", (text: string) => {
    stderr += text;
    return true;
  });
  try {
    return { code: await MAINS[command](args), stderr };
  } finally {
    write.mock.restore();
  }
}

/** Every file of a folder with its content, but for the work area that a failed run may leave. */
export function content(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => !name.startsWith(".work"));
  const files = names.filter((name) => !statSync(join(folder, name)).isDirectory());
  return Object.fromEntries(files.sort().map((name) => [name, readFileSync(join(folder, name)).toString("base64")]));
}

/** Words that only the inside of a program knows. */
const INTERNAL = /\bundefined\b|\bNaN\b|\[object|cannot read prop|is not a function|not iterable|^ +at |a defect of/im;

/**
 * Asserts that a command fails for good: with this exit code, in one line that has the cure, and that the results in
 * the folder `out` stay as they are.
 */
export async function failsForGood(options: {
  command: keyof typeof MAINS;
  args: readonly string[];
  code: number;
  cure: RegExp;
  out: string;
}): Promise<void> {
  const { command, args, code, cure, out } = options;
  const before = existsSync(out) ? content(out) : undefined;
  const ended = await call(command, args);
  assert.equal(ended.code, code, ended.stderr);
  assert.match(ended.stderr, /^(error|violation): [^\n]*\n$/);
  assert.doesNotMatch(ended.stderr, INTERNAL);
  assert.match(ended.stderr, cure);
  if (before !== undefined) assert.deepEqual(content(out), before);
}
