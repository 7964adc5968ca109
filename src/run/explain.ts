import { existsSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { formatKeepPolicy } from "../exact/priority.js";
import { verdictOf } from "../report/explain/verdict.js";
import type { Reporter, Stage } from "../reporter.js";
import { openVectorStore } from "../vectors/store.js";
import { cosineOf, differences, explainRow, named, type Sight } from "./explain-row.js";
import type { ExplainedPair, ExplainedRow, Explanation, Neighbour } from "./explanation.js";
import { openKeepers } from "./read/keepers.js";
import { openResultRows, type ResultRow } from "./read/result-rows.js";
import { numberOfRow } from "./read/row-names.js";
import type { DedupManifest } from "./work/dedup-folder.js";
import { EMBEDDINGS } from "./write/output-names.js";

/** Milliseconds after which a search shows its progress. */
const PATIENCE = 1000;

/** Answers questions about the rows of one folder. */
export interface Explainer {
  /**
   * Explains one row, or two rows and their relation.
   * @param names numbers of rows, or ids
   * @throws UsageError for a name that is no number where no id field is known, for an id of several rows, and for the
   * same row twice; InputError for a row that is not there; FailedRunError where the folder was written anew meanwhile
   */
  explain(names: readonly string[]): Promise<Explanation>;
  /**
   * The kept rows nearest to a kept row, by a scan of the vectors of all kept rows; undefined where the row is no kept
   * one with a vector, or embeddings.arrow is missing.
   */
  nearest(row: number, limit: number): Promise<readonly Neighbour[] | undefined>;
  close(): Promise<void>;
}

/**
 * Opens a folder that bge-dedup wrote for questions. Nothing is locked and nothing written. A question about a row takes
 * as long as a scan of some columns of removed.arrow; only `nearest` reads vectors of other rows.
 * @param options.idField field by whose values rows are named; without it numbers name rows, and anything else is an
 * id in the id field of the run
 * @throws InputError as `openResultRows` does
 */
export async function openExplainer(options: {
  readonly folder: string;
  readonly idField?: string;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}): Promise<Explainer> {
  const { folder, idField, reporter, signal } = options;
  const rows = await openResultRows({ folder, idField, needs: "explain" });
  const path = join(folder, EMBEDDINGS);
  try {
    const vectors = existsSync(path) ? await openVectorStore(path) : undefined;
    const keepers = openKeepers(rows);
    const sight: Sight = { rows, keepers, vectors, guards: guardsOf(rows.manifest) };
    return {
      explain: async (names) => {
        const found = await explainRows(sight, names, idField !== undefined);
        await rows.requireUnchanged();
        return found;
      },
      nearest: async (row, limit) => {
        const found = await neighbours(sight, { row, limit, reporter, signal });
        await rows.requireUnchanged();
        return found;
      },
      close: async () => {
        await Promise.all([rows.close(), keepers.close(), vectors?.close()]);
      },
    };
  } catch (error) {
    await rows.close();
    throw error;
  }
}

function guardsOf({ options }: DedupManifest): string[] {
  return Object.entries(options.guards).flatMap(([guard, on]) => (on ? [guard] : []));
}

async function explainRows(sight: Sight, names: readonly string[], byId: boolean): Promise<Explanation> {
  const { rows, guards } = sight;
  const { folder, manifest, idField } = rows;
  const numbers: number[] = [];
  for (const name of names) numbers.push(await numberOfRow(rows, name, byId));
  if (numbers.length === 2 && numbers[0] === numbers[1]) {
    throw new UsageError(`${names[0]} and ${names[1]} are the same row ${numbers[0]}; name two different rows, or one`);
  }
  const found: (ResultRow | undefined)[] = [];
  for (const row of numbers) found.push(await rows.find(row));
  const explained: ExplainedRow[] = [];
  for (const [i, row] of numbers.entries()) explained.push(await explainRow(sight, row, found[i]));
  return {
    command: "explain",
    folder,
    threshold: manifest.threshold,
    keep: formatKeepPolicy(manifest.options.keep),
    guards,
    id_field: idField,
    rows: explained,
    pair: numbers.length === 2 ? await explainPair(sight, found) : undefined,
  };
}

async function explainPair(sight: Sight, [first, second]: readonly (ResultRow | undefined)[]): Promise<ExplainedPair> {
  if (first === undefined || second === undefined) return { verdict: "rejected", differs: [] };
  const measured = await cosineOf(sight, first, second);
  const differs = differences(first, second);
  const guarded = differs.some(({ guard }) => sight.guards.includes(guard));
  const { threshold } = sight.rows.manifest;
  return { verdict: verdictOf(first, second, { cosine: measured, threshold, guarded }), cosine: measured, differs };
}

async function neighbours(
  { rows, vectors }: Sight,
  options: { readonly row: number; readonly limit: number; readonly reporter: Reporter; readonly signal?: AbortSignal },
): Promise<readonly Neighbour[] | undefined> {
  const { row, limit, reporter, signal } = options;
  const found = await rows.find(row);
  if (vectors === undefined || found?.fate !== "kept" || found.vector < 0) return undefined;
  const began = performance.now();
  let stage: Stage | undefined;
  // Loaded for this question alone, because loading takes as long as answering the others.
  const [{ createOrtEngine }, { nearestKept }] = await Promise.all([
    import("../onnx/ort-engine.js"),
    import("./read/nearest-kept.js"),
  ]);
  const near = await nearestKept({
    kept: rows.kept,
    vectors,
    engine: createOrtEngine({ threads: 1 }),
    row,
    vector: found.vector,
    limit,
    onProgress: (done) => {
      if (performance.now() - began > PATIENCE) stage ??= reporter.stage("compare", rows.kept.rows);
      stage?.advance(done);
    },
    signal,
  });
  stage?.end();
  const result: Neighbour[] = [];
  for (const { row: other, cosine } of near) {
    const kept = await rows.findKept(other);
    const below = rows.manifest.threshold - cosine;
    result.push({ ...named(kept), cosine, below, differs: below <= 0 ? differences(found, kept) : [] });
  }
  return result;
}
