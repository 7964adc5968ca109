import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../faults/random.js";

/**
 * Runs bge-dedup over more and more rows under one --memory, as a process that the system lets have no more than `--limit` (cgroup
 * version 1 or 2, which needs root; without it the peak is only measured), and prints the peaks:
 * `node dist/test/by-hand/memory.js --memory 512MB --limit 640 --rows 10000,100000,1000000`
 */
const { values } = parseArgs({
  options: {
    memory: { type: "string", default: "512MB" },
    /** MiB that the system allows, the page cache of files counted. */
    limit: { type: "string", default: "640" },
    rows: { type: "string", default: "10000,100000" },
    threads: { type: "string", default: "2" },
  },
});

/** Where cgroups are, and the files of one that set the limit and tell the peak: version 1, version 2, and 2 beside 1. */
const HIERARCHIES = [
  { parent: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", peak: "memory.max_usage_in_bytes" },
  { parent: "/sys/fs/cgroup", limit: "memory.max", peak: "memory.peak" },
  { parent: "/sys/fs/cgroup/unified", limit: "memory.max", peak: "memory.peak" },
] as const;

/** A cgroup of its own with a limit. */
interface LimitedGroup {
  readonly folder: string;
  readonly procs: string;
  readonly peak: string;
}

/** Makes a cgroup, or says why none can be made. */
function limitedGroup(bytes: number): LimitedGroup | { readonly reasons: readonly string[] } {
  const reasons: string[] = [];
  for (const { parent, limit, peak } of HIERARCHIES) {
    if (!existsSync(join(parent, "cgroup.procs"))) {
      reasons.push(`${parent} holds no cgroups`);
      continue;
    }
    const folder = join(parent, `bge-dedup-${process.pid}`);
    try {
      mkdirSync(folder);
      // Version 2 has this file only where the parent hands the memory controller on.
      if (existsSync(join(folder, limit))) {
        writeFileSync(join(folder, limit), String(bytes));
        return { folder, procs: join(folder, "cgroup.procs"), peak: join(folder, peak) };
      }
      reasons.push(`${parent} hands no memory controller on`);
    } catch (error) {
      reasons.push((error as Error).message);
    }
    if (existsSync(folder)) rmdirSync(folder);
  }
  return { reasons };
}

const WORDS = "天气 预报 退款 订单 密码 发票 reset password parcel refund invoice order account delivery label".split(
  " ",
);

/** Short texts, one in five a near copy of the one before. */
async function writeRows(path: string, rows: number): Promise<void> {
  const random = seededRandom(1);
  const file = createWriteStream(path);
  let text = "";
  for (let i = 0; i < rows; i++) {
    const words = Array.from(
      { length: 6 + random.below(10) },
      () => WORDS[random.below(WORDS.length)] + random.below(999),
    );
    text = random.below(5) === 0 ? `${text}.` : words.join(" ");
    if (!file.write(`{"id":${i},"text":"${text}"}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
}

const folder = mkdtempSync(join(tmpdir(), "bge-memory-"));
const made = limitedGroup(Number(values.limit) * 2 ** 20);
const group = "reasons" in made ? undefined : made;
const where =
  "reasons" in made
    ? `not limited by the system: ${made.reasons.join("; ")}`
    : `limited to ${values.limit} MiB by ${made.folder}`;
process.stdout.write(`--memory ${values.memory}, ${where}\n`);
try {
  for (const rows of values.rows.split(",").map(Number)) {
    const input = join(folder, `${rows}.jsonl`);
    await writeRows(input, rows);
    const module = new URL("../../src/cli/dedup.js", import.meta.url).href;
    const launch = `
      ${group === undefined ? "" : `require("node:fs").writeFileSync(${JSON.stringify(group.procs)}, String(process.pid));`}
      import(${JSON.stringify(module)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); });`;
    const out = join(folder, "out");
    const flags = ["-o", out, "--memory", values.memory, "--threads", values.threads, "--json", "-q"];
    const started = performance.now();
    const child = spawn(process.execPath, ["-e", launch, "--", input, ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const summary = code === 0 ? (JSON.parse(printed) as { peak_memory: number; counts: { kept: number } }) : undefined;
    const peak =
      summary === undefined
        ? ""
        : `, peak resident ${(summary.peak_memory / 2 ** 20).toFixed(0)} MiB, ${summary.counts.kept} kept`;
    process.stdout.write(`${rows} rows: ${signal ?? `exit ${code}`}, ${seconds} s${peak}\n`);
    if (group !== undefined && existsSync(group.peak)) {
      const most = Number(readFileSync(group.peak, "utf8")) / 2 ** 20;
      process.stdout.write(`  most that the system counted so far, page cache included: ${most.toFixed(0)} MiB\n`);
    }
    rmSync(out, { recursive: true, force: true });
    rmSync(input);
  }
} finally {
  if (group !== undefined) rmdirSync(group.folder);
  rmSync(folder, { recursive: true, force: true });
}
