import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Estimate } from "../../src/run/dry-run.js";
import type { DedupSummary } from "../../src/run/summary.js";
import { openTable } from "./table/record.js";

/**
 * What `--dry-run` says and what the run then takes, side by side: `node dist/test/bench/dry-run.js INPUT [flags..]`. Each
 * is a process of its own, since memory is counted by process.
 */
const command = new URL("../../src/cli/dedup.js", import.meta.url).href;
const call = (args: readonly string[]) =>
  JSON.parse(
    execFileSync(
      process.execPath,
      [
        "-e",
        `import(${JSON.stringify(command)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`,
        "--",
        ...args,
        "--json",
        "-q",
      ],
      { encoding: "utf8", maxBuffer: 2 ** 26 },
    ),
  ) as unknown;

const table = await openTable({
  id: "dry-run",
  title: "What a dry run says",
  columns: [
    { key: "rows", title: "rows" },
    { key: "what", title: "" },
    { key: "estimate", title: "estimate", digits: 2 },
    { key: "real", title: "real", digits: 2 },
    { key: "ratio", title: "ratio", digits: 2 },
  ],
});
const folder = mkdtempSync(join(tmpdir(), "bge-dry-"));
try {
  const args = process.argv.slice(2);
  const estimate = call([...args, "--dry-run"]) as Estimate;
  const real = call([...args, "-o", join(folder, "out")]) as DedupSummary;
  const total = ({ read, embed, join: joined, write }: Record<string, number>) =>
    Math.max(read, embed) + joined + write;
  const rows: [string, number, number][] = [
    ["seconds", total({ ...estimate.seconds }), total(real.seconds)],
    ...(["embed", "join", "write"] as const).map(
      (stage) => [`  ${stage}`, estimate.seconds[stage], real.seconds[stage]] as [string, number, number],
    ),
    ["memory, MiB", estimate.memory / 2 ** 20, real.peak_memory / 2 ** 20],
  ];
  console.log(`${real.counts.read} rows`);
  console.log("                estimate      real  ratio");
  for (const [name, guess, truth] of rows) {
    console.log(
      `${name.padEnd(14)}${guess.toFixed(2).padStart(10)}${truth.toFixed(2).padStart(10)}${(guess / truth).toFixed(2).padStart(7)}`,
    );
    const what = name.trim();
    const key = `${real.counts.read}-${what.split(",")[0]}`;
    table.add(key, { rows: real.counts.read, what, estimate: guess, real: truth, ratio: guess / truth });
  }
  table.write();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
