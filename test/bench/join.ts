import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type JoinResult, selfJoin } from "../../src/dedup/join.js";
import { openVectorStore } from "../../src/io/vector-store.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { arrayReader } from "../dedup/vectors.js";
import { type Geometry, makeVectors } from "./geometries.js";

/**
 * The exact self-join beside FAISS on the same vectors. Decisions are compared with those that follow from the pairs of
 * IndexFlatIP.range_search, measured again in float64, before any speed is printed.
 *
 *   node dist/test/bench/join.js --rows 20000 --dim 1024 --geometry bge|isotropic
 *   node dist/test/bench/join.js --geometry real --store bge-out/embeddings.arrow
 *
 * `--queries N` lets FAISS search the last N rows only and scales its time up; `--python` names an interpreter with faiss.
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "20000" },
    dim: { type: "string", default: "1024" },
    geometry: { type: "string", default: "bge" },
    threshold: { type: "string", default: "0.9" },
    store: { type: "string" },
    threads: { type: "string", default: "0" },
    memory: { type: "string", default: "4" },
    runs: { type: "string", default: "3" },
    queries: { type: "string", default: "0" },
    python: { type: "string", default: "python3" },
    peers: { type: "string", default: "flat" },
  },
});
const threshold = Number(flags.threshold);
const threads = Number(flags.threads);

/** Vectors to join, in one buffer. */
async function loadVectors(): Promise<{ values: Float32Array; dim: number }> {
  if (flags.store !== undefined) {
    const store = await openVectorStore(flags.store);
    const rows = Math.min(store.count, Number(flags.rows));
    const values = new Float32Array(rows * store.dim);
    await store.gather(
      Uint32Array.from({ length: rows }, (_, i) => i),
      values,
    );
    await store.close();
    return { values, dim: store.dim };
  }
  const dim = Number(flags.dim);
  const rows = Number(flags.rows);
  const values = new Float32Array(rows * dim);
  let at = 0;
  for (const batch of makeVectors({ geometry: flags.geometry as Geometry, rows, dim, seed: 1 })) {
    values.set(batch, at);
    at += batch.length;
  }
  return { values, dim };
}

/** Decisions that follow from pairs (row, earlier row), each measured again in float64. */
function decideFromPairs(pairs: Int32Array, values: Float32Array, dim: number): Int32Array {
  const keptBy = new Int32Array(values.length / dim).fill(-1);
  const order = Array.from({ length: pairs.length / 2 }, (_, i) => i);
  order.sort((a, b) => pairs[2 * a] - pairs[2 * b] || pairs[2 * a + 1] - pairs[2 * b + 1]);
  for (const pair of order) {
    const row = pairs[2 * pair];
    const other = pairs[2 * pair + 1];
    if (keptBy[row] >= 0 || keptBy[other] >= 0) continue;
    let dot = 0;
    for (let i = 0; i < dim; i++) dot += values[row * dim + i] * values[other * dim + i];
    if (dot >= threshold) keptBy[row] = other;
  }
  return keptBy;
}

interface PeerRun {
  index: string;
  setting: number;
  pairs: number;
  queries: number;
  build: number;
  search: number;
  buildCpu: number;
  searchCpu: number;
  version: string;
}

/** The peers' scripts are not compiled, so they lie in the source tree above this file. */
function peerFile(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "test/bench/peers", name);
}

const peerScript = peerFile("faiss_join.py");

