import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { squaredDistance } from "../../src/cluster/assign/distance.js";
import { type KMeansProgress, type KMeansResult, kmeans } from "../../src/cluster/kmeans.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import type { VectorReader } from "../../src/vectors/reader.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import { rowWorkers } from "../../src/workers/row-workers.js";
import { failureOf } from "./join-peers.js";
import { type Geometry, vectorsOf } from "./material/vectors.js";
import { openTable, spreadOf } from "./table/record.js";
import { shapeOf } from "./table/table.js";

/**
 * k-means beside FAISS and scikit-learn: the same vectors, the same starting centroids (ours), the same number of
 * iterations over all rows. Before any speed is printed, the nearest centroids of a sample of rows are found again by a
 * float64 scan, and the inertia must be within 0.1 % of the best peer's.
 *
 *   node dist/test/bench/kmeans.js --rows 100000 --dim 1024 --k 50 --geometry bge|isotropic|neural|titles|templated
 *   node dist/test/bench/kmeans.js --k 50 --store bge-out/embeddings.arrow
 *
 * Ours counts everything from the start to the last assignment, which the peers leave out. `--memory MB` bounds what is
 * kept between iterations; `--python` names an interpreter with the peers. Processor seconds are given beside those of the
 * clock: they bear other load on the machine better.
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "100000" },
    dim: { type: "string", default: "1024" },
    k: { type: "string", default: "50" },
    iterations: { type: "string", default: "20" },
    geometry: { type: "string", default: "bge" },
    store: { type: "string" },
    threads: { type: "string", default: String(cpus().length) },
    memory: { type: "string", default: "2048" },
    runs: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
    python: { type: "string", default: "python3" },
    peers: { type: "string", default: "faiss,sklearn" },
  },
});
const k = Number(flags.k);
const iterations = Number(flags.iterations);
const threads = Number(flags.threads);

const recorded = await openTable({
  id: "kmeans",
  title: "k-means",
  runs: Number(flags.runs),
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "k", title: "k" },
    { key: "who", title: "" },
    { key: "ms", title: "an iteration", unit: "ms", digits: 0 },
    { key: "cpu", title: "processors", unit: "ms", digits: 0 },
    { key: "iterations", title: "iterations" },
    { key: "inertia", title: "inertia", digits: 2 },
    { key: "peak", title: "peak", unit: "MB", digits: 0 },
  ],
});

/** One run of anyone. */
interface Run {
  readonly version: string;
  readonly iterations: number;
  readonly seconds: number;
  readonly cpu: number;
  readonly inertia: number;
  readonly peakMb: number;
}

/** Writes the vectors to a plain file for the peers and to a store for ours. */
async function writeVectors(path: string, storePath: string): Promise<{ dim: number }> {
  const source = flags.store === undefined ? null : await openVectorStore(flags.store);
  const { rows, dim: made } = flags;
  const geometry = flags.geometry as Geometry;
  const given = source ?? (await vectorsOf({ geometry, rows: Number(rows), dim: Number(made), seed: 1 }));
  const { dim } = given;
  const file = await open(path, "w");
  const ours = await openVectorStoreWriter({ path: storePath, dim });
  let count = 0;
  const append = async (values: Float32Array) => {
    await file.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    await ours.append(
      Array.from({ length: values.length / dim }, (_, i) => count + i),
      values,
    );
    count += values.length / dim;
  };
  if ("batches" in given) {
    for (const values of given.batches) await append(values);
  }
  if (source !== null) {
    for (let start = 0; start < source.count; start += 1000) {
      const size = Math.min(1000, source.count - start);
      const positions = Uint32Array.from({ length: size }, (_, i) => start + i);
      const values = new Float32Array(size * dim);
      await source.gather(positions, values);
      // Texts without a direction have no cluster.
      for (let r = 0; r < size; r++) {
        const row = values.subarray(r * dim, (r + 1) * dim);
        if (row.some((value) => value !== 0)) await append(row);
      }
    }
    await source.close();
  }
  await file.close();
  await ours.complete();
  await ours.close();
  return { dim };
}

/** Our run; adds the processor seconds of each of its iterations to `each`. */
async function runOurs(
  vectors: VectorReader,
  storePath: string,
  start: Float32Array,
  each: number[][],
): Promise<[Run, KMeansResult]> {
  const marks: { key: string; at: number; cpu: number }[] = [];
  const cpu = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const onProgress = ({ stage, iteration }: KMeansProgress) => {
    // Until the first iteration vectors are read, as the peers have them read.
    const key = stage !== "assign" ? stage : iteration > 0 ? `${iteration}` : "seed";
    if (key === "seed" || marks.at(-1)?.key !== key) {
      if (marks.at(-1)?.key === key) marks.pop();
      marks.push({ key, at: performance.now() / 1000, cpu: cpu() });
    }
  };
  const positions = Uint32Array.from({ length: vectors.count }, (_, row) => row);
  const memory = Number(flags.memory) * 2 ** 20;
  const engine = createOrtEngine({ threads });
  const workers = rowWorkers(threads, storePath);
  const options = { vectors, positions, k, iterations, tolerance: 0, start, engine, workers, memory, onProgress };
  const found = await kmeans(options);
  const begin = marks[0];
  const end = marks.at(-1) as (typeof marks)[number];
  each.push(marks.slice(1, -1).map((mark, m) => marks[m + 2].cpu - mark.cpu));
  const run = {
    version: "bge-cluster",
    iterations: found.iterations,
    seconds: end.at - begin.at,
    cpu: end.cpu - begin.cpu,
    inertia: found.inertia,
    peakMb: process.resourceUsage().maxRSS / 1024,
  };
  return [run, found];
}

