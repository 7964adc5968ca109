import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Worker } from "node:worker_threads";
import { type KMeansOptions, kmeans } from "../../src/cluster/kmeans.js";
import { InputError } from "../../src/errors.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import { rowWorkers } from "../../src/workers/row-workers.js";
import { everyRow, randomVectors } from "../cluster/oracle.js";

const folder = await mkdtemp(join(tmpdir(), "row-workers-"));
after(() => rm(folder, { recursive: true }));

const dim = 24;
const count = 3000;
const path = join(folder, "embeddings.arrow");
const writer = await openVectorStoreWriter({ path, dim });
await writer.append(everyRow(count), randomVectors(count, dim, 1));
await writer.complete();
await writer.close();

async function cluster(options: Partial<KMeansOptions>, store = path) {
  const vectors = await openVectorStore(path);
  try {
    const engine = createOrtEngine({ threads: 1 });
    const positions = everyRow(count).filter((position) => position % 7 !== 3);
    const workers = rowWorkers(2, store);
    return await kmeans({ vectors, positions, k: 17, seed: 3, tolerance: 0, engine, workers, ...options });
  } finally {
    await vectors.close();
  }
}

test("the bytes of the result do not depend on how many workers share the rows, nor on their memory", async () => {
  const alone = await cluster({ workers: undefined });
  for (const [shards, memory] of [
    [2, 2 ** 28],
    [3, 0],
    [1, 2 ** 28],
  ]) {
    let most = 0;
    const onProgress = ({ done, total }: { done: number; total: number }): void => {
      assert.ok(done <= total);
      most = Math.max(most, done);
    };
    assert.deepEqual(await cluster({ shards, memory, onProgress }), alone, `${shards} shards`);
    assert.equal(most, alone.assignment.length);
  }
});

test("with more clusters than rows of a kind, empty ones are filled across workers as without them", async () => {
  const start = new Float32Array(40 * dim);
  // All but one start far from any row, so that they run empty.
  for (let j = 1; j < 40; j++) start[j * dim] = 50 + j;
  const options = { k: 40, start, iterations: 6 };
  assert.deepEqual(await cluster({ ...options, shards: 3 }), await cluster({ ...options, workers: undefined }));
});

test("what fails in a worker fails the run, by its kind, and no worker stays", async () => {
  const broken = join(folder, "broken.arrow");
  await writeFile(broken, "no store");
  await assert.rejects(cluster({ shards: 2 }, broken), InputError);
  const other = join(folder, "other.arrow");
  const long = await openVectorStoreWriter({ path: other, dim });
  await long.append(everyRow(count), new Float32Array(count * dim).fill(1));
  await long.complete();
  await long.close();
  await assert.rejects(cluster({ shards: 2 }, other), /vector \d+ has length 4\.8\d+, expected 1/);
});

test("where a worker cannot start, those before it end", { timeout: 10_000 }, async (context) => {
  const started: Worker[] = [];
  const ends: Promise<unknown>[] = [];
  process.on("worker", (worker) => {
    started.push(worker);
    ends.push(once(worker, "exit"));
  });
  context.after(() => {
    process.removeAllListeners("worker");
    return Promise.all(started.map((worker) => worker.terminate()));
  });
  let copies = 0;
  const sent = {
    get threads(): number {
      if (++copies === 3) throw new Error("no thread is left");
      return 1;
    },
  };
  // What a worker is given is copied when it is made.
  assert.throws(() => rowWorkers(4, path).start(3, sent as unknown as number, () => {}), /no thread is left/);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ends.length, 2);
  await Promise.all(ends);
});

test("a signal stops workers too", async () => {
  const stop = new AbortController();
  const onProgress = ({ iteration }: { iteration: number }): void => {
    if (iteration === 2) stop.abort(new Error("stopped"));
  };
  await assert.rejects(cluster({ shards: 2, signal: stop.signal, onProgress }), /stopped/);
});
