import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { verifyCertificates } from "../proofs/certificates.js";
import { verifyIndependence } from "../proofs/independence.js";
import type { Reporter } from "../reporter.js";
import { openVectorStore } from "../vectors/store.js";
import { requireSameReference } from "./against/reference.js";
import { findChangedFile, findWrongCount } from "./check/verify-manifest.js";
import { findBrokenPolicy } from "./check/verify-policy.js";
import { type CheckedReferences, findProvedReferences, verifyReferences } from "./check/verify-references.js";
import { readKept, readRemoved } from "./check/verify-tables.js";
import { resultFile } from "./read/result-table.js";
import { readDedupManifest, requireUnchanged } from "./work/dedup-folder.js";
import { EMBEDDINGS, REJECTS } from "./write/output-names.js";

/** Result of a verification. */
export interface VerifyReport {
  readonly command: "verify";
  readonly folder: string;
  readonly ok: boolean;
  /** The first violation, in words; absent if there is none. */
  readonly violation?: string;
  /** What was checked before the end or the first violation: rows of each table, and pairs of kept vectors. */
  readonly checked: {
    readonly kept: number;
    readonly removed: number;
    readonly rejected: number;
    readonly pairs: number;
    /** References, with their kept rows and the pairs of these with the folder's own; absent where it has none. */
    readonly references?: CheckedReferences;
  };
}

/**
 * Proves guarantees 1-3 and 5 again from the files of a folder alone, by code that shares nothing with the search.
 * Every row is in exactly one of kept, removed and rejected. Every removed row names a kept row that equals it or is
 * near enough, and that precedes it under the keep policy. No two kept rows are as near as the threshold, unless a
 * guard of the manifest tells their texts apart. The counts of the manifest are those of the tables, and every output,
 * those of bge-cluster included, has its recorded SHA-256. The proof ends at the first violation. Where the run had
 * references, all of this is proved against them too, see `verifyReferences`.
 * @returns `ok`, or the first violation in words
 * @throws InputError if the folder is not one that bge-dedup wrote in Arrow format, or if a reference is gone or was
 * written anew; FailedRunError if another run writes to the folder or a reference meanwhile
 */
export async function verifyFolder(options: {
  folder: string;
  threads: number;
  /** Bytes of vectors that may be held at once. */
  memory: number;
  reporter: Reporter;
  signal?: AbortSignal;
}): Promise<VerifyReport> {
  const { folder, threads, memory, reporter, signal } = options;
  const manifest = await readDedupManifest(folder);
  const { threshold, references: records } = manifest;
  const references = records && (await findProvedReferences(folder, records));
  const file = (name: string) => resultFile({ folder, manifest, name, needs: "verify" });
  const kept = await readKept(file("kept.arrow"), manifest.options);
  const removed = await readRemoved(
    file("removed.arrow"),
    manifest.options,
    records?.map(({ path }) => path),
  );
  const rejected = await countLines(join(folder, REJECTS));
  const vectors = await openVectorStore(file(EMBEDDINGS));
  let pairs = 0;
  let checkedReferences: CheckedReferences | undefined;
  const findAgainst = async (): Promise<string | undefined> => {
    if (records === undefined || references === undefined) return undefined;
    const engine = createOrtEngine({ threads });
    const proved = { folder, manifest, records, kept, removed, vectors, engine, memory: memory / 2, reporter, signal };
    const { violation, checked } = await verifyReferences(proved, references);
    checkedReferences = checked;
    return violation;
  };
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
      (await findAgainst()) ??
      findWrongCount(manifest.counts, { kept, removed, rejected }) ??
      (await findChangedFile(folder, [...manifest.outputs, ...manifest.clusterOutputs]))
    );
  };
  try {
    const violation = await find();
    await requireUnchanged(folder, manifest);
    for (const reference of references ?? []) await requireSameReference(reference);
    const checked = {
      kept: kept.rows.length,
      removed: removed.rows.length,
      rejected,
      pairs,
      references: checkedReferences,
    };
    return { command: "verify", folder, ok: violation === undefined, violation, checked };
  } finally {
    await vectors.close();
  }
}

/** Counts the lines of a file; 0 if there is no file. */
async function countLines(path: string): Promise<number> {
  if (!existsSync(path)) return 0;
  let lines = 0;
  for await (const chunk of createReadStream(path)) for (const byte of chunk as Buffer) if (byte === 10) lines++;
  return lines;
}

/**
 * Finds a row that is missing or that occurs twice. A bitmap of one bit a row records which rows the tables hold; the
 * rows in neither table must be as many as the rejected ones.
 * @returns the violation in words, or undefined
 */
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
      // A null was read as -1, and NaN fails every comparison.
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
