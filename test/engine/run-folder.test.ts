import assert from "node:assert/strict";
import { readFile, rename, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { StageFacts } from "../../src/engine/facts.js";
import { LostOutputError } from "../../src/engine/lost-output.js";
import type { RunPlan } from "../../src/engine/plan.js";
import { openRunFolder, writePlan } from "../../src/engine/run-folder.js";
import { testFolder } from "../run/folders.js";

const facts = (kept: number) => ({ removed: 0, kept, measured: 0 }) satisfies StageFacts["decide"];

/** A run folder of its own, whose files must be visible within a quarter of a second. */
async function newRun() {
  const out = testFolder();
  const plan = { version: "test", flags: {}, cwd: out, workers: 1 } as unknown as RunPlan;
  await writePlan(out, plan);
  return openRunFolder(out, plan, 250);
}

describe("a finished task", () => {
  it("is not there before its marker, and then whole", async () => {
    const folder = await newRun();
    const attempt = await folder.begin("decide", 3);
    await writeFile(attempt.path("deep/outcome.arrow"), "outcome");
    assert.equal(await folder.find("decide", 3), undefined);
    await attempt.finish(facts(7));
    const found = await folder.get("decide", 3);
    assert.equal(found.facts.kept, 7);
    assert.equal(await readFile(found.path("deep/outcome.arrow"), "utf8"), "outcome");
    assert.deepEqual([...(await folder.done("decide"))], [3]);
  });

  it("is that of the attempt that ended first", async () => {
    const folder = await newRun();
    const attempts = [await folder.begin("decide", 0), await folder.begin("decide", 0)];
    for (const [i, attempt] of [1, 0].entries()) {
      await writeFile(attempts[attempt].path("outcome.arrow"), String(attempt));
      await attempts[attempt].finish(facts(i));
    }
    const found = await folder.get("decide", 0);
    assert.deepEqual([found.facts.kept, await readFile(found.path("outcome.arrow"), "utf8")], [0, "1"]);
  });

  it("is waited for where its files are not visible yet, as on a network file system", async () => {
    const folder = await newRun();
    const attempt = await folder.begin("decide", 0);
    const path = attempt.path("outcome.arrow");
    await writeFile(path, "outcome");
    await attempt.finish(facts(1));
    await rename(path, `${path}.late`);
    // A folder opened elsewhere has seen none of the files.
    const elsewhere = openRunFolder(folder.out, folder.plan, 30_000);
    const found = elsewhere.get("decide", 0);
    await sleep(50);
    await rename(`${path}.late`, path);
    assert.equal(await readFile((await found).path("outcome.arrow"), "utf8"), "outcome");
  });

  it("is lost where a file stays away, or stays shorter than the marker says", async () => {
    for (const spoil of [(path: string) => rename(path, `${path}.away`), (path: string) => truncate(path, 3)]) {
      const folder = await newRun();
      const attempt = await folder.begin("decide", 0);
      const path = attempt.path("outcome.arrow");
      await writeFile(path, "outcome");
      await attempt.finish(facts(1));
      await spoil(path);
      const elsewhere = openRunFolder(folder.out, folder.plan, 250);
      await assert.rejects(elsewhere.get("decide", 0), (error: Error) => {
        assert.ok(error instanceof LostOutputError);
        assert.match(error.message, /task 0 of decide is marked as done, but its file .*outcome\.arrow/);
        return true;
      });
    }
  });

  it("counts for nothing where it belongs to another plan", async () => {
    const folder = await newRun();
    const attempt = await folder.begin("decide", 0);
    await attempt.finish(facts(1));
    const other = openRunFolder(folder.out, { ...folder.plan, workers: 2, buckets: 9 } as RunPlan, 250);
    assert.equal(await other.find("decide", 0), undefined);
    const marker = JSON.parse(await readFile(join(folder.out, ".work/tasks/decide/0.json"), "utf8")) as object;
    assert.ok("plan" in marker);
  });
});
