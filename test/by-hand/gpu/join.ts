import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { selfJoin } from "../../../src/join/self-join.js";
import { createOrtEngine, type Provider } from "../../../src/onnx/ort-engine.js";
import type { VectorReader } from "../../../src/vectors/reader.js";
import { openVectorStore } from "../../../src/vectors/store.js";
import { openVectorStoreWriter } from "../../../src/vectors/store-writer.js";
import { columnWorkers } from "../../../src/workers/column-workers.js";
import { makeVectors } from "../../bench/geometries.js";
import { round, watchCard } from "./nvidia-smi.js";

/**
 * The self-join of BGE-like vectors on a device, with a digest of what it decided, as one JSON line. The first rows of one store
 * serve every size; it is made where it is not there yet.
 *
 *     node dist/test/by-hand/gpu/join.js --store FILE --make 1000000 --rows 100000 --device cuda
 */
const DIM = 1024;
const THRESHOLD = 0.9;
/** Rows that a worker makes at a time, each time from a seed of its own. */
const CHUNK = 10_000;

/** Makes the vectors of every `step`th chunk from chunk `first` on, one each time it is asked. */
function serveChunks({ first, step, dim, rows }: { first: number; step: number; dim: number; rows: number }): void {
  let chunk = first;
  parentPort?.on("message", () => {
    const count = Math.min(CHUNK, rows - chunk * CHUNK);
    const values = new Float32Array(count * dim);
    let at = 0;
    for (const batch of makeVectors({ geometry: "bge", rows: count, dim, seed: 1 + chunk })) {
      values.set(batch, at);
      at += batch.length;
    }
    chunk += step;
    parentPort?.postMessage(values, [values.buffer]);
  });
}

async function makeStore(path: string, rows: number, dim: number): Promise<void> {
  const step = Math.min(availableParallelism(), Math.ceil(rows / CHUNK));
  const workers = Array.from(
    { length: step },
    (_, first) => new Worker(new URL(import.meta.url), { workerData: { first, step, dim, rows } }),
  );
  const ask = (worker: Worker) =>
    new Promise<Float32Array>((resolve, reject) => {
      worker.once("message", resolve).once("error", reject).postMessage(null);
    });
  const next = workers.map(ask);
  const writer = await openVectorStoreWriter({ path, dim });
  for (let start = 0, turn = 0; start < rows; start += CHUNK, turn = (turn + 1) % step) {
    const values = await next[turn];
    if (start + step * CHUNK < rows) next[turn] = ask(workers[turn]);
    const numbers = Float64Array.from({ length: values.length / dim }, (_, i) => start + i);
    await writer.append(numbers, values);
  }
  await writer.complete();
  await writer.close();
  await Promise.all(workers.map((worker) => worker.terminate()));
}

async function main(): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      store: { type: "string", default: "" },
      make: { type: "string", default: "0" },
      rows: { type: "string" },
      dim: { type: "string", default: `${DIM}` },
      device: { type: "string", default: "cpu" },
      memory: { type: "string", default: "16" },
      /** Share of the rows that are joined. */
      share: { type: "string", default: "1" },
      /** The store is one of those of growing size, of which there is one at a time. */
      scale: { type: "boolean", default: false },
      /** Removes the store at the end. */
      remove: { type: "boolean", default: false },
    },
  });
  if (!existsSync(flags.store)) {
    const started = performance.now();
    // The disk may have no room for two large ones; one is left where the step that removes it did not come to its end.
    const folder = dirname(flags.store);
    if (flags.scale) for (const name of readdirSync(folder)) if (name.startsWith("scale-")) rmSync(join(folder, name));
    await makeStore(flags.store, Number(flags.make), Number(flags.dim));
    const making_seconds = round((performance.now() - started) / 1000, 1);
    console.log(JSON.stringify({ made: Number(flags.make), making_seconds }));
  }
  if (flags.rows === undefined) return;
  const count = Math.round(Number(flags.share) * Number(flags.rows));
  const device = flags.device as Provider;
  const threads = availableParallelism();
  const store = await openVectorStore(flags.store);
  if (count > store.count) throw new Error(`${flags.store} holds ${store.count} vectors, expected ${count} or more`);
  const vectors: VectorReader = { count, dim: store.dim, gather: store.gather };
  const use = watchCard();
  const started = performance.now();
  const { keptBy, similarity, measured } = await selfJoin({
    vectors,
    order: Uint32Array.from({ length: count }, (_, i) => i),
    threshold: THRESHOLD,
    engine: createOrtEngine({ threads: 1 }),
    wideEngine: createOrtEngine({ threads }),
    workers: columnWorkers(threads, device),
    memory: Number(flags.memory) * 2 ** 30,
  });
  const seconds = round((performance.now() - started) / 1000, 2);
  const digest = createHash("sha256").update(keptBy).update(similarity).digest("hex").slice(0, 16);
  const removed = keptBy.filter((by) => by >= 0).length;
  const peak_mib = Math.round(process.resourceUsage().maxRSS / 1024);
  // In billions: half the square of the rows, as if no row left the search.
  const gigapairs_per_second = round(count ** 2 / 2e9 / seconds, 2);
  const figures = { seconds, gigapairs_per_second, removed, measured, decisions: digest, peak_mib, threads };
  console.log(JSON.stringify({ rows: count, dim: store.dim, device, ...figures, ...use() }));
  await store.close();
  if (flags.remove) rmSync(flags.store);
}

if (isMainThread) await main();
else serveChunks(workerData);
