import { basename } from "node:path";
import { normalise } from "../../src/text/normalise.js";
import { numbers, readTable, values } from "../run/folders.js";

/** Why a row was removed: the row on whose account, the reason and the cosine. */
interface Removal {
  readonly keptRow: number;
  readonly reason: unknown;
  readonly similarity: unknown;
}

/** What became of the rows of several nights, counted through all of them. */
export interface Fates {
  readonly kept: readonly number[];
  readonly removed: ReadonlyMap<number, Removal>;
}

/** The fates that one folder tells. */
export function fatesOfRun(folder: string): Fates {
  return fatesOfNights([folder]);
}

/**
 * The fates that the folders of several nights tell together, as those of one run over all: the rows of a night follow
 * those of the nights before it, and a reference stands for its first row.
 * @param folders the nights in the order in which they were done; a reference is found by the name of its folder
 */
export function fatesOfNights(folders: readonly string[]): Fates {
  const kept: number[] = [];
  const removed = new Map<number, Removal>();
  const firstRows = new Map<string, number>();
  let first = 0;
  for (const folder of folders) {
    firstRows.set(basename(folder), first);
    const keptTable = readTable(folder, "kept.arrow");
    const removedTable = readTable(folder, "removed.arrow");
    kept.push(...numbers(keptTable, "_row").map((row) => first + row));
    const rows = numbers(removedTable, "_row");
    const keptRows = numbers(removedTable, "_kept_row");
    const keptIn = removedTable.getChild("_kept_in") === null ? [] : values(removedTable, "_kept_in");
    const similarities = values(removedTable, "_similarity");
    const reasons = values(removedTable, "_reason");
    rows.forEach((row, i) => {
      const reference = (keptIn[i] ?? null) as string | null;
      const offset = reference === null ? first : firstRows.get(basename(reference));
      if (offset === undefined)
        throw new Error(`row ${row} of ${folder} was removed for ${reference}, no earlier night`);
      removed.set(first + row, { keptRow: offset + keptRows[i], reason: reasons[i], similarity: similarities[i] });
    });
    first += keptTable.numRows + removedTable.numRows;
  }
  return { kept, removed: new Map([...removed].sort(([a], [b]) => a - b)) };
}

/**
 * Rows that stay of a list of texts, by the plainest way there is: a text stays unless its normal form has been seen, or
 * its vector has a cosine of `threshold` or more with that of a text that stayed before.
 * @param vectorOf the vector of a text, of any length
 */
export function keptNaively(
  texts: readonly string[],
  vectorOf: (text: string) => readonly number[],
  threshold: number,
): number[] {
  const seen = new Set<string>();
  const keptRows: number[] = [];
  const keptVectors: Float64Array[] = [];
  texts.forEach((text, row) => {
    const form = normalise(text);
    if (seen.has(form)) return;
    seen.add(form);
    const vector = unit(vectorOf(text));
    if (keptVectors.some((other) => cosine(vector, other) >= threshold)) return;
    keptRows.push(row);
    keptVectors.push(vector);
  });
  return keptRows;
}

/** The vector at length 1, each component rounded to a float32 as the store holds it. */
function unit(vector: readonly number[]): Float64Array {
  const norm = Math.hypot(...vector);
  return Float64Array.from(vector, (x) => Math.fround(x / norm));
}

function cosine(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += a[c] * b[c];
  return sum;
}
