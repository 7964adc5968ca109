import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import type { VectorReader } from "../../src/vectors/reader.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import { columnWorkers } from "../../src/workers/column-workers.js";
import { type Geometry, makeVectors } from "./geometries.js";

/**
 * How the self-join of a store on disk grows with its rows, in bounded memory: seconds, exponent, peak memory.
 *
 *   node dist/test/bench/join-scale.js --rows 10000,100000,1000000 --dim 1024 --memory 1
 *
 * The first rows of one store are joined for each size. `--check N` scans N rows by brute force in float64 and compares.
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "10000,30000,100000" },
    dim: { type: "string", default: "1024" },
    geometry: { type: "string", default: "bge" },
    threshold: { type: "string", default: "0.9" },
    threads: { type: "string", default: `${availableParallelism()}` },
    memory: { type: "string", default: "1" },
    check: { type: "string", default: "2" },
    store: { type: "string" },
  },
});
const sizes = flags.rows.split(",").map(Number);
const threshold = Number(flags.threshold);
const folder = await mkdtemp(join(tmpdir(), "join-scale-"));

/** Writes vectors as bge-dedup stores them. */
async function makeStore(path: string, rows: number, dim: number): Promise<void> {
  const writer = await openVectorStoreWriter({ path, dim });
  let row = 0;
  for (const batch of makeVectors({ geometry: flags.geometry as Geometry, rows, dim, seed: 1 })) {
    const numbers = Float64Array.from({ length: batch.length / dim }, (_, i) => row + i);
    await writer.append(numbers, batch);
    row += numbers.length;
  }
  await writer.complete();
  await writer.close();
}

/** The first row that is kept and near enough to `row`, by a scan of all before it in float64. */
async function scan(vectors: VectorReader, row: number, keptBy: Int32Array): Promise<number> {
  const { dim } = vectors;
  const one = new Float32Array(dim);
  await vectors.gather([row], one);
  const chunk = new Float32Array(1024 * dim);
  for (let start = 0; start < row; start += 1024) {
    const count = Math.min(1024, row - start);
    const positions = Uint32Array.from({ length: count }, (_, i) => start + i);
    await vectors.gather(positions, chunk.subarray(0, count * dim));
    for (let r = 0; r < count; r++) {
      if (keptBy[start + r] !== -1) continue;
      let dot = 0;
      for (let i = 0; i < dim; i++) dot += one[i] * chunk[r * dim + i];
      if (dot >= threshold) return start + r;
    }
  }
  return -1;
}

try {
  const path = flags.store ?? join(folder, "embeddings.arrow");
  if (!existsSync(path)) await makeStore(path, Math.max(...sizes), Number(flags.dim));
  const store = await openVectorStore(path);
  console.log(`${cpus()[0].model}, ${cpus().length} cores, node ${process.version}`);
  console.log(`${flags.store ?? flags.geometry}, dim ${store.dim}, threshold ${threshold}, memory ${flags.memory} GB`);
  let last: { rows: number; seconds: number } | undefined;
  for (const rows of sizes) {
    const vectors: VectorReader = { count: rows, dim: store.dim, gather: store.gather };
    const start = performance.now();
    const used = process.cpuUsage();
    let shown = 0;
    const { keptBy, measured } = await selfJoin({
      vectors,
      order: Uint32Array.from({ length: rows }, (_, i) => i),
      threshold,
      engine: createOrtEngine({ threads: 1 }),
      wideEngine: createOrtEngine({ threads: Number(flags.threads) }),
      workers: columnWorkers(Number(flags.threads)),
      memory: Number(flags.memory) * 2 ** 30,
      onProgress(decided) {
        if (decided < shown + rows / 10) return;
        shown = decided;
        console.error(`${decided} rows after ${((performance.now() - start) / 1000).toFixed(1)} s`);
      },
    });
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(used);
    const peak = process.resourceUsage().maxRSS / 1024;
    // Rows late in the order have the most to be compared with.
    for (let i = 0; i < Number(flags.check); i++) {
      const row = rows - 1 - i * 37;
      assert.equal(keptBy[row], await scan(vectors, row, keptBy), `row ${row} is decided otherwise by a scan`);
    }
    const removed = keptBy.filter((by) => by >= 0).length;
    const exponent =
      last === undefined
        ? ""
        : `exponent ${(Math.log(seconds / last.seconds) / Math.log(rows / last.rows)).toFixed(2)}, `;
    console.log(
      `${rows} rows: ${seconds.toFixed(2)} s, ${((user + system) / 1e6).toFixed(2)} CPU s, ${exponent}` +
        `${removed} removed, ${measured} measured, peak memory ${peak.toFixed(0)} MB`,
    );
    last = { rows, seconds };
  }
  await store.close();
} finally {
  await rm(folder, { recursive: true });
}
