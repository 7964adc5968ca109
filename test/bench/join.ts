import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { JoinResult } from "../../src/join/judge.js";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { columnWorkers } from "../../src/workers/column-workers.js";
import { arrayReader } from "../join/vectors.js";
import { checkDecisions, comparable, type PeerRun, runPeer } from "./join-peers.js";
import { GEOMETRY_TITLES, type Geometry, loadVectors } from "./material/vectors.js";
import { openTable, spreadOf } from "./table/record.js";
import { shapeOf } from "./table/table.js";

/**
 * The exact self-join beside FAISS and usearch on the same vectors. Decisions are compared with those that follow from the
 * pairs of IndexFlatIP.range_search, measured again in float64, before any speed is printed.
 *
 *   node dist/test/bench/join.js --geometry neural --rows 24000 --threshold 0.95 --peers flat,hnsw,ivf,usearch
 *   node dist/test/bench/join.js --store bge-out/embeddings.arrow
 *
 * `--geometry` is one of `neural` (the 24,000 real vectors), `neural-resampled`, `titles` and `templated` (texts by builtin),
 * `bge` and `isotropic` (made ones, of `--dim` components).
 * Above 25,000 rows the exact peer searches for the last 5,000 only and its time is scaled up, unless `--full`; `--python`
 * names an interpreter with the peers. Approximate ones count at 0.95 of the pairs, their build included.
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "20000" },
    dim: { type: "string", default: "1024" },
    geometry: { type: "string", default: "neural" },
    threshold: { type: "string", default: "0.95" },
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
const ALL_QUERIES = 25_000;
const SOME_QUERIES = 5000;

const geometry = flags.geometry as Geometry;
const runCount = Number(flags.runs);
const exactTable = await openTable({
  id: "join",
  title: "Exact self-join",
  runs: runCount,
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "cosine", title: "cosine" },
    { key: "threads", title: "threads" },
    { key: "removed", title: "removed", unit: "%", digits: 1 },
    { key: "seconds", title: "bge-dedup", unit: "s", digits: 2 },
    { key: "cpu", title: "its processors", unit: "s", digits: 1 },
    { key: "peer", title: "FAISS Flat", unit: "s", digits: 1 },
    { key: "ratio", title: "ratio", digits: 1 },
    { key: "cpuRatio", title: "by processor time", digits: 1 },
    { key: "peak", title: "peak", unit: "MB", digits: 0 },
  ],
});
const approximateTable = await openTable({
  id: "join-approximate",
  title: "Approximate indexes beside the exact join",
  runs: 1,
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "index", title: "index" },
    { key: "recall", title: "pairs found", unit: "share", digits: 3 },
    { key: "seconds", title: "build and search", unit: "s", digits: 1 },
    { key: "ratio", title: "times as long as the exact join", digits: 1 },
  ],
});

const { values, dim } = await loadVectors({
  store: flags.store,
  geometry,
  rows: Number(flags.rows),
  dim: Number(flags.dim),
});
const count = values.length / dim;
const folder = await mkdtemp(join(tmpdir(), "join-bench-"));
try {
  const runs: { wall: number; cpu: number }[] = [];
  let result: JoinResult | undefined;
  for (let run = 0; run < runCount; run++) {
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
      const which = searched === count ? "all rows" : `the last ${searched} rows`;
      exactTable.check(`the decisions are those that follow from FAISS's pairs, on ${which}`);
    } else {
      const exact = peers.find((run) => run.index === "flat");
      peers.push(comparable(peer.runs, exact === undefined ? 0 : (exact.pairs * count) / exact.queries));
    }
  }

  const name = `${shapeOf(count, dim)}, ${flags.store === undefined ? GEOMETRY_TITLES[geometry] : "a store"}`;
  const removed = keptBy.filter((by) => by >= 0).length;
  console.log(`${name}, ${threads} threads, threshold ${threshold}: ${removed} rows removed`);
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
  const key = `${count}x${dim}-${flags.store === undefined ? geometry : "store"}-${threshold}`;
  let exact: { wall: number; cpu: number; pairs: number } | undefined;
  for (const peer of peers) {
    const share = count / peer.queries;
    const wall = peer.build + peer.search * share;
    const cpu = peer.buildCpu + peer.searchCpu * share;
    const title = peer.index === "usearch" ? "usearch" : `FAISS ${peer.index}`;
    const label = `${title} ${peer.version}${peer.setting > 0 ? ` (${peer.setting})` : ""}`;
    const ratios = [(wall / median.wall).toFixed(1), (cpu / median.cpu).toFixed(1)];
    const cells = [label, wall.toFixed(2), `${peer.pairs} pairs`, cpu.toFixed(2), pairRate(wall), ...ratios];
    line([...cells, (peer.peak / 2 ** 20).toFixed(0)]);
    if (peer.index === "flat") {
      exact = { wall, cpu, pairs: peer.pairs * share };
      exactTable.version("FAISS", peer.version);
    } else if (exact !== undefined) {
      approximateTable.version(title.split(" ")[0], peer.version);
      const recall = Math.min(1, peer.pairs / exact.pairs);
      const ratio = wall / median.wall;
      approximateTable.add(`${key}-${peer.index}`, { vectors: name, index: title, recall, seconds: wall, ratio });
    }
  }
  exactTable.add(`${key}${threads === 1 ? "-1-thread" : ""}`, {
    vectors: name,
    cosine: threshold,
    threads,
    removed: (100 * removed) / count,
    seconds: spreadOf(runs.map(({ wall }) => wall)),
    cpu: median.cpu,
    peer: exact?.wall ?? null,
    ratio: exact === undefined ? null : exact.wall / median.wall,
    cpuRatio: exact === undefined ? null : exact.cpu / median.cpu,
    peak,
  });
  exactTable.write();
  approximateTable.write();
  console.log(`measured in float64: ${measured} pairs`);
} finally {
  await rm(folder, { recursive: true });
}
