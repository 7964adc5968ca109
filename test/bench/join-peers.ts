import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A search by a peer, as its script tells it. */
export interface PeerRun {
  readonly index: string;
  /** Of an approximate search: how far it looks. */
  readonly setting: number;
  /** Pairs (row, earlier row) found. */
  readonly pairs: number;
  readonly queries: number;
  readonly build: number;
  readonly search: number;
  readonly buildCpu: number;
  readonly searchCpu: number;
  readonly version: string;
  readonly peak: number;
}

/** Share of the pairs that an approximate search must find to be compared. */
const RECALL = 0.95;

/** The peers' scripts are not compiled, so they lie in the source tree above this file. */
function peerFile(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "test/bench/peers", name);
}

/** Why a peer's script did not run, in a line. */
export function failureOf(child: { python: string; status: number | null; stderr: string; error?: Error }): string {
  const { python, status, stderr, error } = child;
  if (error !== undefined)
    return "code" in error && error.code === "ENOENT" ? `no interpreter ${python}` : error.message;
  return stderr.trim().split("\n").at(-1) || `exit ${status}`;
}

/**
 * Runs a peer over a file of float32 vectors: `flat`, `hnsw` and `ivf` are FAISS's, `usearch` is its own.
 * @returns its runs, one a setting, and the pairs of the last; a word where it cannot run
 */
export async function runPeer(options: {
  python: string;
  index: string;
  vectorsFile: string;
  dim: number;
  threshold: number;
  queries: number;
  threads: number;
}): Promise<{ runs: PeerRun[]; pairs: Int32Array } | string> {
  const { python, index, vectorsFile, dim, threshold, queries, threads } = options;
  const pairsFile = `${vectorsFile}.${index}.pairs`;
  const script = peerFile(index === "usearch" ? "usearch_join.py" : "faiss_join.py");
  const args = [script, vectorsFile, "--dim", dim, "--threshold", threshold, "--index", index];
  args.push("--queries", queries, "--threads", threads, "--pairs", pairsFile);
  const { status, stdout, stderr, error } = spawnSync(python, args.map(String), { encoding: "utf8" });
  if (status !== 0) return failureOf({ python, status, stderr, error });
  const runs = stdout.trim().split("\n");
  const bytes = await readFile(pairsFile);
  return {
    runs: runs.map((line) => JSON.parse(line) as PeerRun),
    pairs: new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
  };
}

/** Of an approximate peer the first run that finds enough of the exact one's pairs, else its best. */
export function comparable(runs: readonly PeerRun[], exactPairs: number): PeerRun {
  return runs.find(({ pairs }) => pairs >= RECALL * exactPairs) ?? (runs.at(-1) as PeerRun);
}

/**
 * Fails unless `keptBy` is what follows from the pairs of an exact search, each measured again in float64: for all rows
 * where all were searched for, else whether each of the last `queries` rows is removed.
 */
export function checkDecisions(options: {
  keptBy: Int32Array;
  pairs: Int32Array;
  queries: number;
  values: Float32Array;
  dim: number;
  threshold: number;
}): void {
  const { keptBy, pairs, queries, values, dim, threshold } = options;
  const cosine = (a: number, b: number) => {
    let dot = 0;
    for (let i = 0; i < dim; i++) dot += values[a * dim + i] * values[b * dim + i];
    return dot;
  };
  const count = keptBy.length;
  const order = Array.from({ length: pairs.length / 2 }, (_, i) => i);
  order.sort((a, b) => pairs[2 * a] - pairs[2 * b] || pairs[2 * a + 1] - pairs[2 * b + 1]);
  // Rows before those searched for are taken as decided.
  const decided = keptBy.slice().fill(-1, count - queries);
  for (const pair of order) {
    const [row, other] = [pairs[2 * pair], pairs[2 * pair + 1]];
    if (decided[row] < 0 && decided[other] < 0 && cosine(row, other) >= threshold) decided[row] = other;
  }
  assert.deepEqual(keptBy, decided, "decisions differ from those of the exact peer's pairs");
}

/**
 * Searches for the first `queries` vectors of the store `rows` among those of the store `references` by FAISS.
 * @returns its run, and pairs (row, reference); a word where it cannot run
 */
export function runReferencesPeer(options: {
  python: string;
  references: string;
  rows: string;
  threshold: number;
  queries: number;
  threads: number;
}): { run: PeerRun; pairs: Int32Array } | string {
  const { python, references, rows, threshold, queries, threads } = options;
  const pairsFile = `${rows}.pairs`;
  const args = [peerFile("faiss_references.py"), references, rows, "--threshold", threshold, "--queries", queries];
  args.push("--threads", threads, "--pairs", pairsFile);
  const { status, stdout, stderr, error } = spawnSync(python, args.map(String), { encoding: "utf8" });
  if (status !== 0) return failureOf({ python, status, stderr, error });
  const bytes = readFileSync(pairsFile);
  return {
    run: JSON.parse(stdout),
    pairs: new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
  };
}
