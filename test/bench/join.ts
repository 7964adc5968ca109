import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { JoinResult } from "../../src/join/judge.js";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { columnWorkers } from "../../src/workers/column-workers.js";
import { arrayReader } from "../join/vectors.js";
import { type Geometry, makeVectors } from "./geometries.js";
import { checkDecisions, comparable, type PeerRun, runPeer } from "./join-peers.js";

/**
 * The exact self-join beside FAISS and usearch on the same vectors. Decisions are compared with those that follow from the
 * pairs of IndexFlatIP.range_search, measured again in float64, before any speed is printed.
 *
 *   node dist/test/bench/join.js --rows 20000 --dim 1024 --geometry bge|isotropic --peers flat,hnsw,ivf,usearch
 *   node dist/test/bench/join.js --geometry real --store bge-out/embeddings.arrow
 *
 * Above 20,000 rows the exact peer searches for the last 5,000 only and its time is scaled up, unless `--full`; `--python`
 * names an interpreter with the peers. Approximate ones count at 0.95 of the pairs, their build included.
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "20000" },
    dim: { type: "string", default: "1024" },
    geometry: { type: "string", default: "bge" },
    threshold: { type: "string", default: "0.9" },
    store: { type: "string" },
    threads: { type: "string", default: `${availableParallelism()}` },
    memory: { type: "string", default: "4" },
    runs: { type: "string", default: "3" },
    full: { type: "boolean", default: false },
    python: { type: "string", default: "python3" },
    peers: { type: "string", default: "flat" },
  },
});
const threshold = Number(flags.threshold);
const threads = Number(flags.threads);
/** Rows up to which the exact peer always searches for all, and how many it searches for beyond. */
const ALL_QUERIES = 20_000;
const SOME_QUERIES = 5000;

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

const { values, dim } = await loadVectors();
const count = values.length / dim;
const folder = await mkdtemp(join(tmpdir(), "join-bench-"));
try {
  const runs: { wall: number; cpu: number }[] = [];
  let result: JoinResult | undefined;
  for (let run = 0; run < Number(flags.runs); run++) {
    const start = performance.now();
    const used = process.cpuUsage();
    result = await selfJoin({
      vectors: arrayReader(values, dim),
      order: Uint32Array.from({ length: count }, (_, i) => i),
      threshold,
      engine: createOrtEngine({ threads: 1 }),
      wideEngine: createOrtEngine({ threads }),
      workers: columnWorkers(threads),
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
  const some = flags.full || count <= ALL_QUERIES ? 0 : SOME_QUERIES;
  for (const index of flags.peers.split(",").filter((name) => name !== "")) {
    const queries = index === "flat" ? some : 0;
    const peer = await runPeer({ python: flags.python, index, vectorsFile, dim, threshold, queries, threads });
    if (typeof peer === "string") {
      console.log(`${index}: skipped, ${peer}`);
    } else if (index === "flat") {
      peers.push(peer.runs[0]);
      const searched = peer.runs[0].queries;
      checkDecisions({ keptBy, pairs: peer.pairs, queries: searched, values, dim, threshold });
      console.log(
        `same decisions as from FAISS's pairs: yes, on ${searched === count ? "all" : `the last ${searched}`} rows`,
      );
    } else {
      const exact = peers.find((run) => run.index === "flat");
      peers.push(comparable(peer.runs, exact === undefined ? 0 : (exact.pairs * count) / exact.queries));
    }
  }

  const removed = keptBy.filter((by) => by >= 0).length;
  const machine = `${cpus()[0].model}, ${cpus().length} cores, node ${process.version}, ${process.platform}`;
  console.log(`${machine}; ${threads} threads`);
  console.log(`${flags.store ?? flags.geometry}, ${count} x ${dim}, threshold ${threshold}: ${removed} rows removed`);
  const pairRate = (seconds: number) => ((count * (count - 1)) / 2 / seconds / 1e9).toFixed(3);
  const spread = `${runs[0].wall.toFixed(2)}-${(runs.at(-1)?.wall ?? 0).toFixed(2)}`;
  const line = (cells: string[]) =>
    console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(24) : cell.padStart(14))).join(""));
  const peak = process.resourceUsage().maxRSS / 1024;
  line(["", "seconds", "spread/pairs", "CPU s", "G pairs/s", "ratio", "CPU ratio", "peak MB"]);
  line([
    "bge-dedup",
    median.wall.toFixed(2),
    spread,
    median.cpu.toFixed(2),
    pairRate(median.wall),
    "1",
    "1",
    peak.toFixed(0),
  ]);
  for (const peer of peers) {
    const share = count / peer.queries;
    const wall = peer.build + peer.search * share;
    const cpu = peer.buildCpu + peer.searchCpu * share;
    const name = peer.index === "usearch" ? "usearch" : `faiss ${peer.index}`;
    const label = `${name} ${peer.version}${peer.setting > 0 ? ` (${peer.setting})` : ""}`;
    const ratios = [(wall / median.wall).toFixed(1), (cpu / median.cpu).toFixed(1)];
    const cells = [label, wall.toFixed(2), `${peer.pairs} pairs`, cpu.toFixed(2), pairRate(wall), ...ratios];
    line([...cells, (peer.peak / 2 ** 20).toFixed(0)]);
  }
  console.log(`measured in float64: ${measured} pairs`);
} finally {
  await rm(folder, { recursive: true });
}
