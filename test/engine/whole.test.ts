import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { STAGES } from "../../src/engine/stages.js";
import { type Random, seededRandom } from "../../src/random.js";
import { runDedup } from "../../src/run/dedup.js";
import { type DedupFlags, dedupOptions } from "../../src/run/flags/dedup.js";
import { outputBytes, silent, testFolder, verify } from "../run/folders.js";
import { randomCorpus } from "./corpus.js";
import { randomCut, runAtRandom } from "./tasks-at-random.js";

/** Number of random runs; more of them by BGE_ROUNDS. The first one has the seed BGE_SEED. */
const ROUNDS = Number(process.env.BGE_ROUNDS ?? 5);
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
});
