import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { JoinResult } from "../../src/join/judge.js";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { openVectorStore, type VectorStore } from "../../src/vectors/store.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import { columnWorkers } from "../../src/workers/column-workers.js";
import { randomSource } from "../join/vectors.js";
import { type Geometry, makeVectors } from "./geometries.js";
import { type PeerRun, runReferencesPeer } from "./join-peers.js";
import { openTable, spreadOf } from "./table/record.js";
import { shapeOf } from "./table/table.js";

/**
 * New vectors against those of references on disk, beside FAISS's IndexFlatIP.range_search on the same two files. Both read
 * the references; the join compares the new vectors with each other too. One new vector in twenty is a near-copy of a
 * reference's. Decisions are compared with those that follow from the peer's pairs before any speed is printed.
 *
 *   node dist/test/bench/references.js --references 1000000 --rows 10000 --dim 1024 --memory 1 --python PYTHON
 *   node dist/test/bench/references.js --store embeddings.arrow --references 20000 --rows 4000 --threshold 0.95
 *
 * `--queries` is the number of new vectors that the peer searches for, by which its time is scaled up; 0 leaves it out.
 */
const { values: flags } = parseArgs({
  options: {
    references: { type: "string", default: "100000" },
    rows: { type: "string", default: "10000" },
    dim: { type: "string", default: "1024" },
    geometry: { type: "string", default: "bge" },
    threshold: { type: "string", default: "0.9" },
    store: { type: "string" },
    threads: { type: "string", default: `${availableParallelism()}` },
    memory: { type: "string", default: "1" },
    runs: { type: "string", default: "3" },
    queries: { type: "string", default: "2000" },
    python: { type: "string", default: "python3" },
    folder: { type: "string", default: tmpdir() },
  },
});
const [threshold, threads] = [Number(flags.threshold), Number(flags.threads)];
const [referenceCount, rows] = [Number(flags.references), Number(flags.rows)];
const table = await openTable({
  id: "references",
  title: "New vectors against those of references",
  runs: Number(flags.runs),
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "cosine", title: "cosine" },
    { key: "seconds", title: "bge-dedup", unit: "s", digits: 1 },
    { key: "cpu", title: "its processors", unit: "s", digits: 1 },
    { key: "peak", title: "its peak", unit: "MB", digits: 0 },
    { key: "peer", title: "FAISS Flat", unit: "s", digits: 1 },
    { key: "build", title: "of these to build", unit: "s", digits: 1 },
    { key: "peerPeak", title: "its peak", unit: "MB", digits: 0 },
    { key: "ratio", title: "ratio", digits: 1 },
    { key: "cpuRatio", title: "by processor time", digits: 1 },
  ],
});

/** Writes vectors as bge-dedup stores them. */
async function writeStore(path: string, dim: number, batches: Iterable<Float32Array> | AsyncIterable<Float32Array>) {
  const writer = await openVectorStoreWriter({ path, dim });
  let row = 0;
  for await (const batch of batches) {
    await writer.append(
      Float64Array.from({ length: batch.length / dim }, (_, i) => row + i),
      batch,
    );
    row += batch.length / dim;
  }
  await writer.complete();
  await writer.close();
}

/** Made vectors, of which one in twenty is replaced by a near-copy of a reference's, of cosine 0.85 to 1. */
async function* newVectors(references: VectorStore): AsyncGenerator<Float32Array> {
  const { dim, count } = references;
  const random = randomSource(3);
  const original = new Float32Array(dim);
  for (const batch of makeVectors({ geometry: flags.geometry as Geometry, rows, dim, seed: 2 })) {
    for (let at = 0; at < batch.length; at += dim) {
      if (random() >= 0.05) continue;
      await references.gather([Math.floor(random() * count)], original);
      const vector = batch.subarray(at, at + dim);
      // Two made vectors have a cosine of about 0.45, so this share of the other one gives cosines from 0.85 on.
      const noise = 0.7 * random();
      for (let i = 0; i < dim; i++) vector[i] = original[i] + noise * vector[i];
      const length = Math.hypot(...vector);
      for (let i = 0; i < dim; i++) vector[i] /= length;
    }
    yield batch;
  }
}

/** Vectors of a store from `first` on, in batches. */
async function* part(store: VectorStore, first: number, count: number): AsyncGenerator<Float32Array> {
  for (let start = first; start < first + count; start += 1000) {
    const positions = Uint32Array.from({ length: Math.min(1000, first + count - start) }, (_, i) => start + i);
    const batch = new Float32Array(positions.length * store.dim);
    await store.gather(positions, batch);
    yield batch;
  }
}

/** Writes the two stores: parts of the given one, or made vectors. */
async function prepare(referencesPath: string, newPath: string): Promise<void> {
  if (flags.store !== undefined) {
    const store = await openVectorStore(flags.store);
    await writeStore(referencesPath, store.dim, part(store, 0, referenceCount));
    await writeStore(newPath, store.dim, part(store, referenceCount, rows));
    return store.close();
  }
  const dim = Number(flags.dim);
  const geometry = flags.geometry as Geometry;
  await writeStore(referencesPath, dim, makeVectors({ geometry, rows: referenceCount, dim, seed: 1 }));
  const references = await openVectorStore(referencesPath);
  await writeStore(newPath, dim, newVectors(references));
  await references.close();
}