/** A peer's run, or a word why there is none. */
function runPeer(peer: string, path: string, startPath: string, dim: number): Run | string {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, "package.json"))) root = dirname(root);
  const script = join(root, "test/bench/peers/kmeans.py");
  const options = [
    "--peer",
    peer,
    "--dim",
    dim,
    "--start",
    startPath,
    "--iterations",
    iterations,
    "--threads",
    threads,
  ];
  const { status, stdout, stderr, error } = spawnSync(flags.python, [script, path, ...options.map(String)], {
    env: { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) },
    encoding: "utf8",
  });
  if (status === 0) return JSON.parse(stdout) as Run;
  return failureOf({ python: flags.python, status, stderr, error });
}

/** Fails unless a sample of rows has the nearest centroid by a float64 scan. */
async function checkNearest(vectors: VectorReader, { centroids, assignment }: KMeansResult): Promise<void> {
  const row = new Float32Array(vectors.dim);
  for (let s = 0; s < 300; s++) {
    const position = Math.floor((s * vectors.count) / 300);
    await vectors.gather([position], row);
    let nearest = 0;
    const distances = Array.from({ length: k }, (_, j) => {
      return squaredDistance(row, 0, centroids, j * vectors.dim, vectors.dim);
    });
    for (let j = 1; j < k; j++) if (distances[j] < distances[nearest]) nearest = j;
    if (distances[assignment[position]] > distances[nearest]) throw new Error(`row ${position} has a nearer centroid`);
  }
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

const folder = await mkdtemp(join(tmpdir(), "kmeans-"));
try {
  const path = join(folder, "vectors.f32");
  const startPath = join(folder, "start.f32");
  const storePath = join(folder, "embeddings.arrow");
  const { dim } = await writeVectors(path, storePath);
  const vectors = await openVectorStore(storePath);
  const { count } = vectors;
  const positions = Uint32Array.from({ length: count }, (_, row) => row);
  const seeding = performance.now();
  const engine = createOrtEngine({ threads });
  // Without an iteration the centroids stay where they start.
  const seeded = { vectors, positions, k, engine, seed: Number(flags.seed), iterations: 0, memory: 0 };
  const { centroids: start } = await kmeans(seeded);
  const seedSeconds = (performance.now() - seeding) / 1000;
  await writeFile(startPath, new Uint8Array(start.buffer, start.byteOffset, start.byteLength));

  const runs = new Map<string, Run[]>();
  const each: number[][] = [];
  const skipped = new Map<string, string>();
  for (let repeat = 0; repeat < Number(flags.runs); repeat++) {
    const [run, found] = await runOurs(vectors, storePath, start, each);
    if (repeat === 0) await checkNearest(vectors, found);
    runs.set("ours", [...(runs.get("ours") ?? []), run]);
    for (const peer of flags.peers.split(",").filter((name) => name !== "" && !skipped.has(name))) {
      const result = runPeer(peer, path, startPath, dim);
      if (typeof result === "string") skipped.set(peer, result);
      else runs.set(peer, [...(runs.get(peer) ?? []), result]);
    }
  }
  await vectors.close();

  const [ours] = runs.get("ours") as Run[];
  const best = Math.min(...[...runs].filter(([name]) => name !== "ours").map(([, [run]]) => run.inertia));
  if (ours.inertia > 1.001 * best) throw new Error(`inertia ${ours.inertia}, but a peer reaches ${best}`);
  const beside = runs.size > 1 ? ", and an inertia within 0.1 % of the best peer's" : "";
  recorded.check(`the nearest centroids of 300 rows by a float64 scan${beside}`);
  console.log(
    `${threads} threads; ${count} x ${dim}, ${flags.store ?? flags.geometry}, k = ${k}, ${iterations} iterations`,
  );
  console.log(
    `seeding and a first assignment ${seedSeconds.toFixed(2)} s, not counted; nearest centroids of 300 rows checked`,
  );
  const name = flags.store === undefined ? flags.geometry : "store";
  const table = [...runs].map(([who, list]) => {
    const perIteration = list.map((run) => (1000 * run.seconds) / run.iterations);
    const cpu = median(list.map((run) => (1000 * run.cpu) / run.iterations));
    const peak = median(list.map((run) => run.peakMb));
    const [{ version, inertia, iterations: done }] = list;
    const [program, number] = version.replace("faiss", "FAISS").split(/ (?=\d)/);
    if (number !== undefined) recorded.version(program, number);
    recorded.add(`${count}x${dim}-${name}-${k}-${iterations}-${who}`, {
      vectors: `${shapeOf(count, dim)}, ${name}`,
      ...{ k, who: program, ms: spreadOf(perIteration), cpu, iterations: done, inertia, peak },
    });
    return {
      who: version,
      "ms/iteration": median(perIteration).toFixed(0),
      spread: `${Math.min(...perIteration).toFixed(0)}-${Math.max(...perIteration).toFixed(0)}`,
      "cpu ms/iteration": cpu.toFixed(0),
      iterations: done,
      inertia: inertia.toFixed(2),
      "peak MB": peak.toFixed(0),
    };
  });
  console.table(table);
  console.log(
    `ours, cpu ms in each iteration: ${each[0].map((_, i) => (1000 * median(each.map((run) => run[i]))).toFixed(0)).join(" ")}`,
  );
  recorded.write();
  for (const [peer, why] of skipped) console.log(`${peer} skipped: ${why}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
