import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import type { VectorReader } from "../../src/vectors/reader.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { columnWorkers } from "../../src/workers/column-workers.js";
import { GEOMETRY_TITLES, type Geometry, vectorsOf, writeStore } from "./material/vectors.js";
import { fittedExponent } from "./table/fit.js";
import { openTable, spreadOf } from "./table/record.js";
import { shapeOf } from "./table/table.js";

/**
 * How the self-join of a store on disk grows with its rows, in bounded memory: seconds, peak memory, and the exponent that
 * fits best (least squares of the logarithms).
 *
 *   node dist/test/bench/join-scale.js --rows 10000,20000,40000,80000 --geometry neural-resampled --threshold 0.95
 *   node dist/test/bench/join-scale.js --rows 1000000 --geometry bge --dim 1024 --threshold 0.9 --memory 1 --runs 1
 *
 * The first rows of one store are joined for each size. `--check N` scans N rows by brute force in float64 and compares.
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "10000,20000,40000,80000" },
    dim: { type: "string", default: "1024" },
    geometry: { type: "string", default: "neural-resampled" },
    threshold: { type: "string", default: "0.95" },
    threads: { type: "string", default: `${availableParallelism()}` },
    memory: { type: "string", default: "1" },
    check: { type: "string", default: "2" },
    runs: { type: "string", default: "3" },
    store: { type: "string" },
    folder: { type: "string", default: tmpdir() },
  },
});
const sizes = flags.rows.split(",").map(Number);
const threshold = Number(flags.threshold);
const geometry = flags.geometry as Geometry;
const runs = Number(flags.runs);
const title = flags.store === undefined ? GEOMETRY_TITLES[geometry] : "a store";

const table = await openTable({
  id: "join-scale",
  title: "The self-join of a store on disk",
  runs,
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "cosine", title: "cosine" },
    { key: "memory", title: "memory for vectors", unit: "GB" },
    { key: "seconds", title: "", unit: "s", digits: 2 },
    { key: "cpu", title: "processors", unit: "s", digits: 1 },
    { key: "removed", title: "removed" },
    { key: "measured", title: "pairs measured in float64" },
    { key: "peak", title: "peak resident", unit: "MB", digits: 0 },
  ],
});
const exponents = await openTable({
  id: "join-exponent",
  title: "How the self-join grows",
  runs,
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "cosine", title: "cosine" },
    { key: "rows", title: "rows" },
    { key: "exponent", title: "seconds grow as rows to the power of", digits: 2 },
    { key: "cpuExponent", title: "processor seconds", digits: 2 },
  ],
});

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

/** One join of vectors, which are those of a store. */
async function joinOnce(vectors: VectorReader) {
  const rows = vectors.count;
  const start = performance.now();
  const used = process.cpuUsage();
  let shown = 0;
  const result = await selfJoin({
    vectors,
    order: Uint32Array.from({ length: rows }, (_, i) => i),
    threshold,
    engine: createOrtEngine({ threads: 1 }),
    wideEngine: createOrtEngine({ threads: Number(flags.threads) }),
    workers: columnWorkers(Number(flags.threads)),
    memory: Number(flags.memory) * 2 ** 30,
    onProgress(decided) {
      if (rows < 500_000 || decided < shown + rows / 10) return;
      shown = decided;
      console.error(`${decided} rows after ${((performance.now() - start) / 1000).toFixed(1)} s`);
    },
  });
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(used);
  return { ...result, seconds, cpu: (user + system) / 1e6 };
}

const folder = await mkdtemp(join(flags.folder, "join-scale-"));
try {
  const path = flags.store ?? join(folder, "embeddings.arrow");
  if (!existsSync(path)) {
    await writeStore(path, await vectorsOf({ geometry, rows: Math.max(...sizes), dim: Number(flags.dim), seed: 1 }));
  }
  const store = await openVectorStore(path);
  console.log(`${title}, dim ${store.dim}, threshold ${threshold}, memory ${flags.memory} GB`);
  const medians: { rows: number; seconds: number; cpu: number }[] = [];
  for (const rows of sizes) {
    const vectors: VectorReader = { count: rows, dim: store.dim, gather: store.gather };
    const joins = [];
    for (let run = 0; run < runs; run++) joins.push(await joinOnce(vectors));
    const [{ keptBy, measured }] = joins;
    const peak = process.resourceUsage().maxRSS / 1024;
    // Rows late in the order have the most to be compared with.
    for (let i = 0; i < Number(flags.check); i++) {
      const row = rows - 1 - i * 37;
      assert.equal(keptBy[row], await scan(vectors, row, keptBy), `row ${row} is decided otherwise by a scan`);
    }
    joins.sort((a, b) => a.seconds - b.seconds);
    const { seconds, cpu } = joins[joins.length >> 1];
    const removed = keptBy.filter((by) => by >= 0).length;
    console.log(
      `${rows} rows: ${seconds.toFixed(2)} s (${joins[0].seconds.toFixed(2)}-${(joins.at(-1)?.seconds ?? 0).toFixed(2)}), ` +
        `${cpu.toFixed(2)} CPU s, ${removed} removed, ${measured} measured, peak memory ${peak.toFixed(0)} MB`,
    );
    medians.push({ rows, seconds, cpu });
    table.add(`${geometry}-${store.dim}-${threshold}-${rows}`, {
      vectors: `${shapeOf(rows, store.dim)}, ${title}`,
      cosine: threshold,
      memory: Number(flags.memory),
      seconds: spreadOf(joins.map((run) => run.seconds)),
      cpu,
      removed,
      measured,
      peak,
    });
  }
  if (Number(flags.check) > 0) {
    table.check(
      `the decisions on ${flags.check} late rows of each size are those of a float64 scan of all rows before`,
    );
  }
  if (medians.length > 1) {
    const [exponent, cpuExponent] = (["seconds", "cpu"] as const).map((what) =>
      fittedExponent(medians.map((point) => [point.rows, point[what]])),
    );
    console.log(`fitted exponent ${exponent.toFixed(2)}, of processor seconds ${cpuExponent.toFixed(2)}`);
    exponents.add(`${geometry}-${store.dim}-${threshold}`, {
      vectors: `${title}, ${store.dim} components`,
      cosine: threshold,
      rows: sizes.map((size) => size.toLocaleString("en-US")).join(", "),
      exponent,
      cpuExponent,
    });
  }
  await store.close();
  table.write();
  exponents.write();
} finally {
  await rm(folder, { recursive: true });
}
