import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Field, FixedSizeList, Float32, makeData, Schema } from "apache-arrow";
import { assignRows } from "../../src/cluster/assign-rows.js";
import { kmeans } from "../../src/cluster/kmeans.js";
import { openArrowWriter } from "../../src/io/arrow/write.js";
import { batchOf } from "../../src/io/columns/take.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import { rowWorkers } from "../../src/workers/row-workers.js";
import { type Geometry, makeVectors } from "./geometries.js";
import { openTable, spreadOf } from "./table/record.js";
import { shapeOf } from "./table/table.js";

/**
 * `--assign` beside plain reading: seconds to put the rows of a store into the clusters of given centroids, against
 * reading the same store in the same tiles and doing nothing, and against scikit-learn and FAISS on the mapped file.
 *
 *   node dist/test/bench/assign.js --rows 1000000 --dim 1024 --k 50 --python python-with-peers
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    dim: { type: "string", default: "1024" },
    k: { type: "string", default: "50" },
    geometry: { type: "string", default: "bge" },
    threads: { type: "string", default: String(cpus().length) },
    memory: { type: "string", default: "2048" },
    runs: { type: "string", default: "3" },
    python: { type: "string", default: "python3" },
    folder: { type: "string", default: tmpdir() },
  },
});
const [rows, dim, k, threads] = [flags.rows, flags.dim, flags.k, flags.threads].map(Number);
const memory = Number(flags.memory) * 2 ** 20;

const table = await openTable({
  id: "assign",
  title: "Rows into the clusters of given centroids",
  runs: Number(flags.runs),
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "who", title: "" },
    { key: "seconds", title: "", unit: "s", digits: 2 },
    { key: "cpu", title: "processors", unit: "s", digits: 1 },
  ],
});

/** Makes a store of so many rows; beyond 20,000 the same ones again, which cost the same. */
async function writeStore(path: string): Promise<void> {
  const store = await openVectorStoreWriter({ path, dim });
  const geometry = flags.geometry as Geometry;
  const made = [...makeVectors({ geometry, rows: Math.min(rows, 20_000), dim, seed: 1 })];
  for (let count = 0, part = 0; count < rows; part++) {
    const values = made[part % made.length];
    const size = Math.min(values.length / dim, rows - count);
    const numbers = Array.from({ length: size }, (_, i) => count + i);
    await store.append(numbers, values.subarray(0, size * dim));
    count += size;
  }
  await store.complete();
  await store.close();
}

async function writeCentroids(path: string, centroids: Float32Array): Promise<void> {
  const type = new FixedSizeList(dim, new Field("item", new Float32(), false));
  const schema = new Schema([new Field("centroid", type, false)]);
  const child = makeData({ type: new Float32(), length: k * dim, nullCount: 0, data: centroids });
  const writer = await openArrowWriter({ path, schema });
  await writer.write(batchOf(schema, [makeData({ type, length: k, nullCount: 0, child })], k));
  await writer.finish();
}

/** Seconds of the clock, and of all processors: these bear other load on the machine better. */
interface Took {
  readonly seconds: number;
  readonly cpu: number;
}

function stopwatch(): () => Took {
  const [began, used] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { seconds: (performance.now() - began) / 1000, cpu: (user + system) / 1e6 };
  };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];
const folder = await mkdtemp(join(flags.folder, "assign-"));
try {
  const [path, centroidsPath] = [join(folder, "embeddings.arrow"), join(folder, "centroids.arrow")];
  await writeStore(path);
  const vectors = await openVectorStore(path);
  const positions = Uint32Array.from({ length: rows }, (_, row) => row);
  const engine = createOrtEngine({ threads });
  const sample = positions.subarray(0, Math.min(rows, 20_000));
  const { centroids } = await kmeans({ vectors, positions: sample, k, engine, iterations: 5 });
  await writeCentroids(centroidsPath, centroids);
  const times: Record<string, Took[]> = {};
  const took = (name: string, { seconds, cpu }: Took) => {
    times[name] = [...(times[name] ?? []), { seconds, cpu }];
    console.error(`${name}: ${seconds.toFixed(2)} s, of processors ${cpu.toFixed(2)} s`);
  };
  const skipped: string[] = [];
  for (let run = 0; run < Number(flags.runs); run++) {
    const tile = new Float32Array(8192 * dim);
    let watch = stopwatch();
    for (let start = 0; start < rows; start += 8192) {
      const part = positions.subarray(start, start + 8192);
      await vectors.gather(part, tile.subarray(0, part.length * dim));
    }
    took("plain reading", watch());
    watch = stopwatch();
    const workers = rowWorkers(threads, path);
    const { sizes } = await assignRows({ vectors, positions, centroids, engine, workers, memory });
    took("--assign", watch());
    for (const peer of ["assign-sklearn", "assign-faiss"]) {
      const script = join(import.meta.dirname, "../../../test/bench/peers/kmeans_like.py");
      const args = [script, path, centroidsPath, "--peer", peer, "--threads", String(threads)];
      const { status, stdout, stderr } = spawnSync(flags.python, args, { encoding: "utf8", maxBuffer: 2 ** 28 });
      if (status !== 0) {
        skipped.push(`${peer}: ${stderr?.trim().split("\n").at(-1)}`);
        continue;
      }
      const found = JSON.parse(stdout) as Took & { sizes: number[] };
      // Float32 decides there, so that rows in the middle of two centroids may go elsewhere.
      const others = found.sizes.reduce((sum, size, j) => sum + Math.abs(size - sizes[j]), 0) / 2;
      if (others > rows / 10_000) throw new Error(`${peer} puts ${others} rows elsewhere`);
      took(peer, found);
    }
  }
  if (Object.keys(times).length > 2) table.check("the clusters have the peers' sizes, but for one row in ten thousand");
  await vectors.close();
  const { maxRSS } = process.resourceUsage();
  console.log(`${threads} threads, peak ${Math.round(maxRSS / 1024)} MB`);
  console.log(
    `${rows} x ${dim}, ${flags.geometry}, k = ${k}, ${flags.runs} runs in turn; seconds (of processors), median`,
  );
  for (const [name, all] of Object.entries(times)) {
    const [seconds, cpu] = [median(all.map((each) => each.seconds)), median(all.map((each) => each.cpu))];
    console.log(`${name.padEnd(16)} ${seconds.toFixed(2)} (${cpu.toFixed(2)})`);
    table.add(`${rows}x${dim}-${flags.geometry}-${k}-${name.replace(/^--/, "").replaceAll(" ", "-")}`, {
      vectors: `${shapeOf(rows, dim)}, ${flags.geometry}, k = ${k}`,
      who: name.replace("assign-sklearn", "scikit-learn").replace("assign-faiss", "FAISS, assignment alone"),
      seconds: spreadOf(all.map((each) => each.seconds)),
      cpu,
    });
  }
  table.write();
  for (const why of new Set(skipped)) console.log(`skipped: ${why}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
