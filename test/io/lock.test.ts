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
      new RegExp(`^Error: process ${process.pid} has been holding .*; wait for it$`),
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
        await assert.rejects(takeLock(path), new RegExp(`process ${pid} has been holding .* since 2024-01-01`));
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
      takeLock(path, { patience: 5000 }),
      new RegExp(`process ${process.pid} of another machine or container \\(another\\) has been holding`),
    );
    await refused.finally(() => clearInterval(beating));
    assert.equal(readFileSync(path, "utf8"), text);
    const release = await takeLock(path, { patience: 300 });
    assert.ok(await holdsLock(path));
    await release();
  });

  it("of another machine is waited for with one message that names the holder, the time and the cure", async () => {
    const path = join(folder, "lock-6");
    writeFileSync(path, await lockText(folder, { pid: 77, system: "boot pid:[1] gpu-7" }));
    const notes: string[] = [];
    const note = (message: string) => void notes.push(message);
    await (await takeLock(path, { patience: 2500, note }))();
    assert.deepEqual(notes, [
      `process 77 of another machine or container (gpu-7) has been holding ${path} since 2024-01-01T00:00:00.000Z; ` +
        "waiting up to 3 s for a sign of life: if the process has ended, remove the file",
    ]);
    writeFileSync(path, await lockText(folder, { pid: 77, system: "boot pid:[1] gpu-7" }));
    await (await takeLock(path, { patience: 300, note }))();
    assert.equal(notes.length, 1, "a short wait is not worth a message");
  });

  it("of a number that runs, but whose start is not known, is respected while it shows life, else taken over", async () => {
    const path = join(folder, "lock-5");
    const text = await lockText(folder, { pid: process.ppid, started: "" });
    writeFileSync(path, text);
    const release = await takeLock(path, { patience: 300 });
    await release();
    writeFileSync(path, text);
    let beat = 0;
    const beating = setInterval(() => {
      beat++;
      utimesSync(path, beat, beat);
    }, 100);
    await assert
      .rejects(takeLock(path, { patience: 5000 }), new RegExp(`process ${process.ppid} has been holding`))
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
