import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Outcome, run, start } from "../cli/command-line.js";
import { type Random, seededRandom } from "./random.js";
import { faultCorpus } from "./rows.js";

/**
 * Starts the real commands, kills them with SIGKILL at random moments of every stage, starts them again until they are done
 * and compares every byte with a run that was left alone. As a program: `node dist/test/faults/kill.js --kills 200`.
 */

/** A command line, what must be in its output folder before, and what it reads. */
interface Scenario {
  readonly name: string;
  readonly command: "dedup" | "cluster";
  readonly args: readonly string[];
  readonly stdin?: Buffer;
  /** Copied to the output folder before the first start. */
  readonly before?: string;
}

/** A scenario with the run that was left alone. */
interface Reference extends Scenario {
  readonly files: Readonly<Record<string, Buffer>>;
  readonly earlier: Readonly<Record<string, Buffer>>;
  /** Milliseconds from one marker of its log to the next. */
  readonly stages: ReadonlyMap<string, number>;
}

/** What begins when a line of the log appears; before the first there is "start". */
const MARKERS: readonly (readonly [line: RegExp, stage: string])[] = [
  [/ model builtin/, "read and embed"],
  [/ embed: done/, "join or k-means"],
  [/ (join|k-means): done/, "write"],
  [/ write: done/, "hash and publish"],
];

/** How many kills hit each stage, and what became of the restarts. */
export interface KillReport {
  readonly kills: number;
  /** By "scenario: stage". */
  readonly byStage: Readonly<Record<string, number>>;
  /** Kills of runs that had taken over work of an earlier one. */
  readonly withCachedWork: number;
  /** Runs that were compared, all of them equal to the one left alone. */
  readonly compared: number;
}

function stageOf(log: string): string {
  return MARKERS.findLast(([line]) => line.test(log))?.[1] ?? "start";
}

/** Files of the output folder by name, without the work area; of the manifest what must not move from run to run. */
function published(out: string): Record<string, Buffer> {
  const names = existsSync(out) ? readdirSync(out).filter((name) => name !== ".work") : [];
  return Object.fromEntries(
    names.sort().map((name) => {
      const bytes = readFileSync(join(out, name));
      return [name, name === "manifest.json" ? Buffer.from(settled(bytes.toString(), out)) : bytes];
    }),
  );
}

/** The manifest without times, memory, the counts of resumed and reused vectors and the folder's name. */
function settled(manifest: string, out: string): string {
  const moving = ["seconds", "stages", "resumed", "reused", "peak_memory"];
  return JSON.stringify(JSON.parse(manifest), (key, value: unknown) =>
    moving.includes(key) ? undefined : typeof value === "string" ? value.replace(out, "OUT") : value,
  );
}

function scenarios(folder: string, rows: number, seed: number): Scenario[] {
  const input = join(folder, "input.jsonl");
  const bytes = Buffer.from(faultCorpus({ rows, seed }));
  writeFileSync(input, bytes);
  const other = join(folder, "other.jsonl");
  writeFileSync(other, faultCorpus({ rows: 50, seed: seed + 1 }));
  const slow = ["--batch-tokens", "256", "--threads", "1", "--progress", "log"];
  const formats = ["arrow", "parquet", "jsonl"].flatMap((format) => ["--format", format]);
  const earlier = join(folder, "earlier");
  const clustered = ["--k", "12", "--iterations", "10"];
  return [
    { name: "dedup", command: "dedup", args: [input, "--guard", "numbers", ...formats, ...slow], before: earlier },
    { name: "dedup of standard input", command: "dedup", args: ["-", ...slow], stdin: bytes },
    { name: "cluster of raw rows", command: "cluster", args: [input, ...clustered, ...slow] },
    {
      name: "cluster of a dedup folder",
      command: "cluster",
      args: [...clustered, ...slow],
      before: join(folder, "dedup"),
    },
  ];
}

/** The arguments of a scenario for one output folder. */
function argumentsFor({ name, args }: Scenario, out: string): string[] {
  return name === "cluster of a dedup folder" ? [out, ...args] : [...args, "-o", out];
}

async function reference(scenario: Scenario, folder: string): Promise<Reference> {
  const out = join(folder, `reference-${scenario.name.replaceAll(" ", "-")}`);
  if (scenario.before !== undefined) cpSync(scenario.before, out, { recursive: true });
  const earlier = published(out);
  const stages = new Map<string, number>();
  const { child, outcome, stderr } = start(scenario.command, argumentsFor(scenario, out), { stdin: scenario.stdin });
  let stage = "start";
  let since = performance.now();
  child.stderr?.on("data", () => {
    const now = stageOf(stderr());
    if (now === stage) return;
    stages.set(stage, performance.now() - since);
    since = performance.now();
    stage = now;
  });
  const { code, stderr: log } = await outcome;
  stages.set(stage, performance.now() - since);
  assert.equal(code, 0, log);
  return { ...scenario, files: published(out), earlier, stages };
}

