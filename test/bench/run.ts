import { spawnSync } from "node:child_process";
import { createWriteStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { recombinedTexts, sourceTitles } from "./material/short-texts.js";
import { openTable, spreadOf } from "./table/record.js";
import { ROOT } from "./table/root.js";

/**
 * The whole run, from JSONL to kept.arrow, beside semhash from JSONL to its kept records in memory. The models differ (ours the
 * builtin one, theirs a static one), so the kept rows do; what is compared is speed and memory.
 *
 *   node dist/test/bench/run.js --rows 50000
 *   node dist/test/bench/run.js --rows 1000000 --runs 1 --memory 1GB
 *   node dist/test/bench/run.js --input rows.jsonl --model static-model-folder --python python-with-semhash
 *
 * Without `--input` the rows are short texts made of the halves of news titles (of fixtures/faq.jsonl where the data is not
 * beside the checkout), with the share of copies of real titles: see material/short-texts.ts.
 */
const { values: flags } = parseArgs({
  options: {
    input: { type: "string" },
    rows: { type: "string", default: "50000" },
    model: { type: "string" },
    memory: { type: "string" },
    threads: { type: "string" },
    python: { type: "string", default: "python3" },
    runs: { type: "string", default: "3" },
    folder: { type: "string", default: tmpdir() },
  },
});

/** What either program tells of one run. */
interface Run {
  readonly rows: number;
  readonly kept: number;
  readonly seconds: number;
  readonly peak: number;
  readonly stages?: Readonly<Record<string, number>>;
}

const command = join(ROOT, "bin/bge-dedup.js");
const limits = (["memory", "threads"] as const).flatMap((name) => {
  const value = flags[name];
  return value === undefined ? [] : [`--${name}`, value];
});
const folder = mkdtempSync(join(flags.folder, "bge-bench-"));

function ours(input: string): Run {
  const out = join(folder, "out");
  const started = performance.now();
  const child = spawnSync(process.execPath, [command, input, "-o", out, "--json", "--quiet", ...limits], {
    encoding: "utf8",
  });
  const seconds = (performance.now() - started) / 1000;
  rmSync(out, { recursive: true, force: true });
  if (child.status !== 0) throw new Error(child.stderr);
  const summary = JSON.parse(child.stdout) as {
    counts: { read: number; kept: number };
    peak_memory: number;
    seconds: Record<string, number>;
  };
  const { counts, peak_memory: peak, seconds: stages } = summary;
  return { rows: counts.read, kept: counts.kept, seconds, peak, stages };
}

function semhash(input: string): Run | undefined {
  if (flags.model === undefined) return undefined;
  const script = join(ROOT, "test/bench/peers/semhash_run.py");
  const child = spawnSync(flags.python, [script, input, "--model", flags.model], { encoding: "utf8" });
  return child.status === 0 ? (JSON.parse(child.stdout) as Run) : undefined;
}

/** Writes texts as JSONL. */
async function writeTexts(path: string): Promise<string> {
  const data = resolve("../shared/data");
  const titles = sourceTitles(existsSync(data) ? data : undefined);
  const lines = function* () {
    let batch = "";
    for (const text of recombinedTexts(titles, { rows: Number(flags.rows), seed: 1 })) {
      batch += `${JSON.stringify({ text })}\n`;
      if (batch.length < 1 << 16) continue;
      yield batch;
      batch = "";
    }
    yield batch;
  };
  await pipeline(Readable.from(lines()), createWriteStream(path));
  return existsSync(data)
    ? "short texts recombined from news titles"
    : "short texts recombined from fixtures/faq.jsonl";
}

const table = await openTable({
  id: "run",
  title: "The whole run, from JSONL to kept.arrow",
  runs: Number(flags.runs),
  columns: [
    { key: "input", title: "input" },
    { key: "program", title: "" },
    { key: "kept", title: "kept" },
    { key: "seconds", title: "", unit: "s", digits: 1 },
    { key: "rate", title: "rows/s", digits: 0 },
    { key: "peak", title: "peak", unit: "MB", digits: 0 },
    { key: "stages", title: "stages", unit: "s" },
  ],
});
try {
  const input = flags.input ?? join(folder, "texts.jsonl");
  const texts = flags.input === undefined ? await writeTexts(input) : "the given texts";
  const results: Record<string, Run[]> = { "bge-dedup, builtin": [], "semhash, static model": [] };
  for (let i = 0; i < Number(flags.runs); i++) {
    results["bge-dedup, builtin"].push(ours(input));
    const peer = semhash(input);
    if (peer !== undefined) results["semhash, static model"].push(peer);
  }
  console.log(`${texts}, ${flags.runs} runs in turn`);
  console.log("| | rows | kept | median s | min-max s | rows/s | peak MB |\n|---|---|---|---|---|---|---|");
  for (const [name, runs] of Object.entries(results)) {
    if (runs.length === 0) {
      console.log(`| ${name} | not installed, or no --model | | | | | |`);
      continue;
    }
    runs.sort((a, b) => a.seconds - b.seconds);
    const { rows, kept, seconds: median, stages = {} } = runs[runs.length >> 1];
    const peak = Math.max(...runs.map((run) => run.peak)) / 2 ** 20;
    const spread = `${runs[0].seconds.toFixed(2)}-${runs[runs.length - 1].seconds.toFixed(2)}`;
    const parts = Object.entries(stages).map(([stage, seconds]) => `${stage} ${seconds.toFixed(1)}`);
    console.log(
      `| ${name} | ${rows} | ${kept} | ${median.toFixed(2)} | ${spread} | ${Math.round(rows / median)} | ${peak.toFixed(0)} |`,
    );
    if (parts.length > 0) console.log(`stages of the median run: ${parts.join(", ")}`);
    table.add(`${flags.input === undefined ? "" : "given-"}${rows}-${name.split(",")[0]}`, {
      input: `${rows.toLocaleString("en-US")} ${texts}`,
      program: `${name}${flags.memory === undefined || name.startsWith("semhash") ? "" : `, --memory ${flags.memory}`}`,
      kept,
      seconds: spreadOf(runs.map((run) => run.seconds)),
      rate: rows / median,
      peak,
      stages: parts.join(", "),
    });
  }
  table.write();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
