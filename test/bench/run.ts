import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * The whole run, from JSONL to kept.arrow, beside semhash from JSONL to its kept records in memory. The models differ (ours the
 * builtin one, theirs a static one), so the kept rows do; what is compared is speed and memory.
 *
 *   node dist/test/bench/run.js --input rows.jsonl --model static-model-folder --python python-with-semhash
 */
const { values: flags } = parseArgs({
  options: {
    input: { type: "string" },
    model: { type: "string" },
    python: { type: "string", default: "python3" },
    runs: { type: "string", default: "3" },
  },
});
if (flags.input === undefined) throw new Error("--input is missing; expected a JSONL file with a column text");

/** What either program tells of one run. */
interface Run {
  readonly rows: number;
  readonly kept: number;
  readonly seconds: number;
  readonly peak: number;
}

const command = fileURLToPath(new URL("../../../bin/bge-dedup.js", import.meta.url));

function ours(input: string): Run {
  const out = mkdtempSync(join(tmpdir(), "bge-bench-"));
  const started = performance.now();
  const child = spawnSync(process.execPath, [command, input, "-o", out, "--json", "--quiet"], {
    encoding: "utf8",
  });
  const seconds = (performance.now() - started) / 1000;
  rmSync(out, { recursive: true, force: true });
  if (child.status !== 0) throw new Error(child.stderr);
  const { counts, peak_memory } = JSON.parse(child.stdout) as {
    counts: { read: number; kept: number };
    peak_memory: number;
  };
  return { rows: counts.read, kept: counts.kept, seconds, peak: peak_memory };
}

function semhash(input: string): Run | undefined {
  if (flags.model === undefined) return undefined;
  const script = fileURLToPath(new URL("../../../test/bench/peers/semhash_run.py", import.meta.url));
  const child = spawnSync(flags.python, [script, input, "--model", flags.model], { encoding: "utf8" });
  return child.status === 0 ? (JSON.parse(child.stdout) as Run) : undefined;
}

const results: Record<string, Run[]> = { "bge-dedup, builtin": [], "semhash, static model": [] };
for (let i = 0; i < Number(flags.runs); i++) {
  results["bge-dedup, builtin"].push(ours(flags.input));
  const peer = semhash(flags.input);
  if (peer !== undefined) results["semhash, static model"].push(peer);
}
console.log(`${cpus().length} x ${cpus()[0].model}, Node ${process.version}, ${flags.runs} runs in turn`);
console.log("| | rows | kept | median s | min-max s | rows/s | peak MB |\n|---|---|---|---|---|---|---|");
for (const [name, runs] of Object.entries(results)) {
  if (runs.length === 0) {
    console.log(`| ${name} | not installed, or no --model | | | | | |`);
    continue;
  }
  const seconds = runs.map((run) => run.seconds).sort((a, b) => a - b);
  const median = seconds[seconds.length >> 1];
  const { rows, kept } = runs[0];
  const peak = Math.max(...runs.map((run) => run.peak)) / 2 ** 20;
  const spread = `${seconds[0].toFixed(2)}-${seconds[seconds.length - 1].toFixed(2)}`;
  console.log(
    `| ${name} | ${rows} | ${kept} | ${median.toFixed(2)} | ${spread} | ${Math.round(rows / median)} | ${peak.toFixed(0)} |`,
  );
}
