import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { STAGES } from "../../src/engine/stages.js";
import { tidyUp } from "../../src/engine/work/plan-watch.js";
import { runTask } from "../../src/engine/work/task.js";
import { type Random, seededRandom } from "../../src/random.js";
import { timedReporter } from "../../src/reporter.js";
import { runDedup } from "../../src/run/dedup.js";
import { type DedupFlags, dedupOptions } from "../../src/run/flags/dedup.js";
import { startEmbeddingServer } from "../embed/endpoint-server.js";
import { outputBytes, silent, testFolder, verify } from "../run/folders.js";
import { randomCorpus } from "./corpus.js";
import { type Cut, doAtRandom, randomCut, runAtRandom } from "./tasks-at-random.js";

/** Number of random runs; more of them by BGE_ROUNDS. The first one has the seed BGE_SEED. */
const ROUNDS = Number(process.env.BGE_ROUNDS ?? 3);
const SEED = Number(process.env.BGE_SEED ?? 1);

const folder = testFolder();

/** Entries of a manifest that tell of the way a run went and not of its result. */
const OF_THE_WAY = ["seconds", "stages", "environment", "engine", "peak_memory", "resumed", "reused"];

type Manifest = Readonly<Record<string, unknown>>;

/** The manifest of a folder, as if the folder had the path `named`. */
function manifestOf(out: string, named = out): Manifest {
  return JSON.parse(readFileSync(join(out, "manifest.json"), "utf8").replaceAll(out, named)) as Manifest;
}

/** What a manifest tells of the result. How many pairs the join measures depends on how it is cut. */
function resultOf(manifest: Manifest): Manifest {
  const { independence } = manifest.guarantees as Record<string, string>;
  const guarantees = { ...(manifest.guarantees as Manifest), independence: independence.replace(/\d+ pairs/, "pairs") };
  const entries = Object.entries({ ...manifest, guarantees });
  return Object.fromEntries(entries.filter(([name]) => !OF_THE_WAY.includes(name)));
}

/** One machine, in one process. */
function onOneMachine(inputs: readonly string[], flags: DedupFlags) {
  return runDedup(dedupOptions(flags, inputs), { reporter: silent, stdin: Readable.from([]) });
}

/** What a run ends with: undefined, or the words of its error with its class. */
async function endOf(run: Promise<unknown>): Promise<string | undefined> {
  try {
    await run;
    return undefined;
  } catch (error) {
    return `${(error as Error).constructor.name}: ${(error as Error).message}`;
  }
}

/** One round: the same files by one machine and by tasks in random order. */
async function round(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const at = join(folder, String(seed));
  mkdirSync(at);
  const { inputs, flags } = randomCorpus(at, random);
  const against = await references(at, random, flags);
  const all = { ...flags, ...against };
  const one = join(at, "one");
  const many = join(at, "many");
  const cut = randomCut(inputs.length, random);
  const expected = await endOf(onOneMachine(inputs, { ...all, out: one }));
  const fortune = { random, twice: 0.15, killed: 0.15 };
  const actual = await endOf(runAtRandom({ stages: STAGES, flags: { ...all, out: many }, inputs, cut, fortune }));
  assert.equal(actual?.replaceAll(many, one), expected);
  if (expected !== undefined) return;
  await assertSame(one, many);
  await assertReused(inputs, { ...all, out: many });
}

/** The references of a round: none, or the result of a run over another corpus. */
async function references(at: string, random: Random, flags: DedupFlags): Promise<DedupFlags> {
  if (random() < 0.6 || flags.vectorField !== undefined) return {};
  const earlier = join(at, "earlier");
  mkdirSync(earlier);
  const { inputs } = randomCorpus(earlier, random);
  const out = join(at, "reference");
  // A corpus of vectors, or one that has nothing to read, is no reference for texts.
  const { maxRejects: _, maxRemoved: __, ...settings } = flags;
  const failed = await endOf(onOneMachine(inputs, { ...settings, out }));
  return failed === undefined ? { against: [out] } : {};
}

/** Asserts that two folders hold the same result, byte for byte, and that the tasks are gone. */
async function assertSame(one: string, many: string): Promise<void> {
  assert.deepEqual(readdirSync(many).sort(), readdirSync(one).sort());
  const [expected, actual] = [outputBytes(one), outputBytes(many)];
  for (const name of Object.keys(expected)) assert.ok(actual[name].equals(expected[name]), `${name} is another`);
  assert.deepEqual(resultOf(manifestOf(many, one)), resultOf(manifestOf(one)));
  assert.deepEqual(Object.keys(manifestOf(many)), [...Object.keys(manifestOf(one)), "engine"]);
  const { ok, violation } = await verify(many);
  assert.ok(ok, violation);
}

