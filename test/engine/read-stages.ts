import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { exact } from "../../src/engine/read/exact.js";
import { number } from "../../src/engine/read/number.js";
import { read } from "../../src/engine/read/read.js";
import { openRunFolder, type RunFolder, writePlan } from "../../src/engine/run-folder.js";
import { runTask } from "../../src/engine/work/task.js";
import type { KnownTexts } from "../../src/exact/exact.js";
import { orderFieldOf } from "../../src/exact/priority.js";
import { exactDecisions } from "../../src/exact/winners.js";
import { createRejectsWriter } from "../../src/io/rejects.js";
import { sourcesSchema } from "../../src/io/schema/source-schema.js";
import { timedReporter } from "../../src/reporter.js";
import type { DedupOptions } from "../../src/run/options.js";
import { checkInputs } from "../../src/run/read/check-inputs.js";
import { guardSignatures } from "../../src/run/read/guard-signatures.js";
import { openInputs } from "../../src/run/read/open-inputs.js";
import { createRowIndex, readTexts } from "../../src/run/read/read-texts.js";
import { misfitOf } from "../../src/run/write/outputs.js";
import { noting, silent } from "../run/folders.js";

/** How the files of a run are cut. */
export interface Cut {
  /** Number of files of each shard. */
  readonly shards: readonly number[];
  readonly buckets: number;
  readonly chunkTexts: number;
}

/**
 * Runs the stages read, exact and number over files, the tasks of a stage in the order that `shuffle` gives.
 * @returns the finished tasks, and what the numbering noted
 * @throws what the first task that fails throws
 */
export async function readStages(
  options: DedupOptions,
  cut: Cut,
  shuffle: (count: number) => number[] = (count) => Array.from({ length: count }, (_, i) => i),
): Promise<{ readonly tasks: RunFolder; readonly notes: readonly string[] }> {
  let start = 0;
  const shards = cut.shards.map((count): [number, number] => {
    start += count;
    return [start - count, start];
  });
  const files = options.inputs.map((name) => ({ name, bytes: 0 }));
  const plan = {
    version: "test",
    cwd: process.cwd(),
    flags: {},
    inputs: options.inputs,
    files,
    shards,
    buckets: cut.buckets,
    chunkTexts: cut.chunkTexts,
    workers: 2,
  };
  await writePlan(options.out, plan);
  const tasks = openRunFolder(options.out, plan, 0);
  const reporter = noting();
  for (const stage of [read, exact, number]) {
    for (const index of shuffle(await stage.count(plan, tasks))) {
      await runTask(tasks, stage as typeof read, index, { options, reporter: timedReporter(reporter) });
    }
  }
  return { tasks, notes: reporter.notes };
}

/** The first pass on one machine. @throws what `bge-dedup` ends with before it needs a model */
export async function oneMachine(options: DedupOptions, known?: KnownTexts) {
  const reporter = noting();
  const context = { reporter, stdin: Readable.from([]) };
  const files = await openInputs(options, join(options.out, "copies"), context);
  const orderField = orderFieldOf(options.keep);
  const misfit = await misfitOf(options.formats);
  await checkInputs({ files, shared: options, orderField, misfit, reporter });
  const sources = files.map(({ source }) => source);
  const index = createRowIndex({ keep: options.keep, known });
  const guards = await guardSignatures(options.guards);
  mkdirSync(options.out, { recursive: true });
  const rejectsPath = join(options.out, "one-machine.jsonl");
  writeFileSync(rejectsPath, "");
  const rejects = createRejectsWriter(rejectsPath);
  const { textFields, vectorField } = options;
  const stage = silent.stage("read", 0);
  const reading = {
    sources,
    textFields,
    vectorField,
    index,
    rejects,
    windowChars: 2 ** 20,
    onGroup: guards.add,
    stage,
  };
  const texts: string[] = [];
  const vectors: number[][] = [];
  for await (const window of readTexts(reading)) {
    texts.push(...window.texts);
    for (const vector of window.vectors ?? []) vectors.push([...vector]);
  }
  await rejects.finish();
  const { exact: found, order } = index;
  const groups = Int32Array.from({ length: found.counts.groups }, (_, group) => group);
  return {
    index,
    sources,
    texts,
    vectors,
    rejects: readFileSync(rejectsPath, "utf8"),
    ...exactDecisions(found, (a, b) => order.compare(a, b)),
    signatures: guards.of(groups),
    schema: await sourcesSchema(sources, options),
    notes: reporter.notes,
  };
}
