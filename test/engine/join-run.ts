import assert from "node:assert/strict";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StageFacts, StageName } from "../../src/engine/facts.js";
import type { JoinCut } from "../../src/engine/join/cut.js";
import { decide } from "../../src/engine/join/decide.js";
import { against, drop } from "../../src/engine/join/drop.js";
import type { RunPlan } from "../../src/engine/plan.js";
import { openRunFolder, type RunFolder } from "../../src/engine/run-folder.js";
import { runTask } from "../../src/engine/work/task.js";
import { writeColumns } from "../../src/io/arrow/number-table.js";
import { type TimedReporter, timedReporter } from "../../src/reporter.js";
import type { DedupOptions } from "../../src/run/options.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import type { NaiveReferences } from "../join/oracle.js";

/** Vectors of a run as one join would get them. */
export interface JoinCase {
  readonly values: Float32Array;
  readonly dim: number;
  readonly threshold: number;
  readonly order: Uint32Array;
  readonly signatures?: BigUint64Array;
  readonly references?: NaiveReferences;
}

/** How the vectors of a run are cut: for the tasks of embed, and for those of the join. */
export interface RunCut extends JoinCut {
  /** Vectors that each task of embed has made. */
  readonly embedded: readonly number[];
}

/** Writes what the stages before the join leave; the references lie in two folders. */
export async function writeBeforeJoin(out: string, one: JoinCase, cut: RunCut): Promise<RunFolder> {
  const { values, dim, threshold, order, signatures, references } = one;
  await mkdir(out, { recursive: true });
  const folder = openRun(out);
  const firstVectors = [0];
  for (const [task, count] of cut.embedded.entries()) {
    const first = firstVectors[task];
    firstVectors.push(first + count);
    const embed = await folder.begin("embed", task);
    const own = values.subarray(first * dim, (first + count) * dim);
    if (count > 0) await writeStore(embed.path("vectors.arrow"), dim, own);
    await embed.finish({ vectors: count, dim } as StageFacts["embed"]);
  }
  const ordered = await folder.begin("order", 0);
  const parts = Array.from({ length: cut.blocks }, (_, block) =>
    rowColumns(order.slice(block * cut.blockVectors, (block + 1) * cut.blockVectors), signatures),
  );
  if (parts.length > 0) await writeColumns(ordered.path("priority.arrow"), ...parts);
  await ordered.finish({ ...cut, dim, threshold, firstVectors } as unknown as StageFacts["order"]);
  const number = await folder.begin("number", 0);
  const facts = {} as StageFacts["number"];
  if (references === undefined) await number.finish(facts);
  else {
    const stores = [join(out, "first.arrow"), join(out, "second.arrow")];
    const half = dim * Math.ceil(references.values.length / dim / 2);
    await writeStore(stores[0], dim, references.values.subarray(0, half));
    await writeStore(stores[1], dim, references.values.subarray(half));
    await writeColumns(number.path("references.arrow"), rowColumns(references.order, references.signatures));
    await number.finish({ ...facts, references: { stores, vectors: references.order.length } });
  }
  return folder;
}

/** Opens a run as another process would: what a process has learnt of it is not known. */
export function openRun(out: string): RunFolder {
  return openRunFolder(out, { version: "test", workers: 2, cwd: out, flags: {} } as unknown as RunPlan, 0);
}

function rowColumns(position: Uint32Array, signatures: BigUint64Array | undefined) {
  return { position, ...(signatures && { signature: BigUint64Array.from(position, (at) => signatures[at]) }) };
}

async function writeStore(path: string, dim: number, values: Float32Array): Promise<void> {
  const writer = await openVectorStoreWriter({ path, dim });
  await writer.append(new Uint32Array(values.length / dim), values);
  await writer.complete();
  await writer.close();
}

/** Stages of the join. */
const STAGES = [against, decide, drop] as const;

/** A task of the join. */
export type JoinTask = readonly [stage: (typeof STAGES)[number], index: number];

/** All tasks of the join. */
export async function joinTasks({ plan, ...folder }: RunFolder): Promise<JoinTask[]> {
  const tasks: JoinTask[] = [];
  for (const stage of STAGES) {
    const count = await stage.count(plan, folder);
    for (let index = 0; index < count; index++) tasks.push([stage, index]);
  }
  return tasks;
}

/** What a worker has for a task. */
export interface Given {
  readonly threads: number;
  readonly memory: number;
}

/** Does a task of the join. */
export async function doTask(folder: RunFolder, [stage, index]: JoinTask, given: Given): Promise<void> {
  const options = { ...given, device: "cpu" } as unknown as DedupOptions;
  await runTask(folder, stage as typeof drop, index, { options, reporter: silent() });
}

function silent(): TimedReporter {
  return timedReporter({ stage: () => ({ advance() {}, end() {} }), note() {} });
}

/**
 * Does all tasks of the join in a random order that their needs allow. Some are done again, and must write the same bytes.
 * @param pick returns a number in [0, 1)
 * @param next the run folder as the process that does the next task sees it, and what that process has
 */
export async function joinInRandomOrder(
  pick: () => number,
  next: () => { readonly folder: RunFolder; readonly given: Given },
  again = 0.2,
): Promise<void> {
  const { folder } = next();
  const waiting = await joinTasks(folder);
  const done = new Set<string>();
  while (waiting.length > 0) {
    const ready: number[] = [];
    for (const [i, [stage, index]] of waiting.entries()) {
      const needs = (await stage.needs?.(index, folder.plan, folder)) ?? [];
      if (needs.every(([name, of]: readonly [StageName, number]) => done.has(`${name} ${of}`))) ready.push(i);
    }
    assert.ok(ready.length > 0, `no task may start, ${waiting.length} wait`);
    const [task] = waiting.splice(ready[Math.floor(pick() * ready.length)], 1);
    const process = next();
    await doTask(process.folder, task, process.given);
    const [{ name }, index] = task;
    done.add(`${name} ${index}`);
    if (pick() >= again) continue;
    const other = next();
    await doTask(other.folder, task, other.given);
    await assertSameBytes(folder, name, index);
  }
}

/** Fails unless all attempts at a task wrote the same bytes. */
async function assertSameBytes(folder: RunFolder, stage: StageName, index: number): Promise<void> {
  const above = folder.path("tasks", stage);
  const attempts = (await readdir(above)).filter((name) => name.startsWith(`${index}-`));
  assert.equal(attempts.length, 2);
  const [first, second] = await Promise.all(
    attempts.map(async (attempt) => {
      const names = (await readdir(join(above, attempt))).filter((name) => name.endsWith(".arrow"));
      return Promise.all(names.map(async (name) => [name, await readFile(join(above, attempt, name), "latin1")]));
    }),
  );
  assert.ok(first.length > 0);
  assert.deepEqual(second, first);
}
