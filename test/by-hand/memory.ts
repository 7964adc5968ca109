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

/** A cgroup of its own with a limit; undefined where none can be made. */
function limitedGroup(bytes: number): { readonly folder: string; readonly procs: string } | undefined {
  for (const [parent, limit] of [
    ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"],
    ["/sys/fs/cgroup", "memory.max"],
  ] as const) {
    if (!existsSync(join(parent, "cgroup.procs"))) continue;
    const folder = join(parent, `bge-dedup-${process.pid}`);
    try {
      mkdirSync(folder);
      writeFileSync(join(folder, limit), String(bytes));
      return { folder, procs: join(folder, "cgroup.procs") };
    } catch {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return undefined;
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
const group = limitedGroup(Number(values.limit) * 2 ** 20);
const where =
  group === undefined ? "no cgroup can be made here: not limited" : `limited to ${values.limit} MiB by ${group.folder}`;
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
    for (const file of ["memory.max_usage_in_bytes", "memory.peak"]) {
      if (group === undefined || !existsSync(join(group.folder, file))) continue;
      const most = Number(readFileSync(join(group.folder, file), "utf8")) / 2 ** 20;
      process.stdout.write(`  most that the system counted so far, page cache included: ${most.toFixed(0)} MiB\n`);
    }
    rmSync(out, { recursive: true, force: true });
    rmSync(input);
  }
} finally {
  if (group !== undefined) rmdirSync(group.folder);
  rmSync(folder, { recursive: true, force: true });
}
