import { lengthClasses } from "../../report/page/figures.js";
import { Gathered, gatherNumbers } from "../read/gathered.js";
import { numbersOf, readResultTable } from "../read/result-table.js";
import type { DedupManifest } from "../work/dedup-folder.js";
import { KEPT_IN } from "../write/output-columns.js";
import { reasonsOf } from "./reasons.js";

/** What the page takes from all rows of a run: numbers only, some 30 bytes a row. */
export interface Survey {
  readonly kept: {
    readonly row: Float64Array;
    readonly vector: Float64Array;
    readonly groupSize: Uint32Array;
    /** UTF-16 units of the row's text, at most 65,535. */
    readonly units: Uint16Array;
  };
  readonly removed: {
    readonly row: Float64Array;
    readonly keptRow: Float64Array;
    /** Number in `folders` of the reference that holds the kept row; -1 for this folder. */
    readonly keptIn: Int32Array;
    readonly similarity: Float32Array;
    /** Numbers of `REASONS`. */
    readonly reason: Uint8Array;
    readonly units: Uint16Array;
  };
  readonly lengths: ReturnType<typeof lengthClasses>;
  /** Folders of references on whose account rows go, as `_kept_in` names them. */
  readonly folders: readonly string[];
}

/**
 * Reads both tables once, in bounded batches.
 * @param onRows called with the number of rows read so far
 * @throws InputError where a table is damaged
 */
export async function surveyTables(options: {
  readonly keptPath: string;
  readonly removedPath: string;
  readonly options: DedupManifest["options"];
  /** Whether the run had references. */
  readonly references: boolean;
  readonly onRows: (rows: number) => void;
}): Promise<Survey> {
  const { keptPath, removedPath, references, onRows } = options;
  const kept = {
    row: gatherNumbers(),
    vector: gatherNumbers(),
    groupSize: new Gathered(new Uint32Array()),
    units: new Gathered(new Uint16Array()),
  };
  const removed = {
    row: gatherNumbers(),
    keptRow: gatherNumbers(),
    keptIn: new Gathered(new Int32Array()),
    similarity: new Gathered(new Float32Array()),
    reason: new Gathered(new Uint8Array()),
    units: new Gathered(new Uint16Array()),
  };
  const lengths = lengthClasses();
  let read = 0;
  const addLengths = (fate: "kept" | "removed", texts: readonly (string | null)[]) => {
    const { units } = fate === "kept" ? kept : removed;
    for (const text of texts) {
      units.push(Math.min(text?.length ?? 0, 65_535));
      if (text !== null) lengths.add(fate, text.length);
    }
    read += texts.length;
    onRows(read);
  };
  for await (const { rows, vectors, texts, batch } of readResultTable(keptPath, options.options)) {
    for (const row of rows) kept.row.push(row);
    for (const vector of vectors) kept.vector.push(vector);
    for (const size of numbersOf(batch, "_group_size", keptPath)) kept.groupSize.push(size);
    addLengths("kept", texts);
  }
  const folders = new Map<string, number>();
  for await (const { rows, texts, batch } of readResultTable(removedPath, options.options)) {
    const places = references ? batch.getChild(KEPT_IN) : null;
    const keptRows = numbersOf(batch, "_kept_row", removedPath);
    const similarities = numbersOf(batch, "_similarity", removedPath);
    const reasons = reasonsOf(batch, removedPath);
    for (let i = 0; i < rows.length; i++) {
      const place = (places?.get(i) ?? null) as string | null;
      if (place !== null && !folders.has(place)) folders.set(place, folders.size);
      removed.row.push(rows[i]);
      removed.keptRow.push(keptRows[i]);
      removed.keptIn.push(place === null ? -1 : (folders.get(place) as number));
      removed.similarity.push(similarities[i]);
      removed.reason.push(reasons[i]);
    }
    addLengths("removed", texts);
  }
  return { kept: valuesOf(kept), removed: valuesOf(removed), lengths, folders: [...folders.keys()] };
}

/** The arrays of columns. */
function valuesOf<T extends Record<string, { readonly values: unknown }>>(columns: T) {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.values])) as {
    [name in keyof T]: T[name]["values"];
  };
}
