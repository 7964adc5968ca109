import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cutOfJoin, partsOfDrop } from "../../src/engine/join/cut.js";
import { readOutcome } from "../../src/engine/join/outcome.js";
import type { RunFolder } from "../../src/engine/run-folder.js";
import type { JoinResult } from "../../src/join/judge.js";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { doTask, type JoinCase, type JoinTask, joinTasks, openRun, writeBeforeJoin } from "../engine/join-run.js";
import { arrayReader } from "../join/vectors.js";
import { assertSameNumbers } from "../oracles/same-numbers.js";
import {
  criticalPath,
  fitCost,
  makespan,
  modelledTasks,
  type ScheduledTask,
  type TaskWork,
} from "./engine-schedule.js";
import { type Geometry, loadVectors } from "./material/vectors.js";
import { openTable } from "./table/record.js";
import { shapeOf } from "./table/table.js";

/**
 * What cutting the join into tasks costs, and how many workers could share it. One thread does all tasks of a cut, one after
 * the other, and for comparison a single self-join over the same vectors before and after; the outcomes must be equal.
 * From the seconds of the tasks follows when a number of workers would be done.
 *
 *   node dist/test/bench/engine-join.js --rows 50000 --dim 1024 --geometry bge --blocks 4096,16384 --groups 1,4,8
 *   node dist/test/bench/engine-join.js --store bge-out/embeddings.arrow --threshold 0.95
 *
 *     cost      processor seconds of all tasks over those of one self-join
 *     pairs     multiplied by the tasks, over those of a scan of all pairs, N²/2
 *     critical  share of one self-join's seconds that the longest chain of tasks takes
 *     W=n       efficiency of n workers: one self-join's seconds / (n · seconds until the last task is done)
 *
 * From all tasks follows what a task, a vector and a pair cost, and from these how any number of vectors would fare,
 * `--model 1000000,10000000`, of which none is removed, with so many blocks for each worker.
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "20000" },
    dim: { type: "string", default: "1024" },
    geometry: { type: "string", default: "bge" },
    threshold: { type: "string", default: "0.9" },
    store: { type: "string" },
    blocks: { type: "string" },
    groups: { type: "string", default: "1,2,4,8" },
    memory: { type: "string", default: "4" },
    overhead: { type: "string", default: "0" },
    model: { type: "string", default: "1000000,10000000,100000000" },
  },
});
const threshold = Number(flags.threshold);
const memory = Number(flags.memory) * 2 ** 30;
const overhead = Number(flags.overhead);
const WORKERS = [1, 2, 4, 8, 64];
const MODELLED = [2, 4, 8, 64];
const line = (cells: readonly string[]) => console.log(cells.map((cell) => cell.padStart(10)).join(""));

const table = await openTable({
  id: "engine-join",
  title: "What the cut of the join costs",
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "cosine", title: "cosine" },
    { key: "whole", title: "one self-join", unit: "processor s", digits: 2 },
    { key: "block", title: "block" },
    { key: "groups", title: "groups" },
    { key: "tasks", title: "tasks" },
    { key: "cost", title: "cost", digits: 2 },
    { key: "pairs", title: "pairs", digits: 3 },
    ...WORKERS.map((workers) => ({ key: `w${workers}`, title: `W=${workers}`, digits: 2 })),
  ],
});
const modelTable = await openTable({
  id: "engine-model",
  title: "Efficiency of the join, reckoned from what a task, a vector and a pair cost",
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "blocks", title: "blocks a worker" },
    ...MODELLED.map((workers) => ({ key: `w${workers}`, title: `W=${workers}` })),
  ],
});

/** Processor seconds and seconds by the clock that work takes. */
async function timed<T>(work: () => Promise<T>): Promise<{ result: T; cpu: number; wall: number }> {
  const [used, started] = [process.cpuUsage(), performance.now()];
  const result = await work();
  const { user, system } = process.cpuUsage(used);
  return { result, cpu: (user + system) / 1e6, wall: (performance.now() - started) / 1000 };
}

