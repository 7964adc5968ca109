import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isGiven, partAtEngine } from "../../src/cli/engine/engine-words.js";
import { verdictOf } from "../../src/cli/exit-code.js";
import type { RunFolder } from "../../src/engine/run-folder.js";
import { Failures } from "../../src/engine/work/failures.js";
import { runOneTask } from "../../src/engine/work/one-task.js";
import { runWorker } from "../../src/engine/work/worker.js";
import { BrakeError, FailedRunError, UsageError } from "../../src/errors.js";
import { smallDisk } from "../jobs/small-disk.js";
import { attempts, claims, expected, type Fake, planFake, testFolder, workerOn } from "./fake-run.js";

const root = testFolder();
const disk = smallDisk(1);

describe("a shared disk that is full", () => {
  it("ends the workers with words, marks nothing by half, and with room again they go on", {
    skip: disk.refused,
  }, async () => {
    const fake: Fake = { readers: 4, blocks: 2 };
    const folder = await planFake(disk.folder, fake);
    await runWorker({ ...workerOn(folder), phase: "read" });
    const before = readdirSync(folder.path("tasks", "read")).sort();
    disk.fill();
    await assert.rejects(runWorker(workerOn(folder)), (error: Error) => {
      assert.match(error.message, /no space is left for .*free some and run the same command again to continue/);
      return verdictOf(error).exitCode === 1;
    });
    assert.equal(existsSync(folder.path("tasks", "order", "0.json")), false);
    assert.deepEqual(claims(folder), []);
    assert.deepEqual(readdirSync(folder.path("tasks", "read")).sort(), before);
    disk.clear();
    await runWorker(workerOn(folder));
    assert.equal(readFileSync(join(folder.out, "kept"), "utf8"), expected(fake));
  });
});

describe("one task by hand", () => {
  const task = (folder: RunFolder, stage: string, index: number) => runOneTask(workerOn(folder), { stage, index });
  const refuses = (done: Promise<unknown>, message: RegExp) =>
    assert.rejects(done, (error: Error) => error instanceof UsageError && message.test(error.message));

  it("is done after those that it needs, once", async () => {
    const fake: Fake = { readers: 2, blocks: 2 };
    const folder = await planFake(root, fake);
    await refuses(task(folder, "order", 0), /order waits for read; do these tasks first/);
    assert.equal(await task(folder, "read", 1), true);
    assert.equal(await task(folder, "read", 1), false);
    assert.equal(await task(folder, "read", 0), true);
    assert.equal(await task(folder, "order", 0), true);
    await refuses(task(folder, "decide", 1), /task 1 of decide waits for others/);
    await refuses(task(folder, "decide", 2), /no task 2 of decide; expected 0 to 1/);
    await refuses(task(folder, "scan", 0), /no stage scan; expected one of read, order, decide, drop, publish/);
    for (const [stage, index] of [
      ["decide", 0],
      ["decide", 1],
      ["drop", 0],
      ["drop", 1],
      ["publish", 0],
    ] as const) {
      assert.equal(await task(folder, stage, index), true);
    }
    assert.equal(readFileSync(join(folder.out, "kept"), "utf8"), expected(fake));
    assert.equal(existsSync(folder.path()), false);
  });

  it("that a worker is doing is left to it", async () => {
    const folder = await planFake(root, { readers: 1, blocks: 1, slow: 400 });
    const working = runWorker(workerOn(folder));
    while (attempts(folder).length === 0) await new Promise(setImmediate);
    await assert.rejects(task(folder, "read", 0), (error: Error) => {
      return error instanceof FailedRunError && /a worker is doing task 0 of read/.test(error.message);
    });
    await working;
  });

  it("that fails ends with its error, is recorded, and mended ends no run", async () => {
    const fake: Fake = { readers: 1, blocks: 1, brake: "read-0" };
    const folder = await planFake(root, fake);
    await assert.rejects(task(folder, "read", 0), BrakeError);
    const [failure] = await new Failures(folder.path("failures")).all();
    assert.deepEqual([failure.stage, failure.index, failure.exitCode], ["read", 0, 4]);
    const [read, ...others] = workerOn(folder).stages;
    const mended = {
      ...read,
      run: async ({ path }: Parameters<typeof read.run>[0]) => {
        const { writeFile } = await import("node:fs/promises");
        await writeFile(path("square"), "0");
        return { records: 1 } as never;
      },
    };
    const stages = [mended, ...others];
    await runOneTask({ ...workerOn(folder), stages }, { stage: "read", index: 0 });
    await runWorker(workerOn(folder));
    assert.equal(readFileSync(join(folder.out, "kept"), "utf8"), expected(fake));
  });
});

describe("a command line with --executor", () => {
  it("leaves what stands behind -- to the engine, and only then", () => {
    const words = ["a.jsonl", "--executor", "slurm", "--", "--partition=gpu", "b"];
    assert.deepEqual(partAtEngine(words), { own: words.slice(0, 3), engine: ["--partition=gpu", "b"] });
    assert.deepEqual(partAtEngine(["a", "--executor=local"]), { own: ["a", "--executor=local"], engine: [] });
    assert.deepEqual(partAtEngine(["--", "--executor", "b"]), { own: ["--", "--executor", "b"], engine: [] });
  });

  it("tells a flag that is written out from its default", () => {
    assert.equal(isGiven(["--threads=2"], "threads"), true);
    assert.equal(isGiven(["a", "--threads", "2"], "threads"), true);
    assert.equal(isGiven(["--threads-x=2"], "threads"), false);
  });
});
