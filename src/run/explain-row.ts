import { existsSync } from "node:fs";
import { join } from "node:path";
import { openArrowTable } from "../io/arrow/table.js";
import type { Guards } from "../text/guard-choice.js";
import { type GuardDifference, guardDifference } from "../text/guards.js";
import { cosine } from "../vectors/cosine.js";
import type { VectorReader } from "../vectors/reader.js";
import type {
  ExplainedKept,
  ExplainedRejected,
  ExplainedRemoved,
  ExplainedRow,
  NamedRow,
  RowGroup,
  RowOrigin,
} from "./explanation.js";
import { type GroupMembers, readGroupMembers } from "./read/group-members.js";
import type { Keeper, Keepers } from "./read/keepers.js";
import { readRejected } from "./read/rejected-row.js";
import type { KeptRow, RemovedRow, ResultRow, ResultRows } from "./read/result-rows.js";
import type { DedupManifest } from "./work/dedup-folder.js";
import { GUARDED, GUARDED_IN } from "./write/guarded.js";
import { REJECTS } from "./write/output-names.js";

/** Guards that the run did not use are named too, where they would have kept two texts apart. */
const EVERY_GUARD: Guards = { numbers: true, negation: true, names: true };

/** Removed rows of a group that an explanation names. */
const SHOWN = 5;

/** What an explanation looks at. */
export interface Sight {
  readonly rows: ResultRows;
  readonly keepers: Keepers;
  /** Undefined where embeddings.arrow is missing. */
  readonly vectors: VectorReader | undefined;
  /** The guards of the run. */
  readonly guards: readonly string[];
}

/** Explains a row. @param found what the tables have of it; undefined where it is rejected */
export function explainRow(sight: Sight, row: number, found: ResultRow | undefined): Promise<ExplainedRow> {
  if (found === undefined) return explainRejected(sight, row);
  return found.fate === "kept" ? explainKept(sight, found) : explainRemoved(sight, found);
}

async function explainRejected({ rows }: Sight, row: number): Promise<ExplainedRejected> {
  const { folder, manifest } = rows;
  const { inputs } = manifest;
  const nth = rows.rejectedBefore(row);
  const record = await readRejected({ path: join(folder, REJECTS), nth, inputs });
  return { row, fate: "rejected", origin: originOf(manifest, row), record };
}

async function explainKept(sight: Sight, found: KeptRow): Promise<ExplainedKept> {
  const { rows } = sight;
  const [members] = await readGroupMembers({
    removed: rows.removed,
    keepers: [{ row: found.row }],
    references: rows.manifest.references !== undefined,
    shown: "first",
    limit: SHOWN,
  });
  return {
    ...named(found),
    fate: "kept",
    origin: originOf(rows.manifest, found.row),
    directed: found.vector >= 0,
    group: await groupOf(rows, found, members),
    guarded_from: await guardedFrom(sight, found),
  };
}

async function explainRemoved(sight: Sight, found: RemovedRow): Promise<ExplainedRemoved> {
  const { rows } = sight;
  const kept = await sight.keepers.of(found);
  const [members] = await readGroupMembers({
    removed: rows.removed,
    keepers: [kept],
    references: rows.manifest.references !== undefined,
    shown: "first",
    limit: SHOWN,
    vector: found.reason === "semantic" && found.vector >= 0 ? found.vector : undefined,
  });
  const copies: number[] = [];
  for (const at of members.copyPlaces) copies.push((await rows.removedAt(at)).row);
  return {
    ...named(found),
    fate: "removed",
    origin: originOf(rows.manifest, found.row),
    // A text that a reference has is not embedded again.
    directed: found.vector >= 0 || found.keptIn !== undefined,
    reason: found.reason,
    cosine: await cosineOf(sight, found, kept),
    similarity: found.similarity,
    kept: named(kept),
    differs: found.reason === "semantic" ? differences(found, kept) : [],
    copies: { count: Math.max(0, members.copies - 1), rows: copies.filter((row) => row !== found.row) },
    group: await groupOf(rows, kept, members),
  };
}

async function groupOf(rows: ResultRows, keeper: Keeper, members: GroupMembers): Promise<RowGroup> {
  const first: RowGroup["first"][number][] = [];
  for (const at of members.places) {
    const removed = await rows.removedAt(at);
    first.push({ ...named(removed), reason: removed.reason, similarity: removed.similarity });
  }
  const { exact, normalized, semantic } = members;
  const { row, in: keptIn, groupSize } = keeper;
  // What a kept row of a reference stands for in its own folder is no part of the group here.
  const size = keptIn === undefined ? groupSize : 1 + exact + normalized + semantic;
  const group = { kept_row: row, size, exact, normalized, semantic, first };
  return keptIn === undefined ? group : { ...group, kept_in: keptIn };
}

/** The kept row that guarded.arrow names for a kept row. */
async function guardedFrom(sight: Sight, kept: KeptRow): Promise<ExplainedKept["guarded_from"]> {
  const { rows } = sight;
  const path = join(rows.folder, GUARDED);
  if (sight.guards.length === 0 || !existsSync(path)) return undefined;
  const table = await openArrowTable(path);
  try {
    const at = table.countBelow("_row", kept.row);
    if (at === table.rows) return undefined;
    const placed = rows.manifest.references === undefined ? [] : [GUARDED_IN];
    const batch = await table.row(["_row", "_guarded_from", ...placed], at);
    if (Number(batch.getChild("_row")?.get(0)) !== kept.row) return undefined;
    const place = (batch.getChild(GUARDED_IN)?.get(0) ?? undefined) as string | undefined;
    const other = await sight.keepers.find(Number(batch.getChild("_guarded_from")?.get(0)), place);
    const measured = (await cosineOf(sight, kept, other)) ?? undefined;
    return { ...named(other), cosine: measured, differs: differences(kept, other) };
  } finally {
    await table.close();
  }
}

/**
 * The float64 cosine of two rows; null where one has no vector, undefined where embeddings.arrow is missing.
 * @param a row of the folder
 */
export async function cosineOf(
  { vectors, keepers }: Sight,
  a: ResultRow,
  b: ResultRow | Keeper,
): Promise<number | null | undefined> {
  if ("in" in b && b.in !== undefined) return keepers.cosine(vectors, a.vector, b);
  if (a.vector < 0 || b.vector < 0) return null;
  if (vectors === undefined) return undefined;
  const { dim } = vectors;
  const both = new Float32Array(2 * dim);
  await vectors.gather([a.vector, b.vector], both);
  return cosine(both, 0, both, dim, dim);
}

/** The guards that tell the texts of two rows apart. */
export function differences(a: NamedRow, b: NamedRow): GuardDifference[] {
  return a.text === null || b.text === null ? [] : guardDifference(a.text, b.text, EVERY_GUARD);
}

/** What names a row to a person. */
export function named(found: ResultRow | Keeper): NamedRow {
  const { row, id, text } = found;
  const { in: folder, missing } = found as Partial<Keeper>;
  return {
    row,
    ...(folder === undefined ? {} : { in: folder }),
    ...(missing === undefined ? {} : { missing }),
    ...(id === undefined ? {} : { id }),
    text,
  };
}

function originOf({ inputs }: DedupManifest, row: number): RowOrigin | undefined {
  const input = inputs.find(
    ({ first_row: first, rows = 0 }) => first !== undefined && row >= first && row < first + rows,
  );
  return input?.first_row === undefined ? undefined : { input: input.name, record: row - input.first_row + 1 };
}
