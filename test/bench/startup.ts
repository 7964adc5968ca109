import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openTable, spreadOf } from "./table/record.js";
import { ROOT } from "./table/root.js";

/**
 * What the commands cost before there is work: seconds from the start of the process to its end, beside Node's own.
 *
 *   node dist/test/bench/startup.js --runs 11
 */
const { values: flags } = parseArgs({ options: { runs: { type: "string", default: "11" } } });
const folder = mkdtempSync(join(tmpdir(), "startup-"));
const [dedup, cluster] = ["bge-dedup", "bge-cluster"].map((name) => join(ROOT, "bin", `${name}.js`));
const [one, faq] = [join(folder, "one.jsonl"), join(ROOT, "fixtures/faq.jsonl")];
writeFileSync(one, `${JSON.stringify({ text: "How do I reset my password?" })}\n`);
const out = join(folder, "out");
const clustered = join(folder, "clusters");

const commands: readonly (readonly [key: string, title: string, args: readonly string[]])[] = [
  ["node", "`node -e 0`", ["-e", "0"]],
  ["help", "`bge-dedup --help`", [dedup, "--help"]],
  ["cluster-help", "`bge-cluster --help`", [cluster, "--help"]],
  ["version", "`bge-dedup --version`", [dedup, "--version"]],
  ["one-row", "`bge-dedup` of one row", [dedup, one, "-o", out, "-q"]],
  ["faq", "`bge-dedup fixtures/faq.jsonl`", [dedup, faq, "-o", out, "-q"]],
  ["cluster-faq", "`bge-cluster fixtures/faq.jsonl --k 5`", [cluster, faq, "-o", clustered, "--k", "5", "-q"]],
];

const table = await openTable({
  id: "startup",
  title: "Start-up",
  runs: Number(flags.runs),
  columns: [
    { key: "command", title: "" },
    { key: "seconds", title: "", unit: "s", digits: 2 },
  ],
});
try {
  const times = new Map<string, number[]>();
  for (let run = 0; run <= Number(flags.runs); run++) {
    for (const [key, , args] of commands) {
      for (const path of [out, clustered]) rmSync(path, { recursive: true, force: true });
      const started = performance.now();
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      const seconds = (performance.now() - started) / 1000;
      if (status !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
      // The first round brings the files into the page cache.
      if (run > 0) times.set(key, [...(times.get(key) ?? []), seconds]);
    }
  }
  for (const [key, title] of commands) {
    const all = (times.get(key) ?? []).sort((a, b) => a - b);
    const [least, median, most] = [all[0], all[all.length >> 1], all[all.length - 1]].map((value) => value.toFixed(3));
    console.log(`${title.padEnd(42)} ${median} s (${least}-${most})`);
    table.add(key, { command: title, seconds: spreadOf(all) });
  }
  table.write();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
