import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import type { Worker } from "node:worker_threads";
import { InputError, UnavailableError } from "../../src/errors.js";
import { leastLoaded, startWorkers, type WorkerClient } from "../../src/workers/client.js";
import { moving } from "../../src/workers/messages.js";
import type { Echo } from "./echo-worker.js";

const module = new URL("./echo-worker.js", import.meta.url);

function start(count: number, startup: Partial<Echo["startup"]> = {}, onEnd?: () => void) {
  return startWorkers<Echo>({ module, startup: { name: "echo", ...startup }, count, onEnd });
}

async function withWorkers(count: number, use: (workers: WorkerClient<Echo["calls"]>) => Promise<void>): Promise<void> {
  const workers = leastLoaded(start(count));
  try {
    await use(workers);
  } finally {
    await workers.close();
  }
}

describe("workers behind one function", () => {
  it("answer each call with its own result, and know what they were started with", async () => {
    await withWorkers(2, async (workers) => {
      assert.equal(await workers.call("name", undefined), "echo");
      const requests = Array.from({ length: 20 }, (_, i) => ({ bytes: Uint8Array.of(i), wait: (i * 7) % 5 }));
      const under = requests.map((request) => workers.call("echo", request));
      assert.equal(workers.waiting, 20);
      const answers = await Promise.all(under);
      assert.deepEqual(
        answers.map(([first]) => first),
        requests.map((_, i) => i),
      );
      assert.equal(workers.waiting, 0);
      const waited = requests.reduce((sum, { wait }) => sum + wait, 0);
      assert.ok(workers.busy >= waited - 20 && workers.busy < 60_000, `${workers.busy} ms for ${waited} ms`);
    });
  });

  it("go on with another call while one of them is busy", async () => {
    await withWorkers(2, async ({ call }) => {
      let slow = true;
      const long = call("echo", { bytes: new Uint8Array(1), wait: 2000 }).then(() => {
        slow = false;
      });
      for (let i = 0; i < 5; i++) assert.equal(await call("name", undefined), "echo");
      assert.ok(slow, "five short calls went to the idle worker");
      await long;
    });
  });

  it("take buffers over instead of copying them, there and back", async () => {
    await withWorkers(1, async ({ call }) => {
      const bytes = new Uint8Array(1000).fill(3);
      const answer = call("echo", moving({ bytes }, bytes));
      assert.equal(bytes.byteLength, 0);
      assert.deepEqual(await answer, new Uint8Array(1000).fill(3));
      const copied = Uint8Array.of(5);
      await call("echo", { bytes: copied });
      assert.equal(copied.byteLength, 1);
    });
  });

  it("answer in the order of the calls, and tell parts of an answer before its end", async () => {
    await withWorkers(1, async ({ call }) => {
      const heard: string[] = [];
      const first = call("countUp", 3, ([part]) => heard.push(`first ${part}`)).then((count) =>
        heard.push(`= ${count}`),
      );
      const second = call("countUp", 2, ([part]) => heard.push(`second ${part}`));
      await Promise.all([first, second]);
      assert.deepEqual(heard, ["first 0", "first 1", "first 2", "= 3", "second 0", "second 1"]);
    });
  });

  it("reject a call whose parts the caller refuses, and live on", async () => {
    await withWorkers(1, async ({ call }) => {
      let heard = 0;
      const refuse = () => {
        if (++heard === 2) throw new Error("enough");
      };
      await assert.rejects(call("countUp", 5, refuse), /^Error: enough$/);
      assert.equal(await call("countUp", 3), 3);
      assert.equal(heard, 2);
    });
  });

  it("pass errors on with their class where it decides the exit code, and live on", async () => {
    await withWorkers(1, async ({ call }) => {
      await assert.rejects(call("fail", "plain"), /^RangeError: it failed$/);
      await assert.rejects(call("fail", "unavailable"), (error) => error instanceof UnavailableError);
      await assert.rejects(call("fail", "input"), (error) => error instanceof InputError && error.exitCode === 3);
      assert.equal(await call("name", undefined), "echo");
    });
  });

  it("that cannot begin fail every call with the cause", async () => {
    const [{ call, close }] = start(1, { broken: true });
    const both = await Promise.allSettled([call("name", undefined), call("countUp", 3)]);
    for (const answer of both) {
      assert.ok(answer.status === "rejected" && answer.reason instanceof UnavailableError);
      assert.match(answer.reason.message, /it does not start/);
    }
    await close();
  });

  for (const [kind, message] of [
    ["exit", /echo-worker\.js ended with code 7/],
    ["crash", /crashed/],
  ] as const) {
    it(`that ${kind} reject everything that waits and every later call: nothing hangs`, async () => {
      await withWorkers(1, async ({ call }) => {
        const last = call(kind, undefined);
        const waiting = call("name", undefined);
        waiting.catch(() => {});
        await assert.rejects(last, message);
        await assert.rejects(waiting, message);
        await assert.rejects(call("name", undefined), message);
      });
    });
  }

  it("that are closed reject what is under way", async () => {
    await withWorkers(1, async ({ call, close }) => {
      const waiting = call("echo", { bytes: new Uint8Array(1), wait: 10_000 });
      waiting.catch(() => {});
      await close();
      await assert.rejects(waiting, /the workers were closed/);
      await assert.rejects(call("name", undefined), /the workers were closed/);
    });
  });

  it("reject a value that cannot be sent", async () => {
    await withWorkers(1, async ({ call }) => {
      await assert.rejects(call("echo", { bytes: (() => {}) as unknown as Uint8Array }), /could not be cloned/);
      assert.equal(await call("name", undefined), "echo");
    });
  });
});

describe("the end of all workers", () => {
  it("is told once, after the last of them has ended", async () => {
    let ends = 0;
    const [first, second] = start(2, {}, () => ends++);
    assert.equal(ends, 0);
    await first.close();
    assert.equal(ends, 0);
    await assert.rejects(second.call("crash", undefined), /crashed/);
    await second.close();
    assert.equal(ends, 1);
    start(0, {}, () => ends++);
    assert.equal(ends, 2);
  });

  it("is told where one cannot be started, once those before it have ended", {
    timeout: 10_000,
  }, async (context) => {
    const ends: Promise<unknown>[] = [];
    const onWorker = (worker: Worker) => ends.push(once(worker, "exit"));
    process.on("worker", onWorker);
    context.after(() => process.removeListener("worker", onWorker));
    for (const [fails, before] of [
      [1, 0],
      [3, 2],
    ]) {
      let copies = 0;
      // A worker is given a copy of what it is started with.
      const startup = {
        get name(): string {
          if (++copies === fails) throw new Error("no thread is left");
          return "echo";
        },
      };
      let told = 0;
      const onEnd = () => told++;
      assert.throws(() => startWorkers<Echo>({ module, startup, count: 4, onEnd }), /no thread is left/);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(ends.length, before);
      await Promise.all(ends);
      assert.equal(told, 1);
    }
  });
});