/** Fails unless the first reference that is near enough to each searched row, measured in float64, is that of the join. */
async function checkDecisions(keptByReference: Int32Array, pairs: Int32Array, queries: number, stores: VectorStore[]) {
  const expected = new Int32Array(queries).fill(-1);
  const { dim } = stores[0];
  const [vector, other] = [new Float32Array(dim), new Float32Array(dim)];
  for (let pair = 0; pair < pairs.length; pair += 2) {
    const [row, reference] = [pairs[pair], pairs[pair + 1]];
    if (expected[row] >= 0 && expected[row] < reference) continue;
    await stores[1].gather([row], vector);
    await stores[0].gather([reference], other);
    let dot = 0;
    for (let i = 0; i < dim; i++) dot += vector[i] * other[i];
    if (dot >= threshold) expected[row] = reference;
  }
  assert.deepEqual(keptByReference.slice(0, queries), expected, "decisions differ from those of the peer's pairs");
}

const folder = await mkdtemp(join(flags.folder, "references-bench-"));
try {
  const [referencesPath, newPath] = [join(folder, "references.arrow"), join(folder, "new.arrow")];
  await prepare(referencesPath, newPath);
  const stores = [await openVectorStore(referencesPath), await openVectorStore(newPath)];
  const inOrder = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);
  const runs: { wall: number; cpu: number }[] = [];
  let result: JoinResult | undefined;
  for (let run = 0; run < Number(flags.runs); run++) {
    const start = performance.now();
    const used = process.cpuUsage();
    result = await selfJoin({
      vectors: stores[1],
      order: inOrder(rows),
      threshold,
      references: { vectors: stores[0], order: inOrder(referenceCount) },
      engine: createOrtEngine({ threads: 1 }),
      wideEngine: createOrtEngine({ threads }),
      workers: columnWorkers(threads),
      memory: Number(flags.memory) * 2 ** 30,
    });
    const { user, system } = process.cpuUsage(used);
    runs.push({ wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 });
    console.error(`run ${run + 1}: ${runs[run].wall.toFixed(2)} s, ${runs[run].cpu.toFixed(2)} processor seconds`);
  }
  runs.sort((a, b) => a.wall - b.wall);
  const { keptBy, keptByReference = new Int32Array(0), measured } = result as JoinResult;
  const median = runs[Math.floor(runs.length / 2)];
  const peak = process.resourceUsage().maxRSS / 1024;

  let peer: PeerRun | undefined;
  const queries = Math.min(rows, Number(flags.queries));
  if (queries > 0) {
    const { python } = flags;
    const found = runReferencesPeer({ python, references: referencesPath, rows: newPath, threshold, queries, threads });
    if (typeof found === "string") console.log(`faiss: skipped, ${found}`);
    else {
      peer = found.run;
      await checkDecisions(keptByReference, found.pairs, queries, stores);
      table.check(`the decisions are those that follow from FAISS's pairs, on ${queries} of ${rows} rows`);
    }
  }
  const removed = (numbers: Int32Array) => numbers.filter((by) => by >= 0).length;
  console.log(
    `${rows} new vectors against ${referenceCount} x ${stores[0].dim}, ${flags.store ?? flags.geometry}, threshold ` +
      `${threshold}: ${removed(keptByReference)} removed by references, ${removed(keptBy)} by new ones, ${measured} measured`,
  );
  const spread = `${runs[0].wall.toFixed(2)}-${(runs.at(-1)?.wall ?? 0).toFixed(2)}`;
  console.log(
    `bge-dedup  ${median.wall.toFixed(2)} s (${spread}), CPU ${median.cpu.toFixed(2)} s, peak ${peak.toFixed(0)} MB`,
  );
  let beside: Record<string, number> = {};
  if (peer !== undefined) {
    const wall = peer.build + (peer.search * rows) / peer.queries;
    const cpu = peer.buildCpu + (peer.searchCpu * rows) / peer.queries;
    console.log(
      `faiss flat ${peer.version}  ${wall.toFixed(2)} s (build ${peer.build.toFixed(2)}), CPU ${cpu.toFixed(2)} s, ` +
        `peak ${(peer.peak / 2 ** 20).toFixed(0)} MB: ${(wall / median.wall).toFixed(1)} times as long, ` +
        `CPU ${(cpu / median.cpu).toFixed(1)} times`,
    );
    table.version("FAISS", peer.version);
    const ratios = { ratio: wall / median.wall, cpuRatio: cpu / median.cpu };
    beside = { peer: wall, build: peer.build, peerPeak: peer.peak / 2 ** 20, ...ratios };
  }
  const source = flags.store === undefined ? flags.geometry : "store";
  table.add(`${rows}-${referenceCount}x${stores[0].dim}-${source}-${threshold}`, {
    vectors: `${rows.toLocaleString("en-US")} new against ${shapeOf(referenceCount, stores[0].dim)}, ${source}`,
    cosine: threshold,
    seconds: spreadOf(runs.map(({ wall }) => wall)),
    cpu: median.cpu,
    peak,
    ...beside,
  });
  table.write();
  for (const store of stores) await store.close();
} finally {
  await rm(folder, { recursive: true });
}
