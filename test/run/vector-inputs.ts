import { writeFileSync } from "node:fs";
import { type DataType, Field, makeBuilder, Table, tableToIPC, Utf8, type Vector, vectorFromArray } from "apache-arrow";
import { clusteredVectors } from "../join/vectors.js";

export const dim = 16;
export const count = 400;
const vectors = clusteredVectors({ count, dim, seed: 11, families: 0.4, noise: 0.2 });
export const rows = Array.from({ length: count }, (_, i) =>
  Array.from(vectors.subarray(i * dim, (i + 1) * dim), (x) => x * 3),
);

export type Row = (number | null)[] | null;

/** Writes an Arrow file of ids and a column of lists, built by apache-arrow's own builder. */
export function writeVectors(
  path: string,
  type: DataType,
  lists: readonly Row[],
  texts?: readonly (string | null)[],
): string {
  const builder = makeBuilder({ type, nullValues: [null] });
  for (const list of lists) builder.append(list);
  const columns: Record<string, Vector> = {
    id: vectorFromArray(
      lists.map((_, i) => `id ${i}`),
      new Utf8(),
    ),
    embedding: builder.finish().toVector(),
  };
  if (texts !== undefined) columns.text = vectorFromArray(texts, new Utf8());
  writeFileSync(path, tableToIPC(new Table(columns), "file"));
  return path;
}

/** Greedy over float64 cosines, straight from the lists. */
export function naiveKept(lists: readonly number[][], threshold: number): number[] {
  const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const kept: number[] = [];
  for (const [row, list] of lists.entries()) {
    const near = (other: number) =>
      dot(list, lists[other]) / Math.sqrt(dot(list, list) * dot(lists[other], lists[other])) >= threshold;
    if (!kept.some(near)) kept.push(row);
  }
  return kept;
}

/** Records of ids and vectors, without a text. */
export function lines(lists: readonly number[][]): object[] {
  return lists.map((embedding, id) => ({ id: `id ${id}`, embedding }));
}

export const item = (type: DataType) => new Field("item", type, true);
