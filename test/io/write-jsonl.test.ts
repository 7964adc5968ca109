import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Field, makeData, Schema, Utf8, vectorFromArray } from "apache-arrow";
import { batchOf } from "../../src/io/columns/take.js";
import { JSON_KEY, rowText } from "../../src/io/jsonl/json-text.js";
import { openJsonlWriter } from "../../src/io/jsonl/write.js";
import { allBatches, goldenRows, inFolder, openGolden, writeTable } from "./golden.js";

for (const name of ["types.arrow", "nested.parquet", "groups.parquet"]) {
  test(`the rows of ${name} become one object a line`, async () => {
    await inFolder(async (folder) => {
      const { schema, batches } = await allBatches(await openGolden(name));
      const path = join(folder, "t.jsonl");
      await writeTable(openJsonlWriter, path, schema, batches);
      const lines = readFileSync(path, "utf8").split("\n");
      assert.equal(lines.pop(), "");
      assert.deepEqual(lines, goldenRows(name));
      for (const line of lines) JSON.parse(line);
    });
  });
}

test("JSON texts go in as they are, on one line", () => {
  const field = new Field("j", new Utf8(), true, new Map([[JSON_KEY, "true"]]));
  const data = vectorFromArray(['{"a":\n[1.50]}', "12345678901234567890", null], new Utf8()).data[0];
  const text = rowText(batchOf(new Schema([field]), [data], 3));
  assert.deepEqual([0, 1, 2].map(text), ['{"j":{"a": [1.50]}}', '{"j":12345678901234567890}', '{"j":null}']);
});

test("bytes that are not UTF-8 become base64, replacement characters stay", () => {
  const bytes = Buffer.concat([Buffer.from("a\ufffd"), Buffer.from([255, 254])]);
  const data = makeData({ type: new Utf8(), valueOffsets: Int32Array.of(0, 4, 6), data: bytes });
  const text = rowText(batchOf(new Schema([new Field("s", new Utf8())]), [data], 2));
  assert.deepEqual([text(0), text(1)], ['{"s":"a\ufffd"}', `{"s":"${Buffer.from([255, 254]).toString("base64")}"}`]);
});
