import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { BENCHMARKS, type Benchmark, BY_HAND, type Call, type Size } from "./table/catalogue.js";
import { peersPython } from "./table/python.js";
import { ROOT } from "./table/root.js";

/**
 * `npm run bench`: every benchmark in turn, beside its peers where there is a Python; each prints its table and writes it to
 * test/bench/results, or to test/bench/results-quick at quick sizes.
 *
 *   npm run bench -- --list
 *   npm run bench -- join kmeans --quick          some of them; --full takes the sizes of the page
 *   npm run bench -- --python .venv/bin/python    an interpreter with the peers; --no-python leaves them out
 *   npm run bench -- join -- --rows 50000         one of them with flags of its own, for `embed` and the like too
 */
const args = process.argv.slice(2);
const end = args.includes("--") ? args.indexOf("--") : args.length;
const own = args.slice(end + 1);
const { values: flags, positionals } = parseArgs({
  args: args.slice(0, end),
  allowPositionals: true,
  options: {
    list: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    python: { type: "string" },
    "no-python": { type: "boolean", default: false },
    results: { type: "string" },
  },
});
const size: Size = flags.quick ? "quick" : flags.full ? "full" : "usual";
const PUBLISHED = join(ROOT, "test/bench/results");
const results = resolve(flags.results ?? (size === "quick" ? join(ROOT, "test/bench/results-quick") : PUBLISHED));
const hasData = existsSync(resolve(ROOT, "../shared/data"));

/** "3 min", "20 s". */
const duration = (seconds: number) => (seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`);
const secondsOf = (calls: readonly Call[]) => calls.reduce((sum, { seconds }) => sum + seconds, 0);

function list(): void {
  console.log("At the sizes --quick, usual and --full, seconds on two cores:");
  for (const { name, what, calls, python } of BENCHMARKS) {
    const times = (["quick", "usual", "full"] as const).map((size) =>
      calls[size].length === 0 ? "-" : duration(secondsOf(calls[size])),
    );
    const all = Object.values(calls).flat();
    const data = all.every(({ data }) => data) ? "needs" : all.some(({ data }) => data) ? "partly needs" : "";
    const needs = [data === "" ? "" : `${data} ../shared/data`, python === "needed" ? "needs Python" : ""];
    const note = needs.filter((need) => need !== "").join(", ");
    console.log(`  ${name.padEnd(16)} ${times.join(" / ").padEnd(20)} ${what}${note === "" ? "" : ` (${note})`}`);
  }
  console.log("\nBy hand, with flags of their own behind --:");
  for (const [name, what] of Object.entries(BY_HAND)) console.log(`  ${name.padEnd(16)} ${what}`);
}

/** The calls to make, by benchmark: those that were asked for, or all. @throws Error for a name that there is not */
function chosen(): { benchmark: Pick<Benchmark, "name" | "python">; calls: readonly Call[] }[] {
  const names = positionals.length === 0 ? BENCHMARKS.map(({ name }) => name) : positionals;
  return names.map((name) => {
    const benchmark = BENCHMARKS.find((each) => each.name === name);
    if (own.length > 0 && (benchmark !== undefined || name in BY_HAND)) {
      return { benchmark: benchmark ?? { name }, calls: [{ flags: "", seconds: 0 }] };
    }
    if (benchmark === undefined) throw new Error(`no benchmark ${name} runs by itself; --list names them`);
    return { benchmark, calls: benchmark.calls[size] };
  });
}

/** The interpreter with the peers: the one that was named, one of an environment of our own, or none. */
function pythonFor(work: readonly { benchmark: Pick<Benchmark, "python"> }[]): string | undefined {
  if (flags["no-python"] || work.every(({ benchmark }) => benchmark.python === undefined)) return undefined;
  if (flags.python !== undefined) return flags.python;
  const found = peersPython(console.log);
  if ("python" in found) return found.python;
  console.log(`without peers: ${found.missing}`);
  return undefined;
}

/** Runs a script; returns whether it succeeded. */
function runScript(
  { name, python: takes }: Pick<Benchmark, "name" | "python">,
  words: string,
  python?: string,
): boolean {
  const script = join(ROOT, "dist/test/bench", `${name}.js`);
  // Where there is none, the scripts try an interpreter that does not exist and leave the peers out with a note.
  const peers = takes === undefined || own.includes("--python") ? [] : ["--python", python ?? "no-python"];
  const { status } = spawnSync(process.execPath, [script, ...words.split(" ").filter(Boolean), ...own, ...peers], {
    stdio: "inherit",
    cwd: ROOT,
    env: { ...process.env, BENCH_RESULTS: results },
  });
  return status === 0;
}

function runAll(): void {
  const work = chosen();
  const seconds = work.reduce((sum, { calls }) => sum + secondsOf(calls.filter(({ data }) => hasData || !data)), 0);
  if (seconds > 0) console.log(`some ${duration(seconds)} on two cores at ${size} sizes; results go to ${results}`);
  const python = pythonFor(work);
  const skipped: string[] = [];
  const failed: string[] = [];
  for (const { benchmark, calls } of work) {
    for (const { flags: words, data, seconds } of calls) {
      const title = [benchmark.name, words, ...own].join(" ").trim();
      if (data && !hasData) skipped.push(`${title}: needs ../shared/data`);
      else if (benchmark.python === "needed" && python === undefined) skipped.push(`${title}: needs Python`);
      else {
        console.log(`\n## ${title}${seconds > 0 ? ` (some ${duration(seconds)})` : ""}`);
        if (!runScript(benchmark, words, python)) failed.push(title);
      }
    }
  }
  for (const [what, all] of Object.entries({ skipped, failed })) {
    if (all.length > 0) console.log(`\n${what}:\n${all.map((each) => `  ${each}`).join("\n")}`);
  }
  if (failed.length > 0) process.exitCode = 1;
  if (results === PUBLISHED) console.log("\nnpm run bench:readme puts the results into test/bench/README.md");
}

if (flags.list) list();
else runAll();
