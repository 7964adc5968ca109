import assert from "node:assert/strict";
import { mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { assignRows } from "../../src/cluster/assign-rows.js";
import { type KMeansOptions, kmeans } from "../../src/cluster/kmeans.js";
import { serveShards } from "../../src/engine/cluster/serve.js";
import { sharedShards } from "../../src/engine/cluster/shared-shards.js";
import { FailedRunError, InputError } from "../../src/errors.js";
import { takeLock } from "../../src/io/lock.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import { everyRow, randomVectors } from "../cluster/oracle.js";
import { fileIn, type InProcess, openInProcess } from "./cluster-workers.js";

const folder = await mkdtemp(join(tmpdir(), "cluster-exchange-"));
after(() => rm(folder, { recursive: true }));

const dim = 24;
const count = 3000;
const path = join(folder, "embeddings.arrow");
await writeStore(path, randomVectors(count, dim, 1));
const positions = everyRow(count).filter((position) => position % 7 !== 3);
const weights = positions.map((position) => 1 + (position % 3));

async function writeStore(to: string, vectors: Float32Array): Promise<void> {
  const writer = await openVectorStoreWriter({ path: to, dim });
  await writer.append(everyRow(vectors.length / dim), vectors);
  await writer.complete();
  await writer.close();
}

async function cluster(options: Partial<KMeansOptions>) {
  const vectors = await openVectorStore(path);
  try {
    const engine = createOrtEngine({ threads: 1 });
    return await kmeans({
      vectors,
      positions,
      weights,
      k: 17,
      seed: 3,
      tolerance: 0,
      iterations: 8,
      engine,
      ...options,
    });
  } finally {
    await vectors.close();
  }
}

let exchanges = 0;

/** Runs `use` with a leader and `workers` workers. */
async function withWorkers<T>(
  workers: number,
  use: (exchange: InProcess) => Promise<T>,
  slowAfter?: number,
): Promise<T> {
  const exchange = await openInProcess(join(folder, `exchange-${exchanges++}`), slowAfter);
  try {
    for (let w = 0; w < workers; w++) exchange.work();
    return await use(exchange);
  } finally {
    await exchange.close();
  }
}

const over = ({ desk }: InProcess, shards: number, store = path) =>
  sharedShards({ desk: Promise.resolve(desk), store, shards });

test("the bits do not depend on how many workers share the rows, nor on how many shards one of them holds", async () => {
  // The rows make eleven runs, so the last of twelve shards has none.
  const kinds: [Partial<KMeansOptions>, [workers: number, shards: number][]][] = [
    [
      {},
      [
        [1, 1],
        [3, 3],
      ],
    ],
    [{ k: 3, spherical: true }, [[2, 5]]],
    [
      { k: 40, starts: 2, iterations: 3, weights: undefined },
      [
        [1, 12],
        [3, 3],
      ],
    ],
  ];
  for (const [kind, crews] of kinds) {
    const alone = await cluster(kind);
    for (const [workers, shards] of crews) {
      const shared = await withWorkers(workers, (exchange) => cluster({ ...kind, workers: over(exchange, shards) }));
      assert.deepEqual(shared, alone, `${workers} workers, ${shards} shards, ${JSON.stringify(kind)}`);
    }
  }
});

test("empty clusters are filled across machines as on one", async () => {
  const start = new Float32Array(9 * dim);
  for (let j = 1; j < 9; j++) start[j * dim] = 50 + j;
  const options = { k: 9, start, iterations: 6 };
  const shared = await withWorkers(2, (exchange) => cluster({ ...options, workers: over(exchange, 3) }));
  assert.deepEqual(shared, await cluster(options));
});

test("rows are put into given clusters across machines as on one", async () => {
  const centroids = randomVectors(9, dim, 5);
  const vectors = await openVectorStore(path);
  const given = { vectors, positions, centroids, engine: createOrtEngine({ threads: 1 }), memory: 2 ** 28 };
  const shared = await withWorkers(2, (exchange) => assignRows({ ...given, workers: over(exchange, 3) }));
  assert.deepEqual(shared, await assignRows(given));
  await vectors.close();
});

test("whoever comes, goes or comes back changes nothing", async () => {
  const alone = await cluster({});
  await withWorkers(0, async (exchange) => {
    const ends: (() => Promise<void>)[] = [];
    let changes: Promise<void> = Promise.resolve();
    const onProgress = ({ stage, iteration, done }: { stage: string; iteration: number; done: number }): void => {
      if (stage !== "assign" || done > 0) return;
      if (iteration === 0 || iteration === 2 || iteration === 4) ends.push(exchange.work());
      if (iteration === 3 || iteration === 5) changes = changes.then(() => ends.shift()?.());
    };
    assert.deepEqual(await cluster({ workers: over(exchange, 4), onProgress }), alone);
    await changes;
    assert.equal(exchange.desk.workers.size >= 2, true);
  });
});

test("a worker that is counted as dead while it stands still begins anew, and nothing is lost", async () => {
  const alone = await cluster({});
  await withWorkers(1, async (exchange) => {
    const running = cluster({ workers: over(exchange, 2) });
    await fileIn(exchange.folder, /^ask\./);
    await rm(join(exchange.folder, await fileIn(exchange.folder, /^worker\.\w+$/)));
    assert.deepEqual(await running, alone);
    assert.equal(exchange.desk.workers.size, 2);
  });
});

test("what a worker finds wrong with the vectors fails the run by its kind", async () => {
  const other = join(folder, "other.arrow");
  await writeStore(other, new Float32Array(count * dim).fill(1));
  await withWorkers(2, async (exchange) => {
    await assert.rejects(cluster({ workers: over(exchange, 2, other) }), (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /vector \d+ has length 4\.8\d+, expected 1/);
      return true;
    });
  });
});

