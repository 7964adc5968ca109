import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readMachine } from "../../bench/table/machine.js";
import { ownVersions } from "../../bench/table/root.js";
import { readCard } from "./nvidia-smi.js";
import { type StepResult, toMarkdown } from "./table.js";

/**
 * Runs the steps of gpu.sh one after the other, each as a process of its own with a limit of time, and rewrites results.json and
 * table.md after each. A step that fails, or for which no time is left, is recorded with the reason, and the next one goes on.
 * What earlier calls have recorded under WORK is kept, so that the rest can be done by another call.
 */
const { values: flags } = parseArgs({
  options: {
    out: { type: "string", default: "out" },
    work: { type: "string", default: "work" },
    /** Seconds for all steps together. */
    seconds: { type: "string", default: "440" },
    /** Which steps, by the beginnings of their names; all where absent. */
    steps: { type: "string" },
    devices: { type: "string", default: "cuda,webgpu" },
    tiny: { type: "boolean", default: false },
  },
});

interface Step {
  readonly name: string;
  /** Seconds that it may take. */
  readonly limit: number;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Seconds below which a step is not begun. */
const LEAST = 8;
/** Characters of the reason why a step failed; the log has all of it. */
const MOST_WORDS = 500;
/** Milliseconds that a step which was killed has to end. */
const AFTER_KILL = 3000;
/** A Vulkan in software, which a trial runs on, is slow even at tiny sizes. */
const PATIENCE = flags.tiny ? 3 : 1;

const { tiny } = flags;
const model = join(flags.work, tiny ? "tiny-shape" : "large-shape");
const fused = join(flags.work, "fused-shape");
const store = join(flags.work, "vectors.arrow");
const here = (program: string) => join(import.meta.dirname, `${program}.js`);
const node = (program: string, ...args: string[]) => [process.execPath, here(program), ...args];
const [small, large, larger] = tiny ? ["2000", "4000", "5000"] : ["100000", "1000000", "2000000"];
/** Sizes of the joins that decide whether `auto` takes a device; the last needs 41 GB of disk. */
const SCALE = tiny ? ["8000", "9000", "10000"] : ["1000000", "4000000", "10000000"];
const [first, second] = flags.devices.split(",");
const threads = `${availableParallelism()}`;

function speed(device: string, dtype: string, ...more: string[]): string[] {
  const window = device === "cuda" ? [] : ["--window-chars", tiny ? "2048" : "65536"];
  const pace = ["--seconds", tiny ? "0.5" : "4", "--threads", threads];
  return node("speed", "--model", model, "--device", device, "--dtype", dtype, ...pace, ...window, ...more);
}
const joined = (device: string, rows: string) =>
  node("join", "--store", store, "--make", larger, "--dim", tiny ? "128" : "1024", "--rows", rows, "--device", device);
/** A join of one size with a store of its own, which it makes and removes: the disk has room for one of the largest. */
const scaled = (device: string, rows: string) =>
  node("join", "--make", rows, "--rows", rows, "--device", device, "--store", join(flags.work, `scale-${rows}.arrow`))
    .concat(["--dim", tiny ? "8" : "1024", "--memory", tiny ? "1" : "64", "--scale"])
    .concat(device === "cpu" ? ["--remove"] : []);
/** What the probe of `auto` tells of a device and of the processor. */
const probe = (device: string) => node("probe-join", device, "256", threads);
const run = (kind: "whole" | "memory", device: string, dtype: string, rows: string, ...more: string[]) =>
  node(
    "commands",
    kind,
    "--folder",
    flags.work,
    "--model",
    model,
    "--device",
    device,
    "--dtype",
    dtype,
    "--rows",
    rows,
  ).concat(more);
const suite = (device: string): Omit<Step, "name"> => ({
  limit: 60,
  command: [
    process.execPath,
    "--test",
    "--test-reporter=tap",
    ...["embed/golden", "join/float-product", "run/devices"].map((test) => `dist/test/${test}.test.js`),
  ],
  env: { BGE_TEST_DEVICE: device },
});
/** cuBLAS then shortens the factors of fp32 to 11 bits, which the program forbids by default. */
const SHORT = { NVIDIA_TF32_OVERRIDE: "1" };
const leave = first === "cuda" ? ["--leave", "4"] : [];

/** The most telling ones first: those at the end are for which time may not suffice. */
const STEPS: readonly Step[] = [
  { name: "doctor", limit: 60, command: [process.execPath, "bin/bge-dedup.js", "doctor", "--json"] },
  { name: "shape", limit: 60, command: node("bert-shape", model, ...(tiny ? ["--tiny"] : [])) },
  { name: `golden ${first}`, limit: 30, command: node("golden-difference", first) },
  { name: `speed ${first} fp16`, limit: 70, command: speed(first, "fp16") },
  {
    name: "speed torch",
    limit: 75,
    command: ["python3", "test/by-hand/gpu/torch_speed.py", tiny ? "1" : "4", ...(tiny ? ["tiny"] : [])],
  },
  { name: `whole ${first}`, limit: 120, command: run("whole", first, "fp16", tiny ? "300" : "60000") },
  { name: "join small cpu", limit: 60, command: joined("cpu", small) },
  { name: `join small ${first}`, limit: 60, command: joined(first, small) },
  { name: `golden ${second}`, limit: 40, command: node("golden-difference", second) },
  { name: `speed ${second} fp16`, limit: 60, command: speed(second, "fp16", "--lengths", "128,mixed") },
  { name: `memory ${first}`, limit: 60, command: run("memory", first, "fp32", tiny ? "40" : "1000", ...leave) },
  { name: `speed ${first} fp32`, limit: 50, command: speed(first, "fp32") },
  { name: `join large ${first}`, limit: 100, command: joined(first, large) },
  { name: `join larger ${first}`, limit: 120, command: joined(first, larger) },
  { name: "join large cpu", limit: 120, command: joined("cpu", large) },
  { name: `tests ${first}`, ...suite(first) },
  { name: `golden ${first} tf32`, limit: 30, command: node("golden-difference", first, "tf32"), env: SHORT },
  {
    name: `speed ${first} tf32`,
    limit: 40,
    command: speed(first, "fp32", "--lengths", "128", "--label", "tf32"),
    env: SHORT,
  },
  { name: "fused shape", limit: 60, command: node("bert-shape", fused, "--fused", ...(tiny ? ["--tiny"] : [])) },
  { name: `golden ${first} fused`, limit: 30, command: node("vectors-difference", "--device", first, model, fused) },
  {
    name: `speed ${first} fused`,
    limit: 60,
    command: speed(first, "fp16", "--model", fused, "--label", "fused attention"),
  },
  ...["16384", "65536", "131072"].map((tokens) => ({
    name: `batch ${first} ${tokens}`,
    limit: 40,
    command: speed(first, "fp16", "--lengths", "128,mixed", "--batch-tokens", tokens),
  })),
  {
    name: `window ${first} 1048576`,
    limit: 40,
    command: speed(first, "fp16", "--lengths", "mixed", "--window-chars", tiny ? "4096" : "1048576"),
  },
  { name: `probe ${first}`, limit: 60, command: probe(first) },
  { name: "probe cpu", limit: 30, command: probe("cpu") },
  ...SCALE.flatMap((rows) => [
    { name: `scale ${rows} ${first}`, limit: 420, command: scaled(first, rows) },
    // The processor takes hours for the largest: its time is reckoned from a share of the rows.
    { name: `scale ${rows} cpu`, limit: 420, command: scaled("cpu", rows).concat(tiny ? [] : ["--share", "0.1"]) },
  ]),
  { name: `join small ${second}`, limit: 60, command: joined(second, small) },
  { name: `speed ${second} fp32`, limit: 60, command: speed(second, "fp32") },
  { name: `tests ${second}`, ...suite(second) },
];

const started = performance.now();
const secondsLeft = () => Number(flags.seconds) - (performance.now() - started) / 1000;
mkdirSync(join(flags.work, "steps"), { recursive: true });
mkdirSync(flags.out, { recursive: true });
const log = createWriteStream(join(flags.out, "log.txt"), { flags: "a" });

/** Runs a step; its JSON lines are its results, all else goes to the log. Whatever it has started ends with it. */
async function perform({ name, limit, command, env }: Step): Promise<StepResult> {
  const seconds = Math.min(limit * PATIENCE, secondsLeft());
  if (seconds < LEAST) return { name, seconds: 0, error: "no time was left", results: [] };
  log.write(`\n== ${name}: ${command.join(" ")}\n`);
  const began = performance.now();
  const child = spawn(command[0], command.slice(1), {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const printed = { stdout: "", stderr: "" };
  for (const from of ["stdout", "stderr"] as const) {
    child[from].setEncoding("utf8").on("data", (text: string) => {
      printed[from] += text;
      log.write(text);
    });
  }
  let late = false;
  let timer: NodeJS.Timeout | undefined;
  const ending = await new Promise<string | undefined>((resolve) => {
    timer = setTimeout(() => {
      late = true;
      endGroup(child.pid);
      // A process that hangs in a driver outlives even that; the next step does not wait for it.
      timer = setTimeout(resolve, AFTER_KILL, "SIGKILL");
    }, 1000 * seconds);
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(code === 0 ? undefined : `${signal ?? `exit ${code}`}`));
  });
  clearTimeout(timer);
  const lines = printed.stdout.split("\n").filter((line) => line.startsWith("{"));
  const reason = late ? `ended after ${Math.round(seconds)} s, its limit` : ending && `${ending}: ${why(printed)}`;
  const took = Number(((performance.now() - began) / 1000).toFixed(1));
  return { name, seconds: took, ...(reason === undefined ? {} : { error: reason }), results: lines.map(parse) };
}

/** Ends a process and all that it has started. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Ended a moment ago.
  }
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { unreadable: line };
  }
}

/** What of the output says why a step failed: the tests that did, the line that names an error, else the last lines. */
function why({ stdout, stderr }: { stdout: string; stderr: string }): string {
  const failed = stdout.split("\n").filter((line) => /^\s+not ok/.test(line));
  if (failed.length > 0)
    return failed
      .map((line) => line.trim())
      .join("; ")
      .slice(0, MOST_WORDS);
  const lines = (stderr.trim() || stdout.trim()).split("\n");
  const named = lines.filter((line) => /^(bge-dedup: |error: |\w*Error: )/.test(line)).at(-1);
  return (named ?? lines.slice(-3).join(" ")).trim().slice(0, MOST_WORDS);
}

/** All that is known, from this call and earlier ones, in the order of the steps. */
function report(): void {
  const known = readdirSync(join(flags.work, "steps")).map((file) =>
    JSON.parse(readFileSync(join(flags.work, "steps", file), "utf8")),
  ) as StepResult[];
  const place = (name: string) => STEPS.findIndex((step) => step.name === name);
  known.sort((a, b) => place(a.name) - place(b.name));
  const all = { card, machine, versions, tiny, steps: known };
  writeFileSync(join(flags.out, "results.json"), `${JSON.stringify(all, null, 1)}\n`);
  writeFileSync(join(flags.out, "table.md"), toMarkdown(all));
}

const card = readCard();
const machine = await readMachine();
const versions = ownVersions();
const wanted = flags.steps?.split(",");
for (const [place, step] of STEPS.entries()) {
  // Where the first device is the processor, it has two steps by one name.
  if (STEPS.findIndex(({ name }) => name === step.name) < place) continue;
  if (wanted !== undefined && !wanted.some((beginning) => step.name.startsWith(beginning))) continue;
  const file = join(flags.work, "steps", `${step.name.replaceAll(" ", "-")}.json`);
  const result = await perform(step);
  // What an earlier call has measured is worth more than that there was no time now.
  if (result.seconds > 0 || !existsSync(file)) writeFileSync(file, JSON.stringify(result));
  report();
  console.log(`${step.name}: ${result.error ?? "done"}, ${result.seconds} s, ${Math.round(secondsLeft())} s left`);
}
// Pipes of a process that hangs would keep this one waiting.
log.end(() => process.exit());
