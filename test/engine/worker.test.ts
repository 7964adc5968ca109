import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openRunFolder, type RunFolder, writePlan } from "../../src/engine/run-folder.js";
import { Failures } from "../../src/engine/work/failures.js";
import { openPhases } from "../../src/engine/work/schedule.js";
import { runTask } from "../../src/engine/work/task.js";
import { runWorker } from "../../src/engine/work/worker.js";
import { BrakeError, FailedRunError } from "../../src/errors.js";
import { below, seededRandom } from "../../src/random.js";
import { attempts, claims, expected, type Fake, fakePlan, planFake, STAGES, testFolder, workerOn } from "./fake-run.js";

const root = testFolder();

const result = (folder: RunFolder) => readFileSync(join(folder.out, "kept"), "utf8");
const markerFile = (folder: RunFolder, stage: string, index: number) => folder.path("tasks", stage, `${index}.json`);
const until = async (holds: () => boolean) => {
  for (const end = performance.now() + 20_000; !holds(); await sleep(5)) assert.ok(performance.now() < end, "too late");
};

describe("workers", () => {
  it("do every task once, each after those that it needs, and leave nothing but the result", async () => {
    const fake: Fake = { readers: 9, blocks: 5 };
    const folder = await planFake(root, fake);
    const done = await Promise.all([1, 2, 3].map(() => runWorker(workerOn(folder))));
    assert.equal(result(folder), expected(fake));
    const all = attempts(folder);
    assert.equal(all.length, 9 + 1 + 5 + 5 + 1);
    assert.equal(new Set(all).size, all.length);
    // The worker that tidies up may come before another has counted its last task.
    assert.ok(done.reduce((sum, tasks) => sum + tasks) >= all.length - 1);
    assert.deepEqual(readdirSync(folder.out).sort(), ["kept", "manifest.json"]);
  });

  it("of a phase do its tasks alone and end with it", async () => {
    const fake: Fake = { readers: 4, blocks: 2 };
    const folder = await planFake(root, fake);
    const joining = runWorker({ ...workerOn(folder), phase: "join" });
    await runWorker({ ...workerOn(folder), phase: "read" });
    assert.deepEqual(new Set(attempts(folder).slice(0, 4)), new Set(["read-0", "read-1", "read-2", "read-3"]));
    assert.equal(await joining, 1 + 2 + 2);
    assert.deepEqual(await openPhases(folder, STAGES), ["write"]);
    assert.equal(existsSync(join(folder.out, "kept")), false);
    assert.equal(await runWorker({ ...workerOn(folder), phase: "write" }), 1);
    assert.equal(result(folder), expected(fake));
  });

  it("leave no listener behind at their signal for a task", async () => {
    const folder = await planFake(root, { readers: 12, blocks: 1 });
    const warnings: Error[] = [];
    const warn = (warning: Error) => void warnings.push(warning);
    process.on("warning", warn);
    await runWorker(workerOn(folder));
    // Warnings are emitted in the next turn.
    await sleep(1);
    process.off("warning", warn);
    assert.deepEqual(warnings, []);
  });

  it("read no marker twice among ten thousand tasks", async () => {
    const fake: Fake = { readers: 10_000, blocks: 1 };
    const folder = await planFake(root, fake);
    mkdirSync(folder.path("tasks", "read"), { recursive: true });
    const marker = { plan: folder.hash, folder: "0-shared", files: {}, facts: { records: 1 }, seconds: 1, host: "a" };
    for (let i = 10; i < 10_000; i++) writeFileSync(markerFile(folder, "read", i), JSON.stringify(marker));
    let reads = 0;
    const counting: RunFolder = {
      ...folder,
      marker(...args) {
        reads++;
        return folder.marker(...args);
      },
    };
    assert.equal(await runWorker({ ...workerOn(counting), phase: "read" }), 10);
    assert.ok(reads <= 10, `${reads} markers were read`);
  });

  it("stop at once when they are told to, and give their task back", async () => {
    const folder = await planFake(root, { readers: 1, blocks: 1, slow: 60_000 });
    const controller = new AbortController();
    const working = runWorker({ ...workerOn(folder), signal: controller.signal });
    await until(() => attempts(folder).length === 1);
    assert.deepEqual(claims(folder), ["read-0"]);
    controller.abort(new Error("enough"));
    await assert.rejects(working, /enough/);
    assert.deepEqual(claims(folder), []);
    assert.equal(existsSync(markerFile(folder, "read", 0)), false);
    assert.deepEqual(await new Failures(folder.path("failures")).all(), []);
  });
});