async function joinWhole({ values, dim, order }: JoinCase): Promise<JoinResult> {
  const engine = createOrtEngine({ threads: 1 });
  return selfJoin({ vectors: arrayReader(values, dim), order, threshold, engine, memory });
}

/** The tasks in an order in which one worker may do them, with what each waits for. */
async function inOrder(folder: RunFolder): Promise<{ task: JoinTask; name: string; needs: string[] }[]> {
  const waiting = await Promise.all(
    (await joinTasks(folder)).map(async (task) => {
      const [stage, index] = task;
      const needs = (await stage.needs?.(index, folder.plan, folder)) ?? [];
      return { task, name: `${stage.name} ${index}`, needs: needs.map((need) => need.join(" ")) };
    }),
  );
  const done = new Set<string>();
  const sorted: typeof waiting = [];
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ needs }) => needs.every((need) => done.has(need)));
    const [entry] = waiting.splice(next, 1);
    done.add(entry.name);
    sorted.push(entry);
  }
  return sorted;
}

/** Pairs that the tasks multiply at most, by the outcome: a removed row leaves at the latest with the task that removes it. */
function pairsOf({ keptBy }: JoinResult, blockVectors: number): number {
  const blocks = Math.ceil(keptBy.length / blockVectors);
  const keptBefore = new Float64Array(blocks + 1);
  for (let row = 0; row < keptBy.length; row++) if (keptBy[row] < 0) keptBefore[Math.floor(row / blockVectors) + 1]++;
  for (let block = 0; block < blocks; block++) keptBefore[block + 1] += keptBefore[block];
  let pairs = 0;
  for (let row = 0, own = 0; row < keptBy.length; row++) {
    const block = Math.floor(row / blockVectors);
    if (row % blockVectors === 0) own = 0;
    const removedBy = keptBy[row] < 0 ? block : Math.floor(keptBy[row] / blockVectors);
    pairs += removedBy < block ? keptBefore[removedBy + 1] : keptBefore[block] + own;
    if (keptBy[row] < 0) own++;
  }
  return pairs;
}

/** Vectors and pairs of a finished task. */
async function workOf(run: RunFolder, [{ name }, index]: JoinTask, seconds: number): Promise<TaskWork> {
  const { removed, kept } = (await run.get(name, index)).facts;
  const rows = removed + kept;
  const { facts: order } = await run.get("order", 0);
  const before = name === "drop" ? partsOfDrop(index, order).block : index - 1;
  const columns = before < 0 ? 0 : (await run.get("decide", before)).facts.kept;
  return { vectors: rows + columns, pairs: rows * (columns + (name === "decide" ? kept / 2 : 0)), seconds };
}

/** Efficiencies of workers for numbers of vectors that take too long to join here. */
function printModel(works: readonly TaskWork[]): void {
  const cost = fitCost(works);
  const [ms, us, ns] = [1e3 * cost.task, 1e6 * cost.vector, 1e9 * cost.pair].map((value) => value.toFixed(2));
  modelTable.note(`A task takes ${ms} ms, a vector ${us} µs, a pair ${ns} ns on one thread.`);
  console.log(`a task takes ${ms} ms, a vector ${us} us, a pair ${ns} ns on one thread`);
  line(["vectors", "a worker", ...MODELLED.map((workers) => `W=${workers}`)]);
  for (const vectors of flags.model.split(",").map(Number)) {
    const whole = cost.task + cost.vector * vectors + (cost.pair * vectors ** 2) / 2;
    for (const blocks of [2, 3, 4, 6, 8]) {
      const cells = MODELLED.map((workers) => {
        const blockVectors = Math.ceil(vectors / (blocks * workers));
        const tasks = modelledTasks(cutOfJoin({ vectors, workers, blockVectors }), cost);
        return (whole / workers / makespan(tasks, workers, overhead)).toFixed(2);
      });
      line([`${vectors}`, `${blocks}`, ...cells]);
      const byWorkers = Object.fromEntries(MODELLED.map((workers, i) => [`w${workers}`, cells[i]]));
      modelTable.add(`${vectors}-${blocks}`, { vectors, blocks, ...byWorkers });
    }
  }
}

