import type { RecordBatch } from "apache-arrow";
import { ReferenceTexts } from "../../exact/reference-texts.js";
import { batchTexts } from "../../io/schema/text-columns.js";
import type { ReferenceRow } from "../../join/group-fates.js";
import type { ReferenceVectors } from "../../join/join-options.js";
import type { Stage } from "../../reporter.js";
import { type Guards, isGuarded } from "../../text/guard-choice.js";
import { guardSignature } from "../../text/guards.js";
import type { VectorStores } from "../../vectors/stores.js";
import { Gathered } from "../read/gathered.js";
import { hash64, hash128 } from "../read/hash.js";
import { acceptedTextColumns } from "../read/missing-field.js";
import { numbersOf } from "../read/result-table.js";
import { keptInColumn } from "../write/output-columns.js";
import type { Accounts } from "./accounts.js";
import { damagedReference, type Reference } from "./reference.js";
import { openTableBatches } from "./table-batches.js";

/** What a run knows of its references once their tables are read. */
export interface ReferenceRowsRead {
  readonly texts: ReferenceTexts;
  /** Vectors of their kept rows for the join; undefined where they have none. */
  readonly vectors?: ReferenceVectors;
  /** Bytes of the places of the vectors. */
  readonly byteLength: number;
  /** The kept row of a vector, by its position in `vectors`. */
  rowAt(position: number): ReferenceRow;
}

/** What `readReferences` needs. */
export interface ReadReferencesOptions {
  readonly references: readonly Reference[];
  readonly accounts: Accounts;
  /** The vectors of those references that have kept rows, in their order; undefined where none has. */
  readonly stores: VectorStores | undefined;
  /** Guards of the run: its references' texts are looked at with them. */
  readonly guards: Guards;
  readonly memory: number;
  readonly stage: Stage;
  readonly signal?: AbortSignal;
}

/** Whether a reference has vectors that rows may be near to. */
export function hasVectors({ manifest }: Reference): boolean {
  return manifest.counts.kept > 0;
}

/**
 * Reads the tables of all references once. Texts are held as hashes, see `ReferenceTexts`, and of each vector the row, 4
 * bytes, and where a guard is active the signature, 8 bytes; the vectors stay on disk.
 * @throws InputError where a table is damaged or contradicts its manifest
 */
export async function readReferences(options: ReadReferencesOptions): Promise<ReferenceRowsRead> {
  const { references, stores, guards, signal, stage } = options;
  const guarded = isGuarded(guards);
  const texts = new ReferenceTexts({ hash128 });
  const order = new Gathered(new Uint32Array());
  /** Kept row of each vector; meaningless for the vectors of removed rows. */
  const rowOf = new Uint32Array(stores?.count ?? 0);
  const signatures = new BigUint64Array(guarded ? rowOf.length : 0);
  /** Number of the reference of each store. */
  const folders: number[] = [];
  let done = 0;
  for (const [folder, reference] of references.entries()) {
    const store = folders.length;
    if (hasVectors(reference)) folders.push(folder);
    const [first, end] = hasVectors(reference) ? [stores?.starts[store] ?? 0, stores?.starts[store + 1] ?? 0] : [0, 0];
    const onKept = (row: number, vector: number, text: string | null) => {
      if (text !== null) texts.add({ text, folder, row, similarity: 0, asKept: true });
      if (vector < 0) return;
      const position = first + vector;
      if (position >= end)
        throw damagedReference(reference.path, `row ${row} has vector ${vector}, but there are ${end - first}`);
      rowOf[position] = row;
      if (guarded) signatures[position] = hash64(guardSignature(text ?? "", guards));
      order.push(position);
    };
    for (const read of [readKept(reference, options, onKept), readRemoved(reference, options, folder, texts)]) {
      for await (const count of read) {
        signal?.throwIfAborted();
        done += count;
        stage.advance(done);
      }
    }
  }
  return {
    texts,
    byteLength: rowOf.byteLength + signatures.byteLength + order.values.byteLength,
    vectors:
      stores === undefined || order.values.length === 0
        ? undefined
        : { vectors: stores, order: order.values, signatures: guarded ? signatures : undefined },
    rowAt(position) {
      const store = (stores as VectorStores).readerAt(position);
      return { folder: folders[store], row: rowOf[position] };
    },
  };
}