describe("a task", () => {
  it("gives the same result in random order, with every task done twice", async () => {
    const fake: Fake = { readers: 5, blocks: 4 };
    const folder = await planFake(root, fake);
    const left = STAGES.slice(0, -1).flatMap((stage) => {
      const count = { read: 5, order: 1, decide: 4, drop: 4 }[stage.name as "read"];
      return Array.from({ length: count }, (_, index) => ({ stage, index }));
    });
    const random = seededRandom(1);
    while (left.length > 0) {
      const [task] = left.splice(below(random, left.length), 1);
      const { stage, index } = task;
      const means = { ...workerOn(folder), reporter: { ...workerOn(folder).reporter, seconds: {}, stages: [] } };
      try {
        await runTask(folder, stage, index, means);
      } catch {
        // Its turn has not come.
        left.push(task);
        continue;
      }
      const before = readFileSync(markerFile(folder, stage.name, index));
      await runTask(folder, stage, index, means);
      assert.deepEqual(readFileSync(markerFile(folder, stage.name, index)), before);
    }
    assert.equal(await runWorker(workerOn(folder)), 1);
    assert.equal(result(folder), expected(fake));
  });

  it("whose data is lost is done again, and the worker says so", async () => {
    const fake: Fake = { readers: 3, blocks: 1 };
    const folder = await planFake(root, fake);
    await runWorker({ ...workerOn(folder), phase: "read" });
    const lost = await folder.get("read", 1);
    rmSync(lost.path("square"));
    const notes: string[] = [];
    await Promise.all([runWorker(workerOn(folder, notes)), runWorker(workerOn(folder, notes))]);
    assert.equal(result(folder), expected(fake));
    assert.equal(attempts(folder).filter((task) => task === "read-1").length, 2);
    assert.equal(notes.filter((note) => /task 1 of read is done again: .*square is not there/.test(note)).length, 1);
  });

  it("whose data is there without a marker, or with a damaged one, is done again", async () => {
    const fake: Fake = { readers: 3, blocks: 1 };
    const folder = await planFake(root, fake);
    await runWorker({ ...workerOn(folder), phase: "read" });
    rmSync(markerFile(folder, "read", 0));
    writeFileSync(markerFile(folder, "read", 2), "{");
    await runWorker(workerOn(folder));
    assert.equal(result(folder), expected(fake));
    assert.equal(attempts(folder).filter((task) => task === "read-0").length, 2);
    assert.equal(attempts(folder).filter((task) => task === "read-2").length, 2);
  });

  it("that another plan has marked counts as not done", async () => {
    const fake: Fake = { readers: 2, blocks: 1 };
    const folder = await planFake(root, fake);
    mkdirSync(folder.path("tasks", "read"), { recursive: true });
    writeFileSync(
      markerFile(folder, "read", 1),
      JSON.stringify({ plan: "another", folder: "1-x", files: {}, facts: {}, seconds: 0, host: "" }),
    );
    await runWorker(workerOn(folder));
    assert.equal(result(folder), expected(fake));
  });
});

describe("a task that fails", () => {
  it("is tried three times, by any worker", async () => {
    const fake: Fake = { readers: 3, blocks: 2, fails: { "read-1": 2, "decide-0": 1 } };
    const folder = await planFake(root, fake);
    await Promise.all([runWorker(workerOn(folder)), runWorker(workerOn(folder))]);
    assert.equal(result(folder), expected(fake));
    assert.equal(attempts(folder).filter((task) => task === "read-1").length, 3);
  });

  it("three times ends the run for all workers, and the rest is saved", async () => {
    const folder = await planFake(root, { readers: 6, blocks: 1, fails: { "read-1": 3 } });
    const ends = await Promise.allSettled([runWorker(workerOn(folder)), runWorker(workerOn(folder))]);
    for (const end of ends) {
      const { reason } = end as PromiseRejectedResult;
      assert.ok(reason instanceof FailedRunError);
      assert.match(
        reason.message,
        /task 1 of read failed 3 times.*disk of attempt 3 was full.*run the same command again/,
      );
    }
    assert.equal(attempts(folder).filter((task) => task === "read-1").length, 3);
    await assert.rejects(runWorker(workerOn(folder)), /failed 3 times/);
    await new Failures(folder.path("failures")).clear();
    await runWorker(workerOn(folder));
    assert.equal(result(folder), expected({ readers: 6, blocks: 1 }));
  });

  it("for good ends the run for all workers with its message and its class", async () => {
    const folder = await planFake(root, { readers: 6, blocks: 1, brake: "order-0" });
    const ends = await Promise.allSettled([1, 2, 3].map(() => runWorker(workerOn(folder))));
    for (const end of ends) {
      const { reason } = end as PromiseRejectedResult;
      assert.ok(reason instanceof BrakeError);
      assert.equal(reason.message, "too many rows would go");
      assert.deepEqual(reason.counted, { limit: "max_removed", rows: 7 });
    }
    assert.equal(attempts(folder).filter((task) => task === "order-0").length, 1);
  });
});

