import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openJsonl } from "../../src/io/jsonl/jsonl.js";
import { RejectedRecords } from "../../src/io/rejected-records.js";
import type { RawRecord, Source } from "../../src/io/source.js";
import { testFolder } from "../run/folders.js";
import { goldenFile, goldenRows, openGolden } from "./golden.js";

const folder = testFolder();

async function reread(source: Source, records: readonly number[]): Promise<RawRecord[]> {
  const found: RawRecord[] = [];
  for await (const batch of source.reread(records)) found.push(...batch);
  return found;
}

for (const name of readdirSync(dirname(goldenFile("make.py"))).filter((file) => /\.(parquet|arrow)$/.test(file))) {
  test(`records of ${name} come once more as their JSON, each with its row`, async () => {
    const source = await openGolden(name);
    const rows = goldenRows(name);
    for (const step of [1, 3, rows.length]) {
      const records = [...rows.keys()].filter((record) => record % step === step - 1);
      assert.deepEqual(
        await reread(source, records),
        records.map((record) => ({ record, line: record + 1, raw: rows[record] })),
      );
    }
  });
}

test("records of JSON Lines come once more as their lines, and the second pass leaves them out", async () => {
  // Blank lines and rejects count as lines but not as accepted records; the file spans several batches.
  const lines = Array.from({ length: 30_000 }, (_, i) =>
    i % 7 === 3 ? "" : i % 7 === 5 ? "{broken" : `{"text": "t ${i}",  "n": ${i}}`,
  );
  const kinds = [{ path: join(folder, "a.jsonl") }, { path: join(folder, "a.gz"), compression: "gzip" }] as const;
  writeFileSync(kinds[0].path, lines.join("\n"));
  writeFileSync(kinds[1].path, gzipSync(lines.join("\r\n")));
  const records = lines.flatMap((raw, i) => (raw === "" ? [] : [{ line: i + 1, raw }]));
  const wanted = [...records.keys()].filter((record) => record % 1000 === 1 || record === records.length - 1);
  // With and without columns that are kept from the scan.
  for (const reserve of [() => true, () => false]) {
    for (const kind of kinds) {
      const source = await openJsonl({ name: "a", ...kind });
      const rejected = new RejectedRecords("a");
      for await (const batch of source.scan({ textFields: ["text"], reserve })) {
        rejected.add(batch.texts.length, batch.rejects);
      }
      const found = await reread(source, wanted);
      assert.deepEqual(
        found,
        wanted.map((record) => ({ record, ...records[record] })),
      );
      rejected.add(0, found);
      const numbers: number[] = [];
      for await (const { columns } of source.read({ schema: await source.schema(), rejected })) {
        for (let i = 0; i < columns.numRows; i++) numbers.push(Number(columns.getChild("n")?.get(i)));
      }
      const gone = new Set(wanted.map((record) => records[record].line - 1));
      assert.deepEqual(
        numbers,
        [...lines.keys()].filter((i) => lines[i].startsWith('{"text"') && !gone.has(i)),
      );
    }
  }
});