/** Starts the command and kills it somewhere in a stage; resolves with the stage it was in, or undefined if it had ended. */
async function killOnce(
  { command, stages, stdin, ...scenario }: Reference,
  out: string,
  random: Random,
): Promise<{ stage: string | undefined; outcome: Outcome }> {
  const { child, outcome, stderr } = start(command, argumentsFor({ command, ...scenario }, out), { stdin });
  const names = [...stages.keys()];
  const target = names[random.below(names.length)];
  const wait = random.fraction() * (stages.get(target) ?? 0);
  let ended = false;
  child.once("exit", () => {
    ended = true;
  });
  const later = names.slice(names.indexOf(target));
  while (!ended && !later.includes(stageOf(stderr()))) await new Promise((resolve) => setTimeout(resolve, 2));
  const plan = join(out, ".work", "publish.json");
  if (target === "hash and publish" && random.below(2) === 0) {
    // The renames themselves take less than a millisecond.
    while (!ended && !existsSync(plan)) await new Promise((resolve) => setImmediate(resolve));
  } else await new Promise((resolve) => setTimeout(resolve, wait));
  const stage = ended ? undefined : existsSync(plan) ? "publish" : stageOf(stderr());
  child.kill("SIGKILL");
  const result = await outcome;
  return { stage: result.code === null ? stage : undefined, outcome: result };
}

/**
 * Kills `kills` runs, up to `most` of them in a row before one is left to end.
 * @throws AssertionError at the first byte that differs, or the first published file that is neither the old nor the new
 */
export async function killRuns(options: {
  kills: number;
  rows: number;
  seed: number;
  most?: number;
  log?: (line: string) => void;
}): Promise<KillReport> {
  const { kills, rows, seed, most = 4, log = () => {} } = options;
  const folder = mkdtempSync(join(tmpdir(), "bge-kill-"));
  const random = seededRandom(seed);
  try {
    const all = scenarios(folder, rows, seed);
    const old = await run("dedup", [join(folder, "other.jsonl"), "-o", join(folder, "earlier"), "-q"]);
    assert.equal(old.code, 0, old.stderr);
    const references: Reference[] = [];
    for (const scenario of all) {
      references.push(await reference(scenario, folder));
      if (scenario.name === "dedup")
        cpSync(join(folder, "reference-dedup"), join(folder, "dedup"), { recursive: true });
    }
    const byStage: Record<string, number> = {};
    let killed = 0;
    let withCachedWork = 0;
    let compared = 0;
    for (let round = 0; killed < kills; round++) {
      const scenario = references[round % references.length];
      const { files, earlier } = scenario;
      const out = join(folder, `out-${round}`);
      if (scenario.before === undefined) mkdirSync(out);
      else cpSync(scenario.before, out, { recursive: true });
      const inARow = 1 + random.below(most);
      for (let i = 0; i < inARow && killed < kills; i++) {
        const { stage, outcome } = await killOnce(scenario, out, random);
        if (stage === undefined) {
          assert.equal(outcome.code, 0, outcome.stderr);
          break;
        }
        killed++;
        const key = `${scenario.name}: ${stage}`;
        byStage[key] = (byStage[key] ?? 0) + 1;
        if (/continuing an interrupted run/.test(outcome.stderr)) withCachedWork++;
        for (const [name, bytes] of Object.entries(published(out))) {
          const whole = [earlier[name], files[name]].some((expected) => expected?.equals(bytes));
          assert.ok(whole, `${name} is neither the old nor the new one after a kill in ${key}`);
        }
        log(`${killed} killed in ${key}`);
      }
      const { code, stderr } = await run(scenario.command, argumentsFor(scenario, out), { stdin: scenario.stdin });
      assert.equal(code, 0, stderr);
      const result = published(out);
      assert.deepEqual(Object.keys(result), Object.keys(files), `${scenario.name}: ${stderr}`);
      for (const [name, bytes] of Object.entries(result)) {
        assert.ok(bytes.equals(files[name]), `${name} of ${scenario.name} differs: ${stderr}`);
      }
      assert.ok(!existsSync(join(out, ".work")), "the work area is gone");
      compared++;
      rmSync(out, { recursive: true });
    }
    return { kills: killed, byStage, withCachedWork, compared };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "200" },
      rows: { type: "string", default: "12000" },
      seed: { type: "string", default: "1" },
    },
  });
  const [kills, rows, seed] = [values.kills, values.rows, values.seed].map(Number);
  const report = await killRuns({ kills, rows, seed, log: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}
