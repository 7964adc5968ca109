import type { StageName } from "../../src/engine/facts.js";
import type { RunPlan } from "../../src/engine/plan.js";
import { openRunFolder, type RunFolder, writePlan } from "../../src/engine/run-folder.js";
import type { Stage } from "../../src/engine/stage.js";
import { tidyUp } from "../../src/engine/work/plan-watch.js";
import { runTask } from "../../src/engine/work/task.js";
import { below, type Random } from "../../src/random.js";
import { timedReporter } from "../../src/reporter.js";
import { type DedupFlags, dedupOptions } from "../../src/run/flags/dedup.js";
import type { DedupOptions } from "../../src/run/options.js";
import { silent } from "../run/folders.js";

/** How a run is cut into tasks. */
export interface Cut {
  readonly shards: RunPlan["shards"];
  readonly buckets: number;
  readonly chunkTexts: number;
  readonly workers: number;
  readonly blockVectors?: number;
}

/** A random cut of so many files. */
export function randomCut(files: number, random: Random): Cut {
  const shards: [number, number][] = [];
  for (let start = 0; start < files; ) {
    const end = start + 1 + below(random, files - start);
    shards.push([start, end]);
    start = end;
  }
  return {
    shards,
    buckets: 1 + below(random, 4),
    chunkTexts: 1 + below(random, random() < 0.5 ? 5 : 40),
    workers: 1 + below(random, 4),
    ...(random() < 0.8 ? { blockVectors: 4 + below(random, 24) } : {}),
  };
}

/** How the tasks of a run come to be done. */
export interface Fortune {
  readonly random: Random;
  /** Share of the tasks that are done a second time, and of those that are killed in the middle before they are done. */
  readonly twice: number;
  readonly killed: number;
}

/** A run to do. */
export interface RandomRun {
  readonly stages: readonly Stage[];
  readonly flags: DedupFlags & { readonly out: string };
  readonly inputs: readonly string[];
  readonly cut: Cut;
  readonly fortune: Fortune;
}

/**
 * Plans a run, does its tasks one after the other, in a random order that their needs allow, and removes them. A killed
 * task is a first attempt that ends at one of its files, with everything that it has written left behind.
 * @throws what the first task that fails throws
 */
export async function runAtRandom(run: RandomRun): Promise<void> {
  await tidyUp(await doAtRandom(run));
}

/** As `runAtRandom`, but the tasks stay. @returns the run folder */
export async function doAtRandom({ stages, flags, inputs, cut, fortune }: RandomRun): Promise<RunFolder> {
  const files = inputs.map((name) => ({ name, bytes: 0 }));
  const plan: RunPlan = { version: "test", cwd: process.cwd(), flags, inputs, files, ...cut };
  await writePlan(flags.out, plan);
  const folder = openRunFolder(flags.out, plan, 0);
  try {
    await doTasks(folder, stages, fortune);
    return folder;
  } finally {
    for (const stage of stages) await stage.release?.();
  }
}

async function doTasks(folder: RunFolder, stages: readonly Stage[], { random, killed, twice }: Fortune): Promise<void> {
  const { flags, inputs } = folder.plan;
  for (;;) {
    const ready = await readyTasks(folder, stages);
    if (ready.length === 0) return;
    const { stage, index } = ready[below(random, ready.length)];
    const options = dedupOptions(flags, inputs);
    if (random() < killed) await killTask(folder, stage, index, options, 1 + below(random, 3));
    for (let times = random() < twice ? 2 : 1; times > 0; times--) {
      await runTask(folder, stage, index, { options, reporter: timedReporter(silent) });
    }
  }
}

/** The tasks that are not done and whose needs are. */
async function readyTasks(folder: RunFolder, stages: readonly Stage[]) {
  const complete = new Set<StageName>();
  const ready: { readonly stage: Stage; readonly index: number }[] = [];
  for (const stage of stages) {
    if (stage.after.some((name) => !complete.has(name))) continue;
    const count = await stage.count(folder.plan, folder);
    const marked = await folder.done(stage.name);
    if (marked.size === count) complete.add(stage.name);
    for (let index = 0; index < count; index++) {
      if (marked.has(index)) continue;
      const needs = (await stage.needs?.(index, folder.plan, folder)) ?? [];
      const found = await Promise.all(needs.map(([name, need]) => folder.marker(name, need)));
      if (!found.includes(undefined)) ready.push({ stage, index });
    }
  }
  return ready;
}

/** A kill, as far as a test within one process can have it: nothing after it happens in the attempt. */
class Killed extends Error {}

/** Begins a task and ends it when it asks for its file number `file`. What it has written stays where it is. */
async function killTask(
  folder: RunFolder,
  stage: Stage,
  index: number,
  options: DedupOptions,
  file: number,
): Promise<void> {
  const attempt = await folder.begin(stage.name, index);
  let files = 0;
  const path = (name: string) => {
    if (++files === file) throw new Killed();
    return attempt.path(name);
  };
  const given = { plan: folder.plan, options, index, tasks: folder, path, reporter: timedReporter(silent) };
  await stage.run(given).catch((error) => {
    if (!(error instanceof Killed)) throw error;
  });
}