const { values, dim } = await loadVectors({
  store: flags.store,
  geometry: flags.geometry as Geometry,
  rows: Number(flags.rows),
  dim: Number(flags.dim),
});
const count = values.length / dim;
const one: JoinCase = { values, dim, threshold, order: Uint32Array.from({ length: count }).map((_, i) => i) };
const folder = await mkdtemp(join(tmpdir(), "engine-join-"));
try {
  await joinWhole(one);
  let before = await timed(() => joinWhole(one));
  const { measured: _, ...expected } = before.result;
  const removed = expected.keptBy.filter((by) => by >= 0).length;
  console.log(`${flags.store ?? flags.geometry}, ${count} x ${dim}, threshold ${threshold}`);
  console.log(`${removed} removed; one self-join on one thread: ${before.cpu.toFixed(2)} CPU s`);
  line(["block", "groups", "tasks", "cost", "pairs", "decide", "critical", ...WORKERS.map((w) => `W=${w}`)]);
  const works: TaskWork[] = [];
  const sizes = flags.blocks?.split(",").map(Number);
  for (const groups of flags.groups.split(",").map(Number)) {
    for (const chosen of sizes ?? [cutOfJoin({ vectors: count, workers: groups }).blockVectors]) {
      const out = join(folder, `${chosen}-${groups}`);
      const cut = cutOfJoin({ vectors: count, workers: groups, blockVectors: chosen });
      await writeBeforeJoin(out, one, { ...cut, embedded: [count] });
      const run = openRun(out);
      const tasks: ScheduledTask[] = [];
      let cpu = 0;
      const sorted = await inOrder(run);
      // With its first task a process learns codes, once for a run, which a long run does not notice.
      await doTask(run, sorted[0].task, { threads: 1, memory });
      for (const { task, name, needs } of sorted) {
        const used = await timed(() => doTask(run, task, { threads: 1, memory }));
        cpu += used.cpu;
        tasks.push({ name, needs, seconds: used.cpu });
        works.push(await workOf(run, task, used.cpu));
      }
      const { measured, ...outcome } = await readOutcome(run);
      assert.ok(measured >= 0);
      assertSameNumbers(outcome, expected, "outcome of the tasks");
      const afterwards = await timed(() => joinWhole(one));
      // The machine may be shared: the self-joins beside the tasks are what they are compared with.
      const whole = (before.cpu + afterwards.cpu) / 2;
      before = afterwards;
      const decide = tasks
        .filter(({ name }) => name.startsWith("decide"))
        .reduce((sum, { seconds }) => sum + seconds, 0);
      line([
        `${cut.blockVectors}`,
        `${cut.rowGroups}`,
        `${tasks.length}`,
        (cpu / whole).toFixed(2),
        (pairsOf(afterwards.result, cut.blockVectors) / (count ** 2 / 2)).toFixed(3),
        (decide / whole).toFixed(2),
        (criticalPath(tasks) / whole).toFixed(2),
        ...WORKERS.map((workers) => (whole / workers / makespan(tasks, workers, overhead)).toFixed(2)),
      ]);
      const source = flags.store === undefined ? flags.geometry : "store";
      table.add(`${count}x${dim}-${source}-${threshold}-${cut.blockVectors}-${cut.rowGroups}`, {
        vectors: `${shapeOf(count, dim)}, ${source}`,
        ...{ cosine: threshold, whole, block: cut.blockVectors, groups: cut.rowGroups, tasks: tasks.length },
        ...{ cost: cpu / whole, pairs: pairsOf(afterwards.result, cut.blockVectors) / (count ** 2 / 2) },
        ...Object.fromEntries(WORKERS.map((n) => [`w${n}`, whole / n / makespan(tasks, n, overhead)])),
      });
      await rm(out, { recursive: true });
    }
  }
  table.check("the outcome of the tasks is that of one self-join");
  printModel(works);
  table.write();
  modelTable.write();
} finally {
  await rm(folder, { recursive: true });
}
