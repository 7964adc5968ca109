import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { start } from "../cli/command-line.js";
import { type HostileInput, hostileInputs } from "./hostile.js";

/**
 * Runs bge-dedup over hostile inputs and checks that it neither crashes nor hangs nor loses a row. As a program, with the
 * large ones: `node dist/test/faults/hostile-run.js --large`.
 */

/** Longest that one of them may take, in milliseconds. */
const LIMIT = 120_000;

/** Prints the peak of resident memory in KiB when the process ends. */
const PRINT_PEAK = `--import=data:text/javascript,${encodeURIComponent(
  "import{isMainThread}from'node:worker_threads';if(isMainThread)process.on('exit',()=>console.error('peak '+process.resourceUsage().maxRSS))",
)}`;

/** What came of one input. */
export interface HostileResult {
  readonly name: string;
  readonly seconds: number;
  /** Bytes of resident memory. */
  readonly peak: number;
  readonly said: string;
}

/** Runs one input and checks what it came to. */
export async function checkHostile(input: HostileInput, out: string): Promise<HostileResult> {
  const { name, paths, code, read, rejected, message } = input;
  const began = performance.now();
  const args = [...paths, "-o", out, "--json", "--progress", "none", "--memory", "512MB", "--threads", "1"];
  const { child, outcome } = start("dedup", args, { env: { NODE_OPTIONS: PRINT_PEAK } });
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT);
  const result = await outcome;
  clearTimeout(timer);
  const about = `${JSON.stringify(name)}: exit ${result.code}, ${result.stdout}${result.stderr}`;
  const said = result.stderr.replace(/^peak \d+\n/m, "");
  assert.equal(result.code, code, about);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not appear
  assert.doesNotMatch(result.stdout + said, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/, about);
  if (code === 3) {
    assert.match(said, /^error: [^\n]+\n$/, about);
    if (message !== undefined) assert.match(said, message, about);
    assert.ok(!existsSync(join(out, "kept.arrow")), about);
  } else {
    const { counts } = JSON.parse(result.stdout) as { counts: Record<string, number> };
    assert.deepEqual([counts.read, counts.rejected], [read, rejected], about);
    assert.equal(counts.kept + counts.removed + counts.rejected, counts.read, about);
    const lines = rejected === 0 ? 0 : readFileSync(join(out, "rejects.jsonl"), "utf8").trimEnd().split("\n").length;
    assert.equal(lines, rejected, about);
  }
  const peak = Number(/^peak (\d+)$/m.exec(result.stderr)?.[1] ?? 0) * 1024;
  return { name, seconds: (performance.now() - began) / 1000, peak, said };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({
    options: {
      large: { type: "boolean", default: false },
      seed: { type: "string", default: "1" },
      only: { type: "string" },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "bge-hostile-"));
  let failed = 0;
  try {
    for (const input of await hostileInputs({ folder, seed: Number(values.seed), large: values.large })) {
      if (values.only !== undefined && !input.name.includes(values.only)) continue;
      const out = join(folder, "out");
      try {
        const { name, seconds, peak, said } = await checkHostile(input, out);
        const figures = `${seconds.toFixed(1)} s, ${(peak / 2 ** 20).toFixed(0)} MB`;
        process.stdout.write(`ok ${JSON.stringify(name)} ${figures} ${said.trim().slice(0, 200)}\n`);
      } catch (error) {
        failed++;
        process.stdout.write(`FAILED ${(error as Error).message.slice(0, 1000)}\n`);
      }
      rmSync(out, { recursive: true, force: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.exitCode = failed > 0 ? 1 : 0;
}
