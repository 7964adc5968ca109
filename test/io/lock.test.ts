import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { holdsLock, takeLock } from "../../src/io/lock.js";
import { testFolder } from "../run/folders.js";
import { DEAD, lockText } from "./lock-fixture.js";

const folder = testFolder();

/** Whether the system tells of its processes in files. */
const hasProc = existsSync("/proc/self/stat");

describe("the lock", () => {
  it("is held by one at a time, in this process too, and free after its release", async () => {
    const path = join(folder, "lock-1");
    const release = await takeLock(path);
    assert.ok(await holdsLock(path));
    await assert.rejects(
      takeLock(path),
      new RegExp(`^Error: process ${process.pid} has been writing .*; wait for it or`),
    );
    await release();
    assert.ok(!existsSync(path));
    assert.ok(!(await holdsLock(path)));
    await (await takeLock(path))();
  });

  it("of a process that lives is respected, that of a dead one is taken over", async () => {
    const path = join(folder, "lock-2");
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    const pid = child.pid as number;
    try {
      const started = hasProc ? readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[21] : "";
      writeFileSync(path, await lockText(folder, { pid, started }));
      if (hasProc)
        await assert.rejects(takeLock(path), new RegExp(`process ${pid} has been writing .* since 2024-01-01`));
      const left = [
        ["a dead process", await lockText(folder, { pid: DEAD })],
        ["our own number, not ours", await lockText(folder)],
        ["a file that was cut off", `{"pid":`],
        ["an empty one", ""],
        ["no holder", "null"],
        ["every process", await lockText(folder, { pid: -1 })],
        // The number has been given to another process since.
        ...(hasProc ? [["a number that is used again", await lockText(folder, { pid, started: "1" })]] : []),
      ];
      for (const [what, text] of left) {
        writeFileSync(path, text);
        const release = await takeLock(path);
        assert.equal((JSON.parse(readFileSync(path, "utf8")) as { pid: number }).pid, process.pid, what);
        await release();
      }
    } finally {
      child.kill();
    }
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("lock-2")),
      [],
      "nothing is left aside",
    );
  });

  it("of another machine or container is respected while it shows life, even of the same number, else taken over", async () => {
    const path = join(folder, "lock-3");
    const text = await lockText(folder, { system: "another" });
    writeFileSync(path, text);
    let beat = 0;
    const beating = setInterval(() => {
      beat++;
      utimesSync(path, beat, beat);
    }, 100);
    const refused = assert.rejects(
      takeLock(path, 5000),
      new RegExp(`process ${process.pid} of another machine or container has been writing`),
    );
    await refused.finally(() => clearInterval(beating));
    assert.equal(readFileSync(path, "utf8"), text);
    const release = await takeLock(path, 300);
    assert.ok(await holdsLock(path));
    await release();
  });

  it("of a number that runs, but whose start is not known, is respected while it shows life, else taken over", async () => {
    const path = join(folder, "lock-5");
    const text = await lockText(folder, { pid: process.ppid, started: "" });
    writeFileSync(path, text);
    const release = await takeLock(path, 300);
    await release();
    writeFileSync(path, text);
    let beat = 0;
    const beating = setInterval(() => {
      beat++;
      utimesSync(path, beat, beat);
    }, 100);
    await assert
      .rejects(takeLock(path, 5000), new RegExp(`process ${process.ppid} has been writing`))
      .finally(() => clearInterval(beating));
    assert.equal(readFileSync(path, "utf8"), text);
  });

  it("shows life while it is held, and is not removed by one who has lost it", async () => {
    const path = join(folder, "lock-4");
    const release = await takeLock(path);
    utimesSync(path, 1, 1);
    for (let i = 0; i < 100 && statSync(path).mtimeMs === 1000; i++) await setTimeout(50);
    assert.ok(statSync(path).mtimeMs > 1000);
    writeFileSync(path, "another's");
    assert.ok(!(await holdsLock(path)));
    await release();
    assert.equal(readFileSync(path, "utf8"), "another's");
  });
});