describe("the claim of a worker", () => {
  /** The lock of a process on another machine, which shows life by a clock that is decades behind. */
  function claimElsewhere(folder: RunFolder, key: string): () => void {
    mkdirSync(folder.path("claims"), { recursive: true });
    const path = folder.path("claims", key);
    const holder = { pid: 1, started: "5", system: "other-boot pid:[7] node9", since: "2001-01-01T00:00:00.000Z" };
    writeFileSync(path, JSON.stringify(holder));
    let time = 1_000_000;
    return () => existsSync(path) && utimesSync(path, ++time, time);
  }

  it("that lives elsewhere is left alone, whatever its clock says, and taken over when it is silent", async () => {
    const fake: Fake = { readers: 2, blocks: 1 };
    const folder = await planFake(root, fake);
    const live = claimElsewhere(folder, "read-1");
    const notes: string[] = [];
    const working = runWorker(workerOn(folder, notes));
    for (let i = 0; i < 16; i++) {
      live();
      await sleep(50);
    }
    assert.deepEqual(attempts(folder), ["read-0"]);
    await working;
    assert.equal(result(folder), expected(fake));
    assert.ok(
      notes.some((note) => note.includes("another machine or container (node9) is gone: doing its task 1 of read")),
    );
  });

  it("of a dead process of this machine is taken over at once", async () => {
    const fake: Fake = { readers: 1, blocks: 1 };
    const folder = await planFake(root, fake);
    const { thisSystem } = await import("../../src/io/lock-holder.js");
    mkdirSync(folder.path("claims"), { recursive: true });
    const holder = { pid: 2 ** 22 + 1, started: "5", system: thisSystem(), since: "" };
    writeFileSync(folder.path("claims", "read-0"), JSON.stringify(holder));
    await runWorker({ ...workerOn(folder), waits: { least: 4, most: 40, watch: 40, patience: 1e9 } });
    assert.equal(result(folder), expected(fake));
  });
});

describe("a worker whose plan", () => {
  const cases: readonly [string, (folder: RunFolder) => Promise<void>, RegExp][] = [
    [
      "is replaced",
      (folder) => writePlan(folder.out, fakePlan({ readers: 1, blocks: 9 }, folder.plan.cwd)),
      /started over/,
    ],
    ["is removed", async (folder) => rmSync(folder.path("plan.json")), /was removed/],
  ];
  for (const [how, change, message] of cases) {
    it(`${how} stops in the middle of its task and marks nothing`, async () => {
      const folder = await planFake(root, { readers: 1, blocks: 1, slow: 60_000 });
      const working = runWorker(workerOn(folder));
      await until(() => attempts(folder).length === 1);
      await change(folder);
      await assert.rejects(working, (error: Error) => error instanceof FailedRunError && message.test(error.message));
      assert.equal(existsSync(markerFile(folder, "read", 0)), false);
      assert.equal(existsSync(folder.path("failures")), false);
    });
  }

  it("is replaced when its task is nearly done marks nothing", async () => {
    const folder = await planFake(root, { readers: 1, blocks: 1 });
    const [read] = STAGES;
    const late = {
      ...read,
      run: async (context: Parameters<typeof read.run>[0]) => {
        const facts = await read.run(context);
        await writePlan(folder.out, fakePlan({ readers: 2, blocks: 1 }, folder.plan.cwd));
        return facts;
      },
    };
    const waits = { least: 4, most: 40, watch: 60_000 };
    const working = runWorker({ ...workerOn(folder), stages: [late, ...STAGES.slice(1)], waits });
    await assert.rejects(working, /started over with another plan/);
    assert.equal(existsSync(markerFile(folder, "read", 0)), false);
    const plan = fakePlan({ readers: 2, blocks: 1 }, folder.plan.cwd);
    await runWorker(workerOn(openRunFolder(folder.out, plan, 100)));
    assert.equal(result(folder), expected({ readers: 2, blocks: 1 }));
  });
});
