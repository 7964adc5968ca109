import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { formatStatus } from "../../src/cli/engine/status-table.js";
import { columnsOf } from "../../src/cli/text-width.js";
import type { RunFolder } from "../../src/engine/run-folder.js";
import { runStatus } from "../../src/engine/status.js";
import { Failures } from "../../src/engine/work/failures.js";
import { runWorker } from "../../src/engine/work/worker.js";
import { InputError } from "../../src/errors.js";
import { thisSystem } from "../../src/io/lock-holder.js";
import { attempts, planFake, STAGES, testFolder, workerOn } from "./fake-run.js";

const root = testFolder();
const statusOf = (folder: RunFolder) => runStatus(folder.out, { stages: STAGES, watch: 50 });

/** Marks tasks as done without doing them, each in so many seconds. */
function mark(folder: RunFolder, stage: string, indices: readonly number[], facts: object, seconds: number): void {
  mkdirSync(folder.path("tasks", stage), { recursive: true });
  for (const index of indices) {
    const marker = { plan: folder.hash, folder: "x", files: {}, facts, seconds, host: "node1" };
    writeFileSync(folder.path("tasks", stage, `${index}.json`), JSON.stringify(marker));
  }
}

/** Claims a task for a process: this one, or one that is gone. */
function claim(folder: RunFolder, key: string, pid: number, started: string): void {
  mkdirSync(folder.path("claims"), { recursive: true });
  const holder = { pid, started, system: thisSystem(), since: "2026-01-01T00:00:00.000Z" };
  writeFileSync(folder.path("claims", key), JSON.stringify(holder));
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe("the status of a run", () => {
  it("counts what is done, running, failed and waiting, and tells rate and time left from that", async () => {
    const folder = await planFake(root, { readers: 100, blocks: 4 });
    mark(folder, "read", numbers(0, 40), { records: 600 }, 3);
    const { startOfProcess } = await import("../../src/io/lock-holder.js");
    claim(folder, "read-40", process.pid, startOfProcess(process.pid) as string);
    claim(folder, "read-41", process.pid, startOfProcess(process.pid) as string);
    claim(folder, "read-42", 2 ** 22 + 1, "1");
    await new Failures(folder.path("failures")).add(
      { stage: "read", index: 50 },
      { kind: "failed", message: "odd", exitCode: 1 },
    );
    await new Failures(folder.path("failures")).add(
      { stage: "read", index: 3 },
      { kind: "failed", message: "mended", exitCode: 1 },
    );
    const status = await statusOf(folder);
    assert.deepEqual([status.state, status.hosts.map(({ workers }) => workers)], ["working", [2]]);
    const [read, order] = status.stages;
    assert.deepEqual(
      [read.tasks, read.done, read.running, read.failed, read.waiting, read.seconds],
      [100, 40, 2, 1, 57, 120],
    );
    // Two workers of three seconds a task, and 600 rows in each.
    assert.deepEqual(read.rate, { tasks_per_minute: 40, amount_per_second: 400 });
    assert.equal(read.seconds_left, 90);
    assert.deepEqual(read.amount, { unit: "rows", done: 24_000 });
    assert.deepEqual([order.tasks, order.done, order.waiting], [null, 0, null]);
    assert.deepEqual(
      status.failures.map(({ index, message }) => [index, message]),
      [[50, "odd"]],
    );
  });

  it("says what ended the run, and what to do", async () => {
    const folder = await planFake(root, { readers: 2, blocks: 1, brake: "order-0" });
    await assert.rejects(runWorker(workerOn(folder)));
    const status = await statusOf(folder);
    assert.deepEqual([status.state, status.error], ["failed", { message: "too many rows would go", exit_code: 4 }]);
    const text = formatStatus(status, 80);
    assert.match(text, /failed; 2 of 3 or more tasks done/);
    assert.match(text, /error: too many rows would go\n.*give the command again/s);
  });

  it("is finished once the result is there, with its rows", async () => {
    const folder = await planFake(root, { readers: 2, blocks: 1 });
    await runWorker(workerOn(folder));
    const status = await statusOf(folder);
    assert.deepEqual([status.state, status.counts?.kept], ["finished", 2]);
    assert.match(formatStatus(status, 80), / is finished: 3 rows, 2 kept, 1 removed, 0 rejected\n$/);
  });

  it("tells which tasks embedded on another kind of processor", async () => {
    const folder = await planFake(root, { readers: 1, blocks: 1 });
    const embed = { ...STAGES[0], name: "embed" as const, count: async () => 3 };
    const kind = { device: "cpu", processor: "EPYC", probe: "a" };
    mark(folder, "embed", [0, 1], { vectors: 5, kind }, 1);
    const same = await runStatus(folder.out, { stages: [embed as never], watch: 50 });
    assert.equal(same.warnings, undefined);
    mark(folder, "embed", [2], { vectors: 5, kind: { ...kind, processor: "Xeon", probe: "b" } }, 1);
    const status = await runStatus(folder.out, { stages: [embed as never], watch: 50 });
    const words =
      "task 2 on host node1 embedded on another kind of processor (Xeon) than task 0 (EPYC): its vectors may differ in their last bits";
    assert.deepEqual(status.warnings, [words]);
    assert.ok(formatStatus(status, 80).replace(/\s+/g, " ").includes(` warning: ${words}`));
  });

  it("of a folder without a run says how to plan one", async () => {
    mkdirSync(join(root, "empty"));
    await assert.rejects(runStatus(join(root, "empty"), { stages: STAGES }), (error: Error) => {
      return (
        error instanceof InputError &&
        /neither a planned run nor a result; plan one with bge-dedup plan/.test(error.message)
      );
    });
  });

  it("fits into 80 columns, whatever its numbers", async () => {
    const folder = await planFake(root, { readers: 100_000, blocks: 4, slow: 60_000 });
    mark(folder, "read", numbers(0, 300), { records: 1e12 }, 100);
    const controller = new AbortController();
    const working = runWorker({ ...workerOn(folder), signal: controller.signal });
    while (attempts(folder).length === 0) await sleep(5);
    const failures = new Failures(folder.path("failures"));
    await failures.add(
      { stage: "read", index: 5000 },
      { kind: "failed", message: "a long word ".repeat(30), exitCode: 1 },
    );
    const text = formatStatus(await statusOf(folder), 80);
    controller.abort();
    await assert.rejects(working);
    assert.match(text, /^.*out: 300 of 100,000 or more tasks done\n1 worker at work on .+\n\n/);
    for (const line of text.split("\n")) assert.ok(columnsOf(line) <= 80, line);
    assert.match(text, /read {2,}300 of 100,000 {2,}1 {2,}1 {2,}99,698 {2,}10,000 M rows\/s {2,}2769h/);
  });
});
