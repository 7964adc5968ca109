import { basename } from "node:path";
import { InputError } from "../../errors.js";
import type { Engine } from "../../onnx/engine.js";
import { verifyApart } from "../../proofs/apart.js";
import type { KeptTable, RemovedTable } from "../../proofs/certificates.js";
import { KnownTextsProof } from "../../proofs/known-texts.js";
import { measurePairs, type NamedPair } from "../../proofs/pairs.js";
import type { Reporter } from "../../reporter.js";
import { isGuarded } from "../../text/guard-choice.js";
import { guardSignature } from "../../text/guards.js";
import { normalise } from "../../text/normalise.js";
import type { VectorReader } from "../../vectors/reader.js";
import { openVectorStore } from "../../vectors/store.js";
import { tableRows } from "../against/read-references.js";
import { findRecorded, openReference, type Reference } from "../against/reference.js";
import { Gathered, gatherNumbers } from "../read/gathered.js";
import { hash64 } from "../read/hash.js";
import { numbersOf } from "../read/result-table.js";
import type { DedupManifest } from "../work/dedup-folder.js";
import type { ReferenceRecord } from "../work/reference-record.js";
import { keptInColumn } from "../write/output-columns.js";
import { findChangedFile } from "./verify-manifest.js";
import { NO_TEXT } from "./verify-tables.js";

/** What was checked against references: folders, their kept rows, and pairs of vectors. */
export interface CheckedReferences {
  readonly folders: number;
  readonly kept: number;
  readonly pairs: number;
}

/** What the proof of the references needs of the folder to be proved. */
interface ProvedFolder {
  readonly folder: string;
  readonly manifest: DedupManifest;
  readonly records: readonly ReferenceRecord[];
  readonly kept: KeptTable;
  readonly removed: RemovedTable;
  readonly vectors: VectorReader;
  readonly engine: Engine;
  readonly memory: number;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}

/**
 * Finds the references of a folder as they were when it was made.
 * @throws InputError where one was moved out of reach, removed or written anew, so that nothing can be proved against it
 */
export async function findProvedReferences(folder: string, records: readonly ReferenceRecord[]): Promise<Reference[]> {
  const references: Reference[] = [];
  for (const record of records) {
    const found = await findRecorded(record, folder);
    const { path, from_out, folder: before } = record;
    if (found === undefined) {
      throw new InputError(
        `reference ${path} is gone, so what was removed on account of its rows cannot be proved: looked for in ` +
          `${from_out} from ${folder}, in ${path} and in ${before}; put it back, or run bge-dedup again without it`,
      );
    }
    if (found.changed) {
      throw new InputError(
        `reference ${path} (${found.place}) was written anew since ${folder} was made against it, so that nothing can be ` +
          `proved against it: run bge-dedup for ${folder} again`,
      );
    }
    references.push(await openReference(found.place));
  }
  return references;
}

/**
 * Proves a folder against its references: each row that goes on account of a row of a reference names one that is kept
 * there and equals it or is near enough; rows whose texts the references have share their fate; no kept row is near to a
 * kept row of a reference. One reference is held at a time.
 * @returns the first violation in words, if any, and what was checked
 */
export async function verifyReferences(
  proved: ProvedFolder,
  references: readonly Reference[],
): Promise<{ readonly violation?: string; readonly checked: CheckedReferences }> {
  const { records, kept, removed, reporter } = proved;
  const texts = new KnownTextsProof(withText(kept.forms), withText(removed.forms));
  const checked = { folders: 0, kept: 0, pairs: 0 };
  const stage = reporter.stage(
    "verify references",
    references.reduce((sum, { manifest }) => sum + manifest.counts.kept, 0),
  );
  for (const [number, reference] of references.entries()) {
    checked.folders++;
    const files = [reference.kept, reference.removed, reference.store].map((path) => basename(path));
    const recorded = reference.manifest.outputs.filter(({ name }) => files.includes(name));
    const altered = await findChangedFile(reference.folder, recorded);
    if (altered !== undefined) return { violation: `reference ${records[number].path}: ${altered}`, checked };
    const table = await readReferenceKept(proved, reference);
    const store = await openVectorStore(reference.store);
    try {
      const violation = await verifyNamedRows(proved, number, table, store);
      if (violation !== undefined) return { violation, checked };
      if (records[number].given) {
        meetKept(texts, number, table);
        await meetRemoved(texts, number, reference, references, proved.memory);
        const before = checked.kept;
        const apart = await verifyApart({
          ...proved,
          kept: { ...kept, vectors: proved.vectors, positions: kept.vectors },
          reference: { ...table, vectors: store, positions: table.vectors },
          name: records[number].path,
          threshold: proved.manifest.threshold,
          onProgress: (done) => stage.advance(before + done),
        });
        checked.pairs += apart.pairs;
        if (apart.violation !== undefined) return { violation: apart.violation, checked };
      }
    } finally {
      await store.close();
    }
    checked.kept += table.rows.length;
    stage.advance(checked.kept);
  }
  stage.end();
  return { violation: checkKnown(texts, proved), checked };
}

function withText(forms: BigUint64Array): BigUint64Array {
  return forms.filter((form) => form !== NO_TEXT);
}

/** The kept rows of a reference; columns as in `KeptTable`. */
interface ReferenceKept {
  readonly rows: Float64Array;
  readonly vectors: Float64Array;
  readonly texts: BigUint64Array;
  readonly forms: BigUint64Array;
  readonly signatures?: BigUint64Array;
}