/** Asserts that an ordinary run over the same inputs takes the vectors as those of an ordinary run. */
async function assertReused(inputs: readonly string[], flags: DedupFlags): Promise<void> {
  const { reused } = await onOneMachine(inputs, flags);
  assert.equal(reused, (manifestOf(flags.out as string).vectors as { stored: number }).stored);
}

/** Runs the same files by one machine and by tasks, and asserts that both give the same result. */
async function assertSameRun(name: string, inputs: readonly string[], flags: DedupFlags, cut: Cut): Promise<string> {
  const [one, many] = [join(folder, `${name}-one`), join(folder, `${name}-many`)];
  await onOneMachine(inputs, { ...flags, out: one });
  const fortune = { random: seededRandom(5), twice: 0, killed: 0 };
  await runAtRandom({ stages: STAGES, flags: { ...flags, out: many }, inputs, cut, fortune });
  await assertSame(one, many);
  return many;
}

describe("a run in tasks", () => {
  it("gives what one machine gives, however it is cut and whatever happens to its tasks", async () => {
    for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
      try {
        await round(seed);
      } catch (cause) {
        throw new Error(`with BGE_SEED=${seed} BGE_ROUNDS=1: ${(cause as Error).message}`, { cause });
      }
    }
  });

  it("rejects the rows whose texts a server refuses behind those of the first pass, in every shard", async () => {
    const isPoison = (text: string) => /poison/i.test(text.normalize("NFKC"));
    const refusal = { status: 400, body: { message: "bad rune" } };
    const server = await startEmbeddingServer({
      flavour: "vllm",
      dim: 16,
      faultOf: (input) => (input.some(isPoison) ? refusal : undefined),
    });
    try {
      const poisoned = new Map([
        [2, "poison one"],
        [4, "POISON one"],
        [9, "ｐｏｉｓｏｎ two"],
        [11, "poison two"],
      ]);
      const rows = Array.from({ length: 45 }, (_, id) => ({ text: poisoned.get(id) ?? `Title ${id % 30}`, id }));
      const inputs = [0, 10, 20, 30].map((start) => {
        const lines = rows.slice(start, start + 15).map((row) => `${JSON.stringify(row)}\n`);
        const path = join(folder, `refused-${start}.jsonl`);
        writeFileSync(path, `not json ${start}\n${lines.join("")}`);
        return path;
      });
      const cut = {
        shards: [
          [0, 1],
          [1, 3],
          [3, 4],
        ],
        buckets: 3,
        chunkTexts: 7,
        workers: 2,
        blockVectors: 9,
      } as const;
      const flags = { endpoint: server.url, cache: "none", threshold: 0.9, threads: 1 };
      const many = await assertSameRun("refused", inputs, flags, cut);
      const { counts } = manifestOf(many) as { readonly counts: Readonly<Record<string, number>> };
      assert.equal(counts.rejected, 4 + 5);
    } finally {
      await server.kill();
    }
  });

  it("completes a publication that was killed in the middle, and repeats one whose marker is missing", async () => {
    const path = join(folder, "killed.jsonl");
    writeFileSync(path, ["one text", "one text", "another"].map((text) => `${JSON.stringify({ text })}\n`).join(""));
    const one = join(folder, "killed-one");
    const many = join(folder, "killed-many");
    const flags: DedupFlags = { cache: "none", threads: 1, format: ["arrow", "jsonl"] };
    await onOneMachine([path], { ...flags, out: one });
    const cut = { shards: [[0, 1]], buckets: 1, chunkTexts: 9, workers: 1 } as const;
    const run = { flags: { ...flags, out: many }, inputs: [path], cut };
    const fortune = { random: seededRandom(5), twice: 0, killed: 0 };
    const before = STAGES.filter(({ name }) => name !== "publish");
    const folderOfRun = await doAtRandom({ ...run, stages: before, fortune });
    const options = dedupOptions(run.flags, run.inputs);
    const publish = STAGES.filter(({ name }) => name === "publish")[0];
    const given = {
      plan: folderOfRun.plan,
      options,
      index: 0,
      tasks: folderOfRun,
      path: () => "",
      reporter: timedReporter(silent),
    };
    await publish.run(given);
    // As a kill after the first moves leaves it: the plan, and some files that have not moved yet.
    const area = join(many, ".work");
    const files = [...Object.keys(outputBytes(one)), "manifest.json"];
    for (const name of files.slice(2)) renameSync(join(many, name), join(area, name));
    writeFileSync(join(area, "publish.json"), JSON.stringify({ files, stale: [] }));
    await runTask(folderOfRun, publish, 0, { options, reporter: timedReporter(silent) });
    await tidyUp(folderOfRun);
    await assertSame(one, many);
  });
});
