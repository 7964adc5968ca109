import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Random, seededRandom } from "../../faults/random.js";
import { round, watchCard } from "./nvidia-smi.js";
import { makeText, SHORT_WORDS } from "./texts.js";

/**
 * Runs bge-dedup as a user does, from JSONL to Arrow, and prints what came of it as JSON lines:
 *
 *     node dist/test/by-hand/gpu/commands.js whole  --model DIR --device cuda --dtype fp16 --rows 100000
 *     node dist/test/by-hand/gpu/commands.js memory --model DIR --device cuda --dtype fp32 --rows 2000 --leave 4
 *
 * `whole`: the run, its stages, the share in which the session waited, and the proof of the result. `memory`: a run whose batches
 * are as large as a window, in what `--leave` GiB PyTorch leaves of the card, beside one with batches that fit; both must keep the
 * same rows.
 */
const { positionals, values: flags } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string", default: "" },
    device: { type: "string", default: "cpu" },
    dtype: { type: "string", default: "fp32" },
    rows: { type: "string", default: "1000" },
    leave: { type: "string" },
    folder: { type: "string", default: "work" },
  },
});

/** Texts of random words are farther apart than this under random weights; those with one word changed are mostly nearer. */
const THRESHOLD = "0.97";

/** Texts of which one in ten is the one before with a word changed. */
function* corpus(rows: number, next: (random: Random) => string): Generator<string> {
  const random = seededRandom(7);
  for (let i = 0, text = ""; i < rows; i++) {
    if (i === 0 || random.below(10) > 0) text = next(random);
    else {
      const words = text.split(" ");
      words[random.below(words.length)] = SHORT_WORDS[random.below(SHORT_WORDS.length)];
      text = words.join(" ");
    }
    yield text;
  }
}

function writeJsonl(path: string, texts: Iterable<string>): void {
  let lines = "";
  for (const text of texts) lines += `${JSON.stringify({ text })}\n`;
  writeFileSync(path, lines);
}

/** Runs bge-dedup to its end. @throws Error with the end of its messages where it fails */
async function dedup(...args: string[]): Promise<{ seconds: number; stdout: string; stderr: string }> {
  const started = performance.now();
  const child = spawn(process.execPath, ["bin/bge-dedup.js", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    process.stderr.write(text);
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code !== 0) throw new Error(`bge-dedup ${args[0]} ended with ${signal ?? `exit ${code}`}: ${stderr.slice(-400)}`);
  return { seconds: (performance.now() - started) / 1000, stdout, stderr };
}

/** What is read of a manifest. */
interface Manifest {
  readonly tokens: number;
  readonly counts: { readonly read: number; readonly kept: number; readonly removed: number };
  readonly stages: readonly { name: string; seconds: number; busy?: Record<string, number> }[];
  readonly peak_memory: number;
  readonly outputs: readonly { name: string; sha256: string }[];
}

const input = join(flags.folder, "rows.jsonl");
const device = ["--model", flags.model, "--device", flags.device, "--dtype", flags.dtype];

async function runTo(out: string, ...more: string[]) {
  rmSync(out, { recursive: true, force: true });
  const ended = await dedup(input, "-o", out, ...device, "--threshold", THRESHOLD, "--memory", "16GB", ...more);
  return { ...ended, manifest: JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as Manifest };
}

async function whole(): Promise<void> {
  writeJsonl(
    input,
    corpus(Number(flags.rows), (random) => makeText("mixed", random)),
  );
  const out = join(flags.folder, "whole");
  const use = watchCard();
  const { seconds, manifest } = await runTo(out);
  const { tokens, counts, stages, peak_memory } = manifest;
  const embedding = stages.find(({ name }) => name === "embed");
  const figures = {
    device: flags.device,
    dtype: flags.dtype,
    ...counts,
    tokens,
    seconds: round(seconds, 2),
    stages: Object.fromEntries(stages.map((stage) => [stage.name, stage.seconds])),
    session_busy_percent: round((100 * (embedding?.busy?.embed ?? 0)) / (embedding?.seconds ?? 1), 1),
    tokens_per_second: Math.round(tokens / (embedding?.seconds ?? 1)),
    peak_mib: Math.round(peak_memory / 2 ** 20),
    ...use(),
  };
  // Said at once, should the proof take too long.
  console.log(JSON.stringify(figures));
  const proof = await dedup("verify", out);
  console.log(JSON.stringify({ device: "the proof of it", seconds: round(proof.seconds, 2) }));
}

/** Holds the card's memory but for so many GiB, by PyTorch; says so by a line. */
const BALLAST = `
import sys, torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(max(0, free - int(float(sys.argv[1]) * 2**30)), dtype=torch.uint8, device="cuda")
print("held", flush=True)
sys.stdin.read()`;

/** Fills the card; the process holds its memory until its input ends. */
async function fillCard(leave: string): Promise<ChildProcess> {
  const child = spawn("python3", ["-c", BALLAST, leave], { stdio: ["pipe", "pipe", "inherit"] });
  const held = await Promise.race([
    once(child.stdout, "data").then(() => true),
    once(child, "close").then(() => false),
  ]);
  if (!held) throw new Error("python3 with PyTorch could not fill the card's memory, so that it does not run out");
  return child;
}

async function memory(): Promise<void> {
  writeJsonl(
    input,
    corpus(Number(flags.rows), (random) => makeText(500, random)),
  );
  const [usual, ample] = ["usual", "ample"].map((name) => join(flags.folder, name));
  const expected = await runTo(usual);
  const ballast = flags.leave === undefined ? undefined : await fillCard(flags.leave);
  try {
    const { seconds, stderr, manifest } = await runTo(ample, "--batch-tokens", "100000000");
    const halvings = stderr.match(/the device ran out of memory at[^\n]*/g) ?? [];
    const same = manifest.counts.kept === expected.manifest.counts.kept;
    const figures = { device: flags.device, dtype: flags.dtype, left_gib: flags.leave ?? "all", halvings };
    console.log(JSON.stringify({ ...figures, kept: manifest.counts.kept, same, seconds: round(seconds, 1) }));
  } finally {
    ballast?.stdin?.end();
  }
}

mkdirSync(flags.folder, { recursive: true });
if (positionals[0] === "whole") await whole();
else if (positionals[0] === "memory") await memory();
else throw new Error(`expected whole or memory, got ${positionals[0]}`);