/** Reads the kept rows of a reference, 32 bytes a row, 40 where a guard is active. */
async function readReferenceKept({ manifest, memory }: ProvedFolder, reference: Reference): Promise<ReferenceKept> {
  const { guards } = manifest.options;
  const [rows, vectors] = [gatherNumbers(), gatherNumbers()];
  const [texts, forms, signatures] = [0, 1, 2].map(() => new Gathered(new BigUint64Array()));
  for await (const batch of tableRows(reference.kept, reference.manifest.options, memory)) {
    for (const [i, text] of batch.texts.entries()) {
      rows.push(batch.rows[i]);
      vectors.push(batch.vectors[i]);
      texts.push(text === null ? NO_TEXT : hash64(text));
      forms.push(text === null ? NO_TEXT : hash64(normalise(text)));
      if (isGuarded(guards)) signatures.push(hash64(guardSignature(text ?? "", guards)));
    }
  }
  return {
    rows: rows.values,
    vectors: vectors.values,
    texts: texts.values,
    forms: forms.values,
    signatures: isGuarded(guards) ? signatures.values : undefined,
  };
}

/** Proves the rows that go on account of kept rows of one folder. */
async function verifyNamedRows(
  { manifest, records, removed, vectors, memory }: ProvedFolder,
  number: number,
  table: ReferenceKept,
  reference: VectorReader,
): Promise<string | undefined> {
  const name = records[number].path;
  const at = new Map<number, number>();
  for (let k = 0; k < table.rows.length; k++) at.set(table.rows[k], k);
  const pairs: NamedPair[] = [];
  for (let r = 0; r < removed.rows.length; r++) {
    if (removed.keptIn?.[r] !== number) continue;
    const [row, keptRow, similarity] = [removed.rows[r], removed.keptRows[r], removed.similarity[r]];
    const pair = `row ${row} was removed as ${removed.reasons[r]} for row ${keptRow} of ${name}`;
    const k = at.get(keptRow);
    if (k === undefined) return `${pair}, which is not a kept row there`;
    if (removed.reasons[r] === "exact" || removed.reasons[r] === "normalized") {
      const [own, other] = removed.reasons[r] === "exact" ? [removed.texts, table.texts] : [removed.forms, table.forms];
      if (own[r] !== other[k]) return `${pair}, but their texts differ`;
      if (similarity !== 1) return `${pair} with _similarity ${similarity}, but equal texts have 1`;
    } else if (removed.reasons[r] !== "semantic") {
      return `row ${row} was removed for the unknown reason ${removed.reasons[r]}`;
    } else if (removed.vectors[r] >= 0) {
      const [vector, keptVector] = [removed.vectors[r], table.vectors[k]];
      if (vector >= vectors.count || keptVector < 0 || keptVector >= reference.count) {
        return `${pair}, but one of them has no vector in its store`;
      }
      if (table.signatures !== undefined && table.signatures[k] !== removed.signatures?.[r]) {
        return `${pair}, but a guard keeps their texts apart`;
      }
      pairs.push({ removed: r, kept: k });
    }
  }
  const { threshold } = manifest;
  return measurePairs({
    pairs,
    removed,
    kept: table,
    vectors,
    keptVectors: reference,
    place: ` of ${name}`,
    threshold,
    memory,
  });
}

function meetKept(texts: KnownTextsProof, folder: number, { rows, forms }: ReferenceKept): void {
  for (let k = 0; k < rows.length; k++) texts.meet({ form: forms[k], folder, keptRow: rows[k], similarity: 0 });
}

/** Reads what a reference removed, and on whose account. */
async function meetRemoved(
  texts: KnownTextsProof,
  number: number,
  reference: Reference,
  references: readonly Reference[],
  memory: number,
): Promise<void> {
  const { removed, manifest } = reference;
  const folders = new Map<string, number>();
  for (const record of manifest.references ?? []) {
    // Looked for on disk only where the identity tells nothing: each night lists all the nights before it.
    let folder = references.findIndex(({ identity }) => identity === record.sha256);
    if (folder < 0) {
      const found = await findRecorded(record, reference.folder);
      folder = references.findIndex(({ path }) => path === found?.place);
    }
    folders.set(record.path, folder);
  }
  for await (const { texts: found, batch } of tableRows(removed, manifest.options, memory)) {
    const [keptRows, similarities] = ["_kept_row", "_similarity"].map((name) => numbersOf(batch, name, removed));
    const places = manifest.references === undefined ? undefined : keptInColumn(batch);
    const reasons = batch.getChild("_reason");
    for (const [i, text] of found.entries()) {
      const place = (places?.get(i) ?? undefined) as string | undefined;
      const folder = place === undefined ? number : (folders.get(place) ?? -1);
      // A float32, of which JSON has the shortest decimal form.
      const similarity = reasons?.get(i) === "semantic" ? Math.fround(similarities[i]) : 0;
      if (text !== null) texts.meet({ form: hash64(normalise(text)), folder, keptRow: keptRows[i], similarity });
    }
  }
}

/** Compares the fate of every row with what the references say of its text. */
function checkKnown(texts: KnownTextsProof, { kept, removed, records }: ProvedFolder): string | undefined {
  const name = (folder: number) => records[folder]?.path ?? "a folder that the manifest does not list";
  for (const [i, form] of kept.forms.entries()) {
    const own = { row: kept.rows[i], keptRow: kept.rows[i], vector: kept.vectors[i] };
    const claim = { ...own, form, kept: true, folder: -1, reason: "", similarity: 1 };
    const violation = texts.check(claim, name);
    if (violation !== undefined) return violation;
  }
  for (const [i, form] of removed.forms.entries()) {
    const violation = texts.check(
      {
        row: removed.rows[i],
        form,
        kept: false,
        folder: removed.keptIn?.[i] ?? -1,
        keptRow: removed.keptRows[i],
        reason: removed.reasons[i],
        similarity: removed.similarity[i],
        vector: removed.vectors[i],
      },
      name,
    );
    if (violation !== undefined) return violation;
  }
  return undefined;
}