test("what may pass is tried three times, by whoever is there, and then fails the run", async () => {
  await withWorkers(0, async (exchange) => {
    const shorter = join(folder, "shorter.arrow");
    await writeStore(shorter, randomVectors(64, dim, 1));
    const store = join(folder, "replaced.arrow");
    await writeStore(store, randomVectors(count, dim, 1));
    const running = cluster({ workers: over(exchange, 1, store) });
    // The leader has seen the file; the workers that come now see another one, and all of it.
    await fileIn(exchange.folder, /^rows\./);
    await rename(shorter, store);
    exchange.work();
    exchange.work();
    await assert.rejects(running, /has 64 vectors of 24 components on this machine, expected 3000 of 24/);
    assert.equal(exchange.notes.length, 2);
  });
});

test("a signal ends the wait for workers that never come", async () => {
  await withWorkers(0, async (exchange) => {
    const stop = new AbortController();
    const workers = sharedShards({ desk: Promise.resolve(exchange.desk), store: path, shards: 2, signal: stop.signal });
    const running = cluster({ workers, signal: stop.signal });
    await fileIn(exchange.folder, /^rows\./);
    stop.abort(new Error("stopped"));
    await assert.rejects(running, /stopped/);
    const left = (await readdir(exchange.folder)).filter((name) => name.startsWith("ask.") || name.startsWith("rows."));
    assert.deepEqual(left, []);
  });
});

test("a worker that lives but does not answer loses its shards to the others", async () => {
  const alone = await cluster({});
  const use = async (exchange: InProcess) => {
    const release = await takeLock(join(exchange.folder, "worker.idle"));
    assert.deepEqual(await cluster({ workers: over(exchange, 6) }), alone);
    await release();
    assert.ok(
      exchange.notes.includes("a worker of k-means is much slower than the others (idle); its rows go to them"),
      exchange.notes.join(),
    );
  };
  await withWorkers(2, use, 100);
});

test("workers whose leader is gone end by themselves", async () => {
  await withWorkers(0, async ({ folder: place }) => {
    const own = { folder: place, leaderLock: `${place}.gone`, threads: 1, memory: 2 ** 28, leaderWithin: 200 };
    await assert.rejects(serveShards(own), (error: Error) => {
      assert.ok(error instanceof FailedRunError);
      assert.match(error.message, /has ended without a result; give its command again, which goes on from there/);
      return true;
    });
    assert.deepEqual(await readdir(place), ["leader.json"]);
  });
});

test("a leader of another version gets no workers, and neither does a folder without one", async () => {
  await withWorkers(0, async ({ folder: place }) => {
    await writeFile(join(place, "leader.json"), '{"version":"0.0.1"}');
    const own = { folder: place, leaderLock: `${place}.lock`, threads: 1, memory: 2 ** 28, leaderWithin: 20 };
    await assert.rejects(serveShards(own), /is led by version 0\.0\.1; install the same one everywhere/);
    await rm(join(place, "leader.json"));
    await assert.rejects(serveShards(own), /nobody leads a k-means/);
  });
});
