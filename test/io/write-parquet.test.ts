import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Field, Int64, List, Schema, Utf8, vectorFromArray } from "apache-arrow";
import pl from "nodejs-polars";
import { sliceBatch } from "../../src/io/column-source.js";
import { batchOf } from "../../src/io/columns/take.js";
import { openParquet } from "../../src/io/parquet/parquet.js";
import { openParquetWriter } from "../../src/io/parquet/write.js";
import { allBatches, allRows, goldenRows, inFolder, openGolden, writeTable } from "./golden.js";

for (const name of [
  "flat.parquet",
  "flat-plain.parquet",
  "nested.parquet",
  "nested-v2.parquet",
  "required.parquet",
  "empty.parquet",
]) {
  test(`the rows and types of ${name} come back as they were`, async () => {
    await inFolder(async (folder) => {
      const { schema, batches } = await allBatches(await openGolden(name));
      const path = join(folder, "t.parquet");
      await writeTable(openParquetWriter, path, schema, batches);
      const copy = await openParquet({ path, name });
      assert.deepEqual((await copy.schema()).fields.map(String), schema.fields.map(String));
      assert.deepEqual(await allRows(copy), goldenRows(name));
    });
  });
}

test("what Parquet has not comes as the nearest that it has, with the same values", async () => {
  await inFolder(async (folder) => {
    const { schema, batches } = await allBatches(await openGolden("types.arrow"));
    const path = join(folder, "t.parquet");
    await writeTable(openParquetWriter, path, schema, batches);
    const copy = await openParquet({ path, name: "copy" });
    const types = Object.fromEntries((await copy.schema()).fields.map((field) => [field.name, String(field.type)]));
    assert.equal(types.stamp_s, "Timestamp<MILLISECOND, +02:00>");
    assert.equal(types.category, "Utf8");
    assert.equal(types.sparse, "Utf8");
    const rows = (await allRows(copy)).map((row) => JSON.parse(row));
    const expected = goldenRows("types.arrow").map((row) => JSON.parse(row));
    for (const [i, row] of rows.entries()) {
      // The last three are JSON texts now.
      for (const column of [
        "category",
        "coded",
        "large",
        "large_list",
        "view",
        "byte_view",
        "id",
        "sparse",
        "dense",
        "interval",
      ]) {
        assert.deepEqual(row[column], expected[i][column], column);
      }
      assert.equal(row.stamp_s, expected[i].stamp_s?.replace("Z", ".000Z") ?? null);
    }
  });
});

test("the bytes depend on the rows, not on how they were batched, and Polars reads them", async () => {
  const fields = [
    new Field("text", new Utf8(), true),
    new Field("n", new Int64(), false),
    new Field("l", new List(new Field("item", new Int64(), true)), true),
  ];
  const schema = new Schema(fields);
  const length = 5000;
  const index = Array.from({ length }, (_, i) => i);
  const columns = [
    index.map((i) => (i % 7 === 0 ? null : `row ${i} 天气`)),
    index.map((i) => 2n ** 60n + BigInt(i)),
    index.map((i) => (i % 3 === 0 ? null : [BigInt(i), null])),
  ].map((values, c) => vectorFromArray(values as unknown[], fields[c].type).data[0]);
  const batch = batchOf(schema, columns, length);
  await inFolder(async (folder) => {
    await writeTable(openParquetWriter, join(folder, "a.parquet"), schema, [batch]);
    const parts = [0, 1, 1023, 1024, 4000].map((start, i, starts) =>
      sliceBatch(batch, start, (starts[i + 1] ?? length) - start),
    );
    await writeTable(openParquetWriter, join(folder, "b.parquet"), schema, parts);
    assert.ok(readFileSync(join(folder, "a.parquet")).equals(readFileSync(join(folder, "b.parquet"))));
    const frame = pl.readParquet(join(folder, "a.parquet"));
    assert.deepEqual(frame.shape, { height: length, width: 3 });
    assert.equal(frame.getColumn("n").cast(pl.Utf8).get(4999), String(2n ** 60n + 4999n));
    assert.equal(frame.getColumn("text").get(4999), "row 4999 天气");
    assert.equal(frame.getColumn("text").nullCount(), 715);
    assert.deepEqual(frame.getColumn("l").slice(4, 1).explode().cast(pl.Utf8).toArray(), ["4", null]);
  });
});
