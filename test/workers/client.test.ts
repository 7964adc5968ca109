import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UnavailableError } from "../../src/errors.js";
import { startWorkers, type WorkerClient } from "../../src/workers/client.js";
import type { EchoRequest } from "./echo-worker.js";

async function withWorkers(
  count: number,
  use: (workers: WorkerClient<EchoRequest, Uint8Array | string>) => Promise<void>,
): Promise<void> {
  const module = new URL("./echo-worker.js", import.meta.url);
  const workers = startWorkers<EchoRequest, Uint8Array | string>({ module, startup: { name: "echo" }, count });
  try {
    await use(workers);
  } finally {
    await workers.close();
  }
}

describe("workers behind one function", () => {
  it("answer each request with its own result, and know what they were started with", async () => {
    await withWorkers(2, async ({ call }) => {
      assert.equal(await call({ kind: "name" }), "echo");
      const requests = Array.from({ length: 20 }, (_, i) => ({ bytes: Uint8Array.of(i), wait: (i * 7) % 5 }));
      const answers = await Promise.all(requests.map((request) => call({ kind: "echo", ...request })));
      assert.deepEqual(
        answers.map((answer) => (answer as Uint8Array)[0]),
        requests.map((_, i) => i),
      );
    });
  });

  it("take buffers over instead of copying them", async () => {
    await withWorkers(1, async ({ call }) => {
      const bytes = new Uint8Array(1000).fill(3);
      const answer = call({ kind: "echo", bytes }, [bytes.buffer]);
      assert.equal(bytes.byteLength, 0);
      assert.equal((await answer).length, 1000);
    });
  });

  it("pass errors on with their kind and live on", async () => {
    await withWorkers(1, async ({ call }) => {
      await assert.rejects(call({ kind: "fail" }), /^Error: it failed$/);
      await assert.rejects(call({ kind: "unavailable" }), UnavailableError);
      assert.equal(await call({ kind: "name" }), "echo");
    });
  });

  for (const [kind, message] of [
    ["exit", /echo-worker\.js ended with code 7/],
    ["crash", /crashed/],
  ] as const) {
    it(`that ${kind} reject everything that waits and every later call: nothing hangs`, async () => {
      await withWorkers(1, async ({ call }) => {
        const last = call({ kind });
        const waiting = call({ kind: "name" });
        waiting.catch(() => {});
        await assert.rejects(last, message);
        await assert.rejects(waiting, message);
        await assert.rejects(call({ kind: "name" }), message);
      });
    });
  }

  it("that are closed reject what is under way", async () => {
    await withWorkers(1, async ({ call, close }) => {
      const waiting = call({ kind: "echo", bytes: new Uint8Array(1), wait: 10_000 });
      waiting.catch(() => {});
      await close();
      await assert.rejects(waiting, /the workers were closed/);
      await assert.rejects(call({ kind: "name" }), /the workers were closed/);
    });
  });
});
