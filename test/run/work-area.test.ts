import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { InputError, UsageError } from "../../src/errors.js";
import { openWorkArea } from "../../src/run/work/work-area.js";
import { fingerprintChange, type WorkState } from "../../src/run/work/work-state.js";
import { DEAD, lockText } from "../io/lock-fixture.js";
import { testFolder } from "./folders.js";

const folder = testFolder();
let outs = 0;
const newOut = () => join(folder, `out-${outs++}`);

const state: WorkState = {
  fingerprint: { version: "1", inputs: "a.jsonl" },
  stored: 3,
  complete: false,
  dim: 8,
  through: 2,
  digest: "00",
  truncated: 0,
  tokens: 7,
  refused: [],
};

describe("the work area", () => {
  it("keeps the state of a run that did not finish, and leaves nothing behind one that has none", async () => {
    const out = newOut();
    const work = await openWorkArea(out);
    assert.equal(await work.readState(), undefined);
    await work.saveState(state);
    await work.close();
    const again = await openWorkArea(out);
    assert.deepEqual(await again.readState(), state);
    writeFileSync(again.path("kept.arrow"), "half");
    await again.clear();
    assert.equal(await again.readState(), undefined);
    await again.close();
    assert.deepEqual(readdirSync(out), [], "a folder that was there stays");
    const other = newOut();
    await (await openWorkArea(other)).close();
    assert.ok(!existsSync(other), "one that it made goes");
  });

  it("takes a broken state for none", async () => {
    const broken = [`{"stored":`, "null", "5", "[]", "{}", JSON.stringify({ ...state, fingerprint: null })];
    for (const text of [...broken, JSON.stringify({ ...state, stored: -1 })]) {
      const out = newOut();
      mkdirSync(join(out, ".work"), { recursive: true });
      writeFileSync(join(out, ".work", "state.json"), text);
      const work = await openWorkArea(out);
      assert.equal(await work.readState(), undefined, text);
      await work.close();
    }
  });

  it("moves and removes nothing by a plan that is none of ours, and names it", async () => {
    const victim = join(folder, "victim");
    writeFileSync(victim, "mine");
    const plans = ["", "null", "{}", `{"files":["a"],"stale":["../victim"]}`, `{"files":["../x"],"stale":[]}`];
    for (const text of plans) {
      const out = newOut();
      mkdirSync(join(out, ".work"), { recursive: true });
      writeFileSync(join(out, ".work", "publish.json"), text);
      await assert.rejects(
        openWorkArea(out),
        (error) => error instanceof InputError && /publish\.json is damaged, .*remove .*\.work/.test(error.message),
      );
      assert.deepEqual(readdirSync(join(out, ".work")), ["publish.json"], "the lock is released");
    }
    assert.equal(readFileSync(victim, "utf8"), "mine");
  });

  it("publishes nothing where a folder is in the way, and all once it is gone", async () => {
    const out = newOut();
    mkdirSync(join(out, "kept.arrow"), { recursive: true });
    const work = await openWorkArea(out);
    for (const name of ["embeddings.arrow", "kept.arrow"]) writeFileSync(work.path(name), "new");
    const publish = () => work.publish(["embeddings.arrow", "kept.arrow"], []);
    await assert.rejects(publish(), /kept\.arrow is a folder, expected a file or nothing; nothing was published/);
    assert.deepEqual(readdirSync(out), [".work", "kept.arrow"]);
    rmSync(join(out, "kept.arrow"), { recursive: true });
    await publish();
    await work.close();
    assert.deepEqual(readdirSync(out), ["embeddings.arrow", "kept.arrow"]);
  });

  it("saves and publishes nothing and leaves everything to the one who took it over meanwhile", async () => {
    const out = newOut();
    const work = await openWorkArea(out);
    writeFileSync(work.path("kept.arrow"), "new");
    writeFileSync(work.path("lock"), await lockText(folder, { pid: DEAD }));
    await assert.rejects(work.publish(["kept.arrow"], []), /another process has taken .* over/);
    await assert.rejects(work.saveState(state), /another process has taken .* over/);
    await work.close();
    assert.deepEqual(readdirSync(join(out, ".work")), ["kept.arrow", "lock"]);
  });

  it("stops the run whose area another has taken over, and with the signal that it was given", async () => {
    const out = newOut();
    const work = await openWorkArea(out);
    const given = new AbortController();
    const [alone, signal] = [work.stopSignal(undefined), work.stopSignal(given.signal)];
    given.abort(new Error("stopped"));
    assert.throws(() => signal.throwIfAborted(), /stopped/);
    assert.ok(!alone.aborted);
    writeFileSync(work.path("lock"), await lockText(folder, { pid: DEAD }));
    // The lock's timer keeps no process alive.
    for (let i = 0; i < 100 && !alone.aborted; i++) await setTimeout(50);
    assert.throws(() => alone.throwIfAborted(), /another process has taken .* over/);
    await work.close();
  });

  it("is refused on another file system, from which nothing can be renamed", (test) => {
    const elsewhere = "/dev/shm";
    const out = newOut();
    mkdirSync(out);
    if (!existsSync(elsewhere) || statSync(elsewhere).dev === statSync(out).dev) return test.skip("there is only one");
    symlinkSync(elsewhere, join(out, ".work"));
    return assert.rejects(openWorkArea(out), /cannot use .*\.work lies on another file system; choose another --out/);
  });

  it("refuses a path that cannot be a folder", async () => {
    const file = newOut();
    writeFileSync(file, "");
    await assert.rejects(openWorkArea(file), (error) => error instanceof UsageError && error.message.includes(file));
    await assert.rejects(openWorkArea(join(file, "below")), UsageError);
  });

  it("publishes all files, drops those of earlier runs and leaves others alone", async () => {
    const out = newOut();
    mkdirSync(out);
    for (const name of ["kept.arrow", "clusters.arrow", "notes.txt"]) writeFileSync(join(out, name), "old");
    const work = await openWorkArea(out);
    await work.saveState(state);
    for (const name of ["embeddings.arrow", "kept.arrow", "manifest.json"]) writeFileSync(work.path(name), "new");
    await work.publish(["embeddings.arrow", "kept.arrow", "manifest.json"], ["clusters.arrow", "rejects.jsonl"]);
    await work.close();
    const files = Object.fromEntries(readdirSync(out).map((name) => [name, readFileSync(join(out, name), "utf8")]));
    const expected = { "embeddings.arrow": "new", "kept.arrow": "new", "manifest.json": "new", "notes.txt": "old" };
    assert.deepEqual(files, expected);
  });

  it("a publication that was cut short at any point is completed by whoever opens the area next", async () => {
    const files = ["embeddings.arrow", "kept.arrow", "removed.arrow", "manifest.json"];
    const lock = await lockText(folder, { pid: DEAD });
    for (let moved = 0; moved <= files.length; moved++) {
      const out = newOut();
      const area = join(out, ".work");
      mkdirSync(area, { recursive: true });
      for (const name of ["kept.arrow", "rejects.jsonl"]) writeFileSync(join(out, name), "old");
      files.forEach((name, i) => {
        writeFileSync(join(i < moved ? out : area, name), "new");
      });
      writeFileSync(join(area, "state.json"), JSON.stringify(state));
      writeFileSync(join(area, "publish.json"), JSON.stringify({ files, stale: ["rejects.jsonl"] }));
      writeFileSync(join(area, "lock"), lock);
      const work = await openWorkArea(out);
      assert.equal(await work.readState(), undefined);
      await work.close();
      assert.deepEqual(readdirSync(out).sort(), [...files].sort(), `${moved} moved`);
      for (const name of files) assert.equal(readFileSync(join(out, name), "utf8"), "new");
    }
  });

  it("a folder that was removed meanwhile is no second error", async () => {
    const out = newOut();
    const work = await openWorkArea(out);
    rmSync(out, { recursive: true });
    await work.close();
    assert.ok(!existsSync(out));
  });

  it("says which part of a fingerprint changed", () => {
    assert.equal(fingerprintChange({ a: 1, b: "x" }, { b: "x", a: 1 }), undefined);
    assert.equal(fingerprintChange({ a: 1, b: "x" }, { a: 1, b: "y" }), "b was x and is y");
    assert.equal(fingerprintChange({ a: 1 }, { a: 1, c: 2 }), "c was absent and is 2");
    assert.equal(fingerprintChange({ a: 1, c: 2 }, { a: 1 }), "c was 2 and is absent");
  });

  it("publishes only after what is done on the side, and not at all where that fails", async () => {
    const out = newOut();
    const area = await openWorkArea(out);
    writeFileSync(area.path("kept.arrow"), "rows");
    let saved = false;
    area.aside(async () => {
      await setTimeout(30);
      saved = true;
    });
    await area.publish(["kept.arrow"], []);
    assert.ok(saved && existsSync(join(out, "kept.arrow")));
    writeFileSync(area.path("removed.arrow"), "rows");
    area.aside(() => Promise.reject(new Error("the disk is full")));
    await assert.rejects(area.publish(["removed.arrow"], []), /the disk is full/);
    assert.ok(!existsSync(join(out, "removed.arrow")));
    await area.close();
  });

  it("is closed only after what is done on the side", async () => {
    const area = await openWorkArea(newOut());
    let saved = false;
    area.aside(async () => {
      await setTimeout(30);
      saved = true;
    });
    await area.close();
    assert.ok(saved);
  });
});
