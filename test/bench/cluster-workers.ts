import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { kmeans } from "../../src/cluster/kmeans.js";
import type { ShardWorkers } from "../../src/cluster/shards.js";
import { openDesk } from "../../src/engine/cluster/desk.js";
import { LEADER, listNames, putJson } from "../../src/engine/cluster/exchange.js";
import { placesOf } from "../../src/engine/cluster/lead.js";
import { sharedShards } from "../../src/engine/cluster/shared-shards.js";
import { takeLock } from "../../src/io/lock.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { VERSION } from "../../src/run/work/manifest.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import { rowWorkers } from "../../src/workers/row-workers.js";
import { type Geometry, makeVectors } from "./geometries.js";
import { openTable, spreadOf } from "./table/record.js";
import { shapeOf } from "./table/table.js";

/**
 * K-means with worker processes that talk through files, beside the threads of one process: the same vectors, the same
 * start, the same number of iterations, the same bits. All share the processors of this machine, so more workers are not
 * faster here; what they cost more is the price of the files.
 *
 *   node dist/test/bench/cluster-workers.js --rows 100000 --dim 1024 --k 50 --workers 1,2,4
 *   node dist/test/bench/cluster-workers.js --rows 512 --dim 1024 --k 50 --iterations 100      the cost of a question
 *
 * `--folder` names the folder of the files, as on a network file system.
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "100000" },
    dim: { type: "string", default: "1024" },
    k: { type: "string", default: "50" },
    iterations: { type: "string", default: "10" },
    geometry: { type: "string", default: "bge" },
    workers: { type: "string", default: "1,2,4" },
    threads: { type: "string", default: String(cpus().length) },
    memory: { type: "string", default: "2048" },
    runs: { type: "string", default: "3" },
    folder: { type: "string", default: tmpdir() },
  },
});
const [dim, k, threads] = [Number(flags.dim), Number(flags.k), Number(flags.threads)];
const memory = Number(flags.memory) * 2 ** 20;
const program = fileURLToPath(new URL("../../../bin/bge-cluster.js", import.meta.url));

const table = await openTable({
  id: "cluster-workers",
  title: "K-means by worker processes",
  runs: Number(flags.runs),
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "who", title: "" },
    { key: "ms", title: "an iteration", unit: "ms", digits: 1 },
    { key: "ratio", title: "ratio", digits: 2 },
  ],
});
const folder = await mkdtemp(join(flags.folder, "cluster-workers-"));
const store = join(folder, "embeddings.arrow");

async function writeStore(): Promise<void> {
  const writer = await openVectorStoreWriter({ path: store, dim });
  let count = 0;
  const rows = Number(flags.rows);
  for (const values of makeVectors({ geometry: flags.geometry as Geometry, rows, dim, seed: 1 })) {
    await writer.append(
      Array.from({ length: values.length / dim }, (_, i) => count + i),
      values,
    );
    count += values.length / dim;
  }
  await writer.complete();
  await writer.close();
}

/** Runs k-means; returns the milliseconds of the iterations from the second on, and the result. */
async function measure(start: Float32Array, workers: ShardWorkers) {
  const vectors = await openVectorStore(store);
  const marks: number[] = [];
  const result = await kmeans({
    vectors,
    k,
    start,
    workers,
    iterations: Number(flags.iterations),
    // Never met, so that all iterations run.
    tolerance: -1,
    engine: createOrtEngine({ threads }),
    memory,
    onProgress({ stage, iteration, done }) {
      if (stage === "assign" && iteration > 0 && done === 0) marks.push(performance.now());
    },
  });
  await vectors.close();
  const each = marks.slice(2).map((mark, m) => mark - marks[m + 1]);
  return { each, result };
}

/** Leads `count` worker processes over a folder of their own. */
async function withWorkers<T>(count: number, use: (workers: ShardWorkers) => Promise<T>): Promise<T> {
  const out = await mkdtemp(join(folder, "run-"));
  const places = placesOf(out);
  await mkdir(places.folder, { recursive: true });
  const release = await takeLock(places.leaderLock);
  await putJson(places.folder, LEADER, { version: VERSION });
  const share = ["--threads", Math.max(1, Math.floor(threads / count)), "--memory", Math.floor(memory / count)];
  const children: ChildProcess[] = Array.from({ length: count }, () =>
    spawn(process.execPath, [program, "work", out, "-q", ...share.map(String)], { stdio: "inherit" }),
  );
  try {
    while ((await listNames(places.folder)).filter((name) => name.startsWith("worker.")).length < count) {
      await sleep(50);
    }
    const desk = openDesk({ folder: places.folder, note: console.log, onNobody: () => {} });
    return await use(sharedShards({ desk: Promise.resolve(desk), store, shards: count }));
  } finally {
    await rm(join(places.folder, LEADER), { force: true });
    await Promise.all(
      children.map((child) => child.exitCode ?? new Promise((resolve) => child.once("close", resolve))),
    );
    await release();
  }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

try {
  await writeStore();
  const vectors = await openVectorStore(store);
  const seeded = await kmeans({ vectors, k, iterations: 0, memory, engine: createOrtEngine({ threads }) });
  await vectors.close();
  const start = seeded.centroids;
  const counts = flags.workers.split(",").map(Number);
  const each = new Map<string, number[]>();
  let bits: unknown;
  for (let repeat = 0; repeat < Number(flags.runs); repeat++) {
    for (const count of [0, ...counts]) {
      const found =
        count === 0
          ? await measure(start, rowWorkers(threads, store))
          : await withWorkers(count, (workers) => measure(start, workers));
      const { assignment, centroids, inertia } = found.result;
      const now = JSON.stringify([inertia, hash(new Int32Array(centroids.buffer)), hash(assignment)]);
      bits ??= now;
      if (now !== bits) throw new Error(`${count} workers found other clusters`);
      const who = count === 0 ? `threads: ${threads}` : `processes: ${count}`;
      each.set(who, [...(each.get(who) ?? []), ...found.each]);
    }
  }
  table.check("the same centroids, clusters and inertia to the bit");
  console.log(
    `${flags.rows} x ${dim}, ${flags.geometry}, k = ${k}, ${flags.iterations} iterations, ${flags.runs} runs`,
  );
  const base = median([...each.values()][0]);
  console.table(
    [...each].map(([who, list]) => ({
      who,
      "ms/iteration": median(list).toFixed(1),
      least: Math.min(...list).toFixed(1),
      most: Math.max(...list).toFixed(1),
      ratio: (median(list) / base).toFixed(2),
    })),
  );
  for (const [who, list] of each) {
    const vectors = `${shapeOf(Number(flags.rows), dim)}, ${flags.geometry}, k = ${k}`;
    const key = `${flags.rows}x${dim}-${k}-${who.replace(": ", "-")}`;
    table.add(key, { vectors, who, ms: spreadOf(list), ratio: median(list) / base });
  }
  table.write();
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** A number that changes with any cluster of any row. */
function hash(assignment: Int32Array): number {
  return assignment.reduce((sum, cluster) => (Math.imul(sum, 31) + cluster) | 0, 7);
}
