import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openJsonl } from "../../src/io/jsonl/jsonl.js";
import { sharedData } from "./shared.js";

const rows = (await readFile(join(sharedData("zh-tnews"), "train.tsv"), "utf8"))
  .split("\n")
  .filter((line) => line !== "")
  .map((line, i) => {
    const tab = line.lastIndexOf("\t");
    return { id: 2n ** 60n + BigInt(i), text: line.slice(0, tab), label: line.slice(tab + 1) };
  });
const lines = rows
  .map((row) => `{"id":${row.id},"text":${JSON.stringify(row.text)},"label":"${row.label}"}\n`)
  .join("");

for (const compression of [undefined, "gzip"] as const) {
  test(`zh-tnews as JSONL comes back row by row, stored ${compression ?? "plain"}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "bge-dedup-tnews-"));
    const path = join(folder, "train.jsonl");
    await writeFile(path, compression ? gzipSync(lines) : lines);
    const source = await openJsonl({ path, name: "train.jsonl", compression });
    const options = { textFields: ["text"] };
    const texts: (string | null | undefined)[] = [];
    for await (const batch of source.scan(options)) for (const text of batch.texts) texts.push(text);
    assert.deepEqual(
      texts,
      rows.map(({ text }) => text),
    );
    const schema = await source.schema();
    assert.deepEqual(schema.fields.map(String), ["id: Int64", "text: Utf8", "label: Utf8"]);
    const read: unknown[] = [];
    for await (const { columns } of source.read({ schema })) {
      for (const row of columns.toArray()) read.push(row.toJSON());
    }
    assert.deepEqual(read, rows);
    await rm(folder, { recursive: true });
  });
}