const { values, dim } = await loadVectors();
const count = values.length / dim;
const folder = await mkdtemp(join(tmpdir(), "join-bench-"));
try {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const engine = createOrtEngine({ threads });
  const runs: { wall: number; cpu: number }[] = [];
  let result: JoinResult | undefined;
  for (let run = 0; run < Number(flags.runs); run++) {
    const start = performance.now();
    const used = process.cpuUsage();
    result = await selfJoin({
      vectors: arrayReader(values, dim),
      order,
      threshold,
      engine,
      memory: Number(flags.memory) * 2 ** 30,
    });
    const { user, system } = process.cpuUsage(used);
    runs.push({ wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 });
  }
  runs.sort((a, b) => a.wall - b.wall);
  const { keptBy, measured } = result as JoinResult;
  const median = runs[Math.floor(runs.length / 2)];

  const vectorsFile = join(folder, "vectors.f32");
  await writeFile(vectorsFile, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const peers: PeerRun[] = [];
  for (const index of flags.peers.split(",").filter((name) => name !== "")) {
    const pairsFile = join(folder, `${index}.pairs`);
    const args = [peerScript, vectorsFile, "--dim", `${dim}`, "--threshold", `${threshold}`, "--index", index];
    args.push("--queries", flags.queries, "--threads", flags.threads, "--pairs", pairsFile);
    const { status, stdout, stderr } = spawnSync(flags.python, args, { encoding: "utf8" });
    if (status !== 0) {
      console.log(`faiss ${index}: skipped, ${stderr.trim().split("\n").at(-1) ?? "no interpreter"}`);
      continue;
    }
    for (const line of stdout.trim().split("\n")) peers.push(JSON.parse(line) as PeerRun);
    if (index !== "flat") continue;
    const bytes = await readFile(pairsFile);
    const pairs = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    if (peers[0].queries === count) {
      assert.deepEqual(keptBy, decideFromPairs(pairs, values, dim), "decisions differ from those of FAISS's pairs");
      console.log("same decisions as from FAISS's pairs: yes");
    } else {
      // A row is removed exactly where one of its earlier neighbours is kept.
      const near = new Set<number>();
      for (let i = 0; i < pairs.length; i += 2) {
        const [row, other] = [pairs[i], pairs[i + 1]];
        let dot = 0;
        for (let k = 0; k < dim; k++) dot += values[row * dim + k] * values[other * dim + k];
        if (dot >= threshold && keptBy[other] === -1) near.add(row);
      }
      for (let row = count - peers[0].queries; row < count; row++) {
        assert.equal(keptBy[row] >= 0, near.has(row), `row ${row} is decided otherwise by FAISS's pairs`);
      }
      console.log(`same decisions as from FAISS's pairs on the last ${peers[0].queries} rows: yes`);
    }
  }

  const removed = keptBy.filter((by) => by >= 0).length;
  console.log(`${cpus()[0].model}, ${cpus().length} cores, node ${process.version}, ${process.platform}`);
  console.log(`${flags.store ?? flags.geometry}, ${count} x ${dim}, threshold ${threshold}: ${removed} rows removed`);
  const pairRate = (seconds: number) => ((count * (count - 1)) / 2 / seconds / 1e9).toFixed(3);
  const spread = `${runs[0].wall.toFixed(2)}-${(runs.at(-1)?.wall ?? 0).toFixed(2)}`;
  const line = (cells: string[]) =>
    console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(18) : cell.padStart(13))).join(""));
  line(["", "seconds", "spread", "CPU s", "G pairs/s", "ratio", "CPU ratio"]);
  line(["bge-dedup", median.wall.toFixed(2), spread, median.cpu.toFixed(2), pairRate(median.wall), "1", "1"]);
  for (const peer of peers) {
    const share = count / peer.queries;
    const wall = peer.build + peer.search * share;
    const cpu = peer.buildCpu + peer.searchCpu * share;
    const name = `faiss ${peer.index}${peer.setting > 0 ? ` ${peer.setting}` : ""}`;
    const ratios = [(wall / median.wall).toFixed(1), (cpu / median.cpu).toFixed(1)];
    line([name, wall.toFixed(2), `${peer.pairs} pairs`, cpu.toFixed(2), pairRate(wall), ...ratios]);
  }
  console.log(
    `measured in float64: ${measured} pairs; peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
  );
} finally {
  await rm(folder, { recursive: true });
}