/** Reads the kept rows of a reference and yields how many after each batch. */
async function* readKept(
  reference: Reference,
  { memory }: ReadReferencesOptions,
  onRow: (row: number, vector: number, text: string | null) => void,
): AsyncGenerator<number> {
  const { kept, manifest } = reference;
  let count = 0;
  let last = -1;
  for await (const { rows, vectors, texts } of tableRows(kept, manifest.options, memory)) {
    for (let i = 0; i < rows.length; i++) {
      if (!(rows[i] > last)) throw damagedReference(reference.path, `row ${rows[i]} follows row ${last} in ${kept}`);
      last = rows[i];
      onRow(rows[i], vectors[i], texts[i]);
    }
    count += rows.length;
    yield rows.length;
  }
  requireCount(reference, "kept", count);
}

/**
 * Reads the removed rows of a reference whose texts are not those of its kept rows, and yields how many rows it has read
 * after each batch.
 */
async function* readRemoved(
  reference: Reference,
  { accounts, memory }: ReadReferencesOptions,
  folder: number,
  texts: ReferenceTexts,
): AsyncGenerator<number> {
  const { removed, manifest } = reference;
  let count = 0;
  for await (const { rows, texts: found, batch } of tableRows(removed, manifest.options, memory)) {
    const keptRows = numbersOf(batch, "_kept_row", removed);
    const similarities = numbersOf(batch, "_similarity", removed);
    const reasons = batch.getChild("_reason");
    const keptIn = manifest.references === undefined ? undefined : keptInColumn(batch);
    for (let i = 0; i < rows.length; i++) {
      const path = keptIn?.get(i) as string | null | undefined;
      const reason: unknown = reasons?.get(i);
      const isSemantic = reason === "semantic";
      const text = found[i];
      // A text that is equal to that of a kept row of the same folder is known by that row.
      if (text === null || (!isSemantic && (path === null || path === undefined))) continue;
      const account = path === null || path === undefined ? folder : await accounts.numberOf(reference, path);
      // A float32, of which JSON has the shortest decimal form.
      const similarity = isSemantic ? Math.fround(similarities[i]) : 0;
      texts.add({ text, folder: account, row: keptRows[i], similarity, asKept: reason === "exact" });
    }
    count += rows.length;
    yield rows.length;
  }
  requireCount(reference, "removed", count);
}

/** Some rows of a table with their texts; null for a row that has only a vector. */
interface TableRows {
  readonly rows: Float64Array;
  readonly vectors: Float64Array;
  readonly texts: readonly (string | null)[];
  readonly batch: RecordBatch;
}

/** Bytes for reading a table of Parquet or JSONL where a command has no `--memory`. */
const MEMORY = 256 << 20;

/** Reads a table of any format, a batch at a time. @throws InputError where it is damaged */
export async function* tableRows(
  path: string,
  options: Reference["manifest"]["options"],
  memory = MEMORY,
): AsyncGenerator<TableRows> {
  const table = await openTableBatches({ path, options, memory });
  const columns = acceptedTextColumns(table.schema, options, path);
  for await (const batch of table.batches()) {
    const [rows, vectors] = [numbersOf(batch, "_row", path), numbersOf(batch, "_vector", path)];
    yield { rows, vectors, texts: batchTexts(batch, columns, true).texts, batch };
  }
}

function requireCount(reference: Reference, name: "kept" | "removed", count: number): void {
  const expected = reference.manifest.counts[name];
  if (count !== expected)
    throw damagedReference(reference.path, `it has ${count} rows ${name}, but its manifest counts ${expected}`);
}
