import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { openExplainer } from "../../src/run/explain.js";
import { numbers, readTable, silent, values } from "./folders.js";

/** Explains rows of a folder. */
export async function explain(folder: string, rows: readonly (number | string)[], idField?: string) {
  const explainer = await openExplainer({ folder, idField, reporter: silent });
  try {
    return await explainer.explain(rows.map(String));
  } finally {
    await explainer.close();
  }
}

/** The rows of both tables by their numbers, as the reference reader has them. */
export function rowsOf(folder: string) {
  const [kept, removed] = [readTable(folder, "kept.arrow"), readTable(folder, "removed.arrow")];
  const table = (of: typeof kept) => {
    const [rows, vectors, texts] = [numbers(of, "_row"), numbers(of, "_vector"), values(of, "text")];
    return rows.map((row, i) => ({ row, vector: vectors[i], text: texts[i] as string }));
  };
  const [keptRows, similarity, reasons] = [
    numbers(removed, "_kept_row"),
    values(removed, "_similarity") as number[],
    values(removed, "_reason") as string[],
  ];
  return {
    kept: table(kept).map((row, i) => ({ ...row, size: numbers(kept, "_group_size")[i] })),
    removed: table(removed).map((row, i) => ({
      ...row,
      keptRow: keptRows[i],
      similarity: similarity[i],
      reason: reasons[i],
    })),
  };
}

/** The float64 dot product of two stored vectors, summed in the order of the components. */
export function naiveCosines(folder: string): (a: number, b: number) => number {
  const table = tableFromIPC(readFileSync(join(folder, "embeddings.arrow")));
  const vectors = values(table, "embedding").map((vector) => Array.from(vector as Iterable<number>));
  return (a, b) => vectors[a].reduce((sum, x, c) => sum + x * vectors[b][c], 0);
}
