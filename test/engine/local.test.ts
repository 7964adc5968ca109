import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { WorkOrder } from "../../src/engine/executor.js";
import { local } from "../../src/engine/executors/local.js";
import { runByExecutor } from "../../src/engine/follow.js";
import type { RunFolder } from "../../src/engine/run-folder.js";
import { PHASES } from "../../src/engine/stage.js";
import { BrakeError, FailedRunError, UsageError } from "../../src/errors.js";
import type { Reporter } from "../../src/reporter.js";
import { attempts, claims, expected, type Fake, planFake, STAGES, testFolder } from "./fake-run.js";

const root = testFolder();
const WORKER = fileURLToPath(new URL("./fake-run-worker.js", import.meta.url));

/** Runs a fake run by two local workers. */
function run(folder: RunFolder, given: { signal?: AbortSignal; reporter?: Partial<Reporter>; program?: string } = {}) {
  const reporter = { stage: () => ({ advance() {}, end() {} }), note() {}, ...given.reporter };
  const order: WorkOrder = {
    name: "fake",
    folder: folder.out,
    cwd: folder.plan.cwd,
    workers: 2,
    phases: PHASES,
    engineArguments: [],
    environment: [],
    command: () => [process.execPath, given.program ?? WORKER, folder.out],
    note: reporter.note,
  };
  const signal = given.signal ?? new AbortController().signal;
  return runByExecutor({ folder, stages: STAGES, executor: local, order, reporter, signal });
}

/** Whether a process runs that was started with this folder. */
const hasWorkers = (folder: RunFolder) =>
  readdirSync("/proc").some((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`fake-run-worker.js\0${folder.out}`)
      );
    } catch {
      return false;
    }
  });

describe("local workers", () => {
  it("do a run to its end, and its stages have bars that fill", async () => {
    const fake: Fake = { readers: 8, blocks: 3 };
    const folder = await planFake(root, fake);
    const bars = new Map<string, { total: number; done: number; rows: number; ended: number }>();
    const stage: Reporter["stage"] = (name, total) => {
      const bar = { total, done: 0, rows: 0, ended: 0 };
      bars.set(name, bar);
      return {
        advance(done, rows = done) {
          assert.ok(done >= bar.done && done <= total);
          Object.assign(bar, { done, rows });
        },
        end: () => void bar.ended++,
      };
    };
    await run(folder, { reporter: { stage } });
    assert.equal(readFileSync(join(folder.out, "kept"), "utf8"), expected(fake));
    assert.equal(bars.get("read")?.total, 8);
    assert.ok([...bars.values()].every(({ ended }) => ended === 1));
    assert.equal(hasWorkers(folder), false);
  });

  it("are started again when a signal ends them in the middle of a task", async () => {
    const fake: Fake = { readers: 3, blocks: 2, dies: { "read-1": 2, "order-0": 1, "publish-0": 1 } };
    const folder = await planFake(root, fake);
    const notes: string[] = [];
    await run(folder, { reporter: { note: (message) => void notes.push(message) } });
    assert.equal(readFileSync(join(folder.out, "kept"), "utf8"), expected(fake));
    assert.equal(notes.filter((note) => /was ended by SIGKILL.*; it is started again/.test(note)).length, 4);
    assert.equal(attempts(folder).filter((task) => task === "read-1").length, 3);
  });

  it("that die of the same task over and over end the run with words", async () => {
    const folder = await planFake(root, { readers: 3, blocks: 1, dies: { "read-1": 99 } });
    await assert.rejects(run(folder), (error: Error) => {
      assert.ok(error instanceof FailedRunError);
      return /task 1 of read failed 5 times.*perhaps killed for its memory/.test(error.message);
    });
    assert.equal(hasWorkers(folder), false);
  });

  it("meet an error for good, which is that of the run", async () => {
    const folder = await planFake(root, { readers: 3, blocks: 1, brake: "order-0" });
    await assert.rejects(
      run(folder),
      (error: Error) => error instanceof BrakeError && /too many rows/.test(error.message),
    );
    assert.equal(hasWorkers(folder), false);
  });

  it("end with an interrupted run, give their tasks back, and the same run goes on from there", async () => {
    const fake: Fake = { readers: 6, blocks: 1, slow: 150 };
    const folder = await planFake(root, fake);
    const controller = new AbortController();
    const running = run(folder, { signal: controller.signal });
    while (attempts(folder).length < 3) await sleep(10);
    controller.abort(new Error("interrupted"));
    await assert.rejects(running, /interrupted/);
    assert.equal(hasWorkers(folder), false);
    assert.deepEqual(claims(folder), []);
    const before = readdirSync(folder.path("tasks", "read")).filter((name) => name.endsWith(".json"));
    const tried = attempts(folder).length;
    assert.ok(before.length > 0);
    await run(folder);
    const again = attempts(folder).slice(tried);
    for (const name of before) assert.equal(again.includes(`read-${name.replace(".json", "")}`), false);
    assert.equal(readFileSync(join(folder.out, "kept"), "utf8"), expected(fake));
  });

  it("that cannot even start end the run with what they said", async () => {
    const folder = await planFake(root, { readers: 1, blocks: 1 });
    await assert.rejects(run(folder, { program: join(root, "nothing.js") }), (error: Error) => {
      assert.ok(error instanceof FailedRunError);
      return /all workers have ended.*worker \d ended with exit code 1: /.test(error.message);
    });
    assert.ok(existsSync(folder.path("logs", "worker-0.log")));
  });

  it("take no flags of an engine", async () => {
    await local.require([]);
    await assert.rejects(local.require(["--partition=x"]), (error: Error) => {
      return (
        error instanceof UsageError && /--partition=x stands behind --; inputs stand before it/.test(error.message)
      );
    });
  });
});
