import { randomUUID } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { verdictOf } from "../../src/cli/exit-code.js";
import type { StageFacts, StageName } from "../../src/engine/facts.js";
import { planHash, type RunPlan } from "../../src/engine/plan.js";
import { openRunFolder, type RunFolder, writePlan } from "../../src/engine/run-folder.js";
import type { Phase, Stage, TaskContext } from "../../src/engine/stage.js";
import type { Waits } from "../../src/engine/work/waits.js";
import type { WorkerOptions } from "../../src/engine/work/worker.js";
import { BrakeError, FailedRunError } from "../../src/errors.js";
import { dedupOptions } from "../../src/run/flags/dedup.js";
import { VERSION } from "../../src/run/work/manifest.js";

/** What the stages of a fake run are to do, kept in the plan, so that other processes know it. */
export interface Fake {
  /** Tasks that read, and tasks that join. */
  readonly readers: number;
  readonly blocks: number;
  /** Milliseconds of a task. */
  readonly slow?: number;
  /** Tasks, as read-3, that fail their first attempts with exit code 1, and how many of them. */
  readonly fails?: Readonly<Record<string, number>>;
  /** Task that hits a brake. */
  readonly brake?: string;
  /** Task that kills its process, and how often. */
  readonly dies?: Readonly<Record<string, number>>;
}

/** Short waits, for tests. */
export const SHORT: Waits = { least: 4, most: 40, watch: 40, patience: 400 };

/** A folder for the tests of a file, removed after them. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "bge-engine-"));
  after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A plan whose stages are `fakeStages`. The log of attempts lies beside `out`. */
export function fakePlan(fake: Fake, cwd: string, workers = 3): RunPlan {
  const files = [{ name: "rows.jsonl", bytes: 1 }];
  return {
    version: VERSION,
    cwd,
    flags: {},
    inputs: [JSON.stringify(fake)],
    files,
    shards: [[0, 1]],
    buckets: 1,
    chunkTexts: 1,
    workers,
  };
}

/** Plans a fake run in a new folder below `root`. */
export async function planFake(root: string, fake: Fake, workers?: number): Promise<RunFolder> {
  const cwd = join(root, randomUUID().slice(0, 8));
  mkdirSync(join(cwd, "log"), { recursive: true });
  const plan = fakePlan(fake, cwd, workers);
  await writePlan(join(cwd, "out"), plan);
  return openRunFolder(join(cwd, "out"), plan, 100);
}

/** A worker's options for a fake run. */
export function workerOn(folder: RunFolder, notes: string[] = []): WorkerOptions {
  const reporter = { stage: () => ({ advance() {}, end() {} }), note: (message: string) => void notes.push(message) };
  return { folder, stages: STAGES, options: dedupOptions({}, ["x"]), reporter, verdictOf, waits: SHORT };
}

/** The attempts at tasks so far, in their order, as `read-3`. */
export const attempts = (folder: RunFolder) =>
  existsSync(join(folder.plan.cwd, "log", "attempts"))
    ? readFileSync(join(folder.plan.cwd, "log", "attempts"), "utf8")
        .trim()
        .split("\n")
    : [];

/** The claims that lie in the run folder. */
export const claims = (folder: RunFolder) =>
  existsSync(folder.path("claims")) ? readdirSync(folder.path("claims")) : [];

/** The result of a fake run, computed at once: the sum of squares of what was read, as often as the blocks add it. */
export function expected({ readers, blocks }: Fake): string {
  let sum = 0;
  for (let i = 0; i < readers; i++) sum += i * i;
  return String(sum * blocks);
}

/** What every task does first: it tells of its attempt and does what the plan has in store for it. */
async function begin({ plan, index, signal }: TaskContext, stage: StageName): Promise<Fake> {
  const fake = JSON.parse(plan.inputs[0]) as Fake;
  const key = `${stage}-${index}`;
  const log = join(plan.cwd, "log", "attempts");
  appendFileSync(log, `${key}\n`);
  if (fake.slow !== undefined) await sleep(fake.slow, undefined, { signal });
  if (fake.brake === key) throw new BrakeError("too many rows would go", { limit: "max_removed", rows: 7 });
  const nth = readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line === key).length;
  if (nth <= (fake.dies?.[key] ?? 0)) process.kill(process.pid, "SIGKILL");
  if (nth <= (fake.fails?.[key] ?? 0)) throw new FailedRunError(`the disk of attempt ${nth} was full`);
  return fake;
}

function stage<Name extends StageName>(
  name: Name,
  phase: Phase,
  rest: Pick<Stage<Name>, "after" | "count" | "needs"> & {
    run: (context: TaskContext, fake: Fake) => Promise<Partial<StageFacts[Name]>>;
  },
): Stage {
  const { run, ...others } = rest;
  return {
    name,
    phase,
    ...others,
    run: async (context) => (await run(context, await begin(context, name))) as StageFacts[Name],
  } as Stage<Name> as unknown as Stage;
}

const fakeOf = (plan: RunPlan) => JSON.parse(plan.inputs[0]) as Fake;
const numberIn = async (path: string) => Number(await readFile(path, "utf8"));

/**
 * Small stages whose tasks depend on one another as those of a run do: `read` writes squares, `order` adds them up and
 * says how many blocks there are, `decide` adds that to the block before, `drop` follows its decide, `publish` puts the
 * last block into the output folder.
 */
export const STAGES: readonly Stage[] = [
  stage("read", "read", {
    after: [],
    count: async (plan) => fakeOf(plan).readers,
    async run({ index, path }) {
      await writeFile(path("square"), String(index * index));
      return { records: 10 };
    },
  }),
  stage("order", "join", {
    after: ["read"],
    count: async () => 1,
    async run({ tasks, path }, { readers, blocks }) {
      const read = await tasks.all("read", readers);
      let sum = 0;
      for (const task of read) sum += await numberIn(task.path("square"));
      await writeFile(path("sum"), String(sum));
      return { blocks };
    },
  }),
  stage("decide", "join", {
    after: ["order"],
    count: async (_, tasks) => (await tasks.get("order", 0)).facts.blocks,
    needs: async (index) => (index === 0 ? [] : [["decide", index - 1]]),
    async run({ index, tasks, path }) {
      const sum = await numberIn((await tasks.get("order", 0)).path("sum"));
      const before = index === 0 ? 0 : await numberIn((await tasks.get("decide", index - 1)).path("parts/sum"));
      await writeFile(path("parts/sum"), String(sum + before));
      return { kept: 1, removed: 1 };
    },
  }),
  stage("drop", "join", {
    after: ["order"],
    count: async (_, tasks) => (await tasks.get("order", 0)).facts.blocks,
    needs: async (index) => [["decide", index]],
    async run({ index, tasks }) {
      await tasks.get("decide", index);
      return { removed: 1 };
    },
  }),
  stage("publish", "write", {
    after: ["decide", "drop"],
    count: async () => 1,
    async run({ plan, tasks }, { blocks }) {
      const last = await readFile((await tasks.get("decide", blocks - 1)).path("parts/sum"), "utf8");
      const out = join(plan.cwd, "out");
      writeFileSync(join(out, "kept"), last);
      const manifest = { version: VERSION, counts: { read: 3, kept: 2, removed: 1, rejected: 0 } };
      writeFileSync(join(out, "manifest.json"), JSON.stringify({ ...manifest, engine: { plan: planHash(plan) } }));
      return { files: ["kept"] };
    },
  }),
];
