import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { verifyCertificates } from "../proofs/certificates.js";
import { verifyIndependence } from "../proofs/independence.js";
import type { Reporter } from "../reporter.js";
import { openVectorStore } from "../vectors/store.js";
import { findChangedFile, findWrongCount } from "./check/verify-manifest.js";
import { findBrokenPolicy } from "./check/verify-policy.js";
import { readKept, readRemoved } from "./check/verify-tables.js";
import { REJECTS } from "./embed/embed-inputs.js";
import { readDedupManifest, requireUnchanged } from "./work/dedup-folder.js";
import { EMBEDDINGS } from "./write/output-names.js";

/** What a verification found. */
export interface VerifyReport {
  readonly command: "verify";
  readonly folder: string;
  readonly ok: boolean;
  /** The first violation, in words; absent where there is none. */
  readonly violation?: string;
  readonly checked: {
    readonly kept: number;
    readonly removed: number;
    readonly rejected: number;
    readonly pairs: number;
  };
}

/**
 * Re-proves guarantees 1-3 and 5 from the files of a folder alone, by code that shares nothing with the search: every row
 * is in exactly one place, every removed row is equal or near enough to a kept one that goes before it, and no two kept
 * rows are as near as the threshold unless a guard of the manifest tells their texts apart. Then the manifest itself is
 * held against the files: its counts and the sha256 of every output, those of bge-cluster included. Ends at the first
 * violation.
 * @throws InputError where the folder is not one that bge-dedup wrote in Arrow format, or is written to meanwhile
 */
export async function verifyFolder(options: {
  folder: string;
  threads: number;
  /** Bytes of vectors held at once. */
  memory: number;
  reporter: Reporter;
  signal?: AbortSignal;
}): Promise<VerifyReport> {
  const { folder, threads, memory, reporter, signal } = options;
  const manifest = await readDedupManifest(folder);
  const { threshold } = manifest;
  const file = (name: string) => {
    const path = join(folder, name);
    if (existsSync(path)) return path;
    throw new InputError(`${path} is missing; verify needs the Arrow files of a bge-dedup run (--format arrow)`);
  };
  const kept = await readKept(file("kept.arrow"), manifest.options);
  const removed = await readRemoved(file("removed.arrow"), manifest.options);
  const rejected = await countLines(join(folder, REJECTS));
  const vectors = await openVectorStore(file(EMBEDDINGS));
  let pairs = 0;
  const find = async (): Promise<string | undefined> => {
    const misplaced = findMisplacedRow(manifest.counts.read, kept.rows, removed.rows, rejected);
    if (misplaced !== undefined) return misplaced;
    const uncertified = await verifyCertificates({ vectors, threshold, memory: memory / 2, kept, removed });
    const unjust = uncertified ?? findBrokenPolicy(manifest.options.keep, kept, removed);
    if (unjust !== undefined) return unjust;
    const stage = reporter.stage("verify", kept.rows.length);
    const scan = await verifyIndependence({
      vectors,
      threshold,
      engine: createOrtEngine({ threads }),
      memory: memory / 2,
      kept,
      onProgress: (done) => stage.advance(done),
      signal,
    });
    stage.end();
    pairs = scan.pairs;
    return (
      scan.violation ??
      findWrongCount(manifest.counts, { kept, removed, rejected }) ??
      (await findChangedFile(folder, [...manifest.outputs, ...manifest.clusterOutputs]))
    );
  };
  try {
    const violation = await find();
    await requireUnchanged(folder, manifest);
    const checked = { kept: kept.rows.length, removed: removed.rows.length, rejected, pairs };
    return { command: "verify", folder, ok: violation === undefined, violation, checked };
  } finally {
    await vectors.close();
  }
}

async function countLines(path: string): Promise<number> {
  if (!existsSync(path)) return 0;
  let lines = 0;
  for await (const chunk of createReadStream(path)) for (const byte of chunk as Buffer) if (byte === 10) lines++;
  return lines;
}

/** Every row number below `read` must be in kept or removed once, or be one of the rejected ones. */
function findMisplacedRow(
  read: number,
  kept: Float64Array,
  removed: Float64Array,
  rejected: number,
): string | undefined {
  const seen = new Uint8Array(Math.ceil(read / 8));
  for (const [rows, table] of [
    [kept, "kept.arrow"],
    [removed, "removed.arrow"],
  ] as const) {
    for (const row of rows) {
      // A null was read as -1.
      if (!(row >= 0)) return `a row of ${table} has no _row`;
      if (row >= read) return `row ${row} of ${table} is beyond the ${read} rows that were read`;
      if (seen[row >> 3] & (1 << (row & 7))) return `row ${row} of ${table} is there twice or in both tables`;
      seen[row >> 3] |= 1 << (row & 7);
    }
  }
  const missing = read - kept.length - removed.length;
  if (missing === rejected) return undefined;
  let first = 0;
  while (first < read && seen[first >> 3] & (1 << (first & 7))) first++;
  return (
    `${read} rows were read, but kept ${kept.length} + removed ${removed.length} + rejected ${rejected} = ` +
    `${kept.length + removed.length + rejected}; the first row in neither table is ${first}`
  );
}
