import { writeFileSync } from "node:fs";
import {
  Dictionary,
  Field,
  Float32,
  Int8,
  Int32,
  List,
  Table,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import type { Random } from "../../src/random.js";
import type { CorpusRow } from "./corpus.js";

/**
 * Writes rows as JSON Lines, as one JSON array, or as an Arrow file or stream whose column `kind` is a dictionary of its
 * own. Rows with a text that is no string come as JSON Lines, among which some lines are no JSON.
 * @returns the path, which is `path` with an extension
 */
export function writeFile(path: string, rows: readonly CorpusRow[], random: Random): string {
  const typed = rows.every(({ text }) => typeof text !== "number" && !/\p{Surrogate}/u.test(text ?? ""));
  const kind = random();
  if (typed && rows.length > 0 && kind < 0.4) {
    const arrow = kind < 0.25;
    writeFileSync(`${path}.arrow`, tableToIPC(tableOf(rows), arrow ? "file" : "stream"));
    return `${path}.arrow`;
  }
  if (rows.length > 0 && kind > 0.9) {
    writeFileSync(`${path}.json`, JSON.stringify(rows));
    return `${path}.json`;
  }
  const lines = rows.flatMap((row) => [...(random() < 0.03 ? ['{"text": broken'] : []), JSON.stringify(row)]);
  writeFileSync(`${path}.jsonl`, lines.map((line) => `${line}\n`).join(""));
  return `${path}.jsonl`;
}

function tableOf(rows: readonly CorpusRow[]): Table {
  const columns: Record<string, Vector> = {
    text: vectorFromArray(
      rows.map(({ text }) => text ?? null),
      new Utf8(),
    ),
    rank: vectorFromArray(
      rows.map(({ rank }) => rank ?? null),
      new Int32(),
    ),
    kind: vectorFromArray(
      rows.map((row) => row.kind ?? null),
      new Dictionary(new Utf8(), new Int8()),
    ),
  };
  if (rows.some(({ embedding }) => embedding !== undefined)) {
    columns.embedding = vectorFromArray(
      rows.map(({ embedding }) => embedding ?? null),
      new List(new Field("item", new Float32(), true)),
    );
  }
  return new Table(columns);
}
