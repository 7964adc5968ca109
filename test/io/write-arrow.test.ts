import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Int8,
  Int64,
  List,
  makeData,
  makeVector,
  type RecordBatch,
  Schema,
  Uint64,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import pl from "nodejs-polars";
import { readSchema, readTableBatches } from "../../src/io/arrow/arrow.js";
import { openArrowStreamWriter, openArrowWriter } from "../../src/io/arrow/write.js";
import { sliceBatch } from "../../src/io/column-source.js";
import { batchOf } from "../../src/io/columns/take.js";
import { rowText } from "../../src/io/jsonl/json-text.js";
import { allBatches, goldenRows, inFolder, openGolden, randomOf, writeTable } from "./golden.js";

const REASONS = vectorFromArray(["exact", "normalized", "semantic"], new Utf8());
const SCHEMA = new Schema([
  new Field("_row", new Uint64(), false),
  new Field("text", new Utf8(), false),
  new Field("reason", new Dictionary(new Utf8(), new Int8()), true),
  new Field("embedding", new FixedSizeList(2, new Field("item", new Float32(), false)), false),
  new Field("nothing", new Int64(), true),
  new Field("tags", new List(new Field("item", new Utf8(), true)), true),
]);

/** `length` rows from `start` on; every third reason and every second list is null. */
function rowsOf(start: number, length: number): RecordBatch {
  const index = Array.from({ length }, (_, i) => start + i);
  const child = makeData({ type: new Float32(), data: Float32Array.from(index.flatMap((i) => [i, -i])) });
  const reasons = vectorFromArray(
    index.map((i) => (i % 3 === 2 ? null : i % 3)),
    new Int8(),
  ).data[0];
  const { type } = SCHEMA.fields[2];
  const columns = [
    makeData({ type: new Uint64(), data: BigUint64Array.from(index, (i) => 2n ** 63n + BigInt(i)) }),
    vectorFromArray(
      index.map((i) => `row ${i} 天气`),
      new Utf8(),
    ).data[0],
    makeData({
      type,
      length,
      nullCount: reasons.nullCount,
      nullBitmap: reasons.nullBitmap,
      data: reasons.values,
      dictionary: REASONS,
    }),
    makeData({ type: SCHEMA.fields[3].type, length, nullCount: 0, child }),
    makeData({
      type: new Int64(),
      length,
      nullCount: length,
      nullBitmap: new Uint8Array(length + 8),
      data: new BigInt64Array(length),
    }),
    vectorFromArray(
      index.map((i) => (i % 2 === 0 ? [`t${i}`, null] : null)),
      SCHEMA.fields[5].type,
    ).data[0],
  ];
  return batchOf(SCHEMA, columns as never, length);
}

async function rowsIn(path: string): Promise<string[]> {
  const rows: string[] = [];
  for await (const batch of readTableBatches(path)) {
    const text = rowText(batch);
    for (let row = 0; row < batch.numRows; row++) rows.push(text(row));
  }
  return rows;
}

test("the bytes depend on the rows, not on how they were batched", async () => {
  await inFolder(async (folder) => {
    const whole = rowsOf(0, 20_000);
    await writeTable(openArrowWriter, join(folder, "a"), SCHEMA, [whole]);
    const random = randomOf(7);
    const parts: RecordBatch[] = [];
    for (let start = 0; start < 20_000; ) {
      const length = Math.min(20_000 - start, Math.floor(random() * 3000));
      parts.push(sliceBatch(whole, start, length));
      start += length;
    }
    await writeTable(openArrowWriter, join(folder, "b"), SCHEMA, parts);
    assert.ok(readFileSync(join(folder, "a")).equals(readFileSync(join(folder, "b"))));
  });
});

test("batches hold 65,536 rows, fewer where rows are large", async () => {
  await inFolder(async (folder) => {
    const sizes = async (path: string) => {
      const found: number[] = [];
      for await (const { numRows } of readTableBatches(path)) found.push(numRows);
      return found;
    };
    const narrow = new Schema([new Field("n", new Int64(), false)]);
    const numbers = batchOf(narrow, [makeData({ type: new Int64(), data: new BigInt64Array(150_000) })], 150_000);
    await writeTable(openArrowWriter, join(folder, "narrow"), narrow, [numbers]);
    assert.deepEqual(await sizes(join(folder, "narrow")), [65_536, 65_536, 18_928]);
    const type = new FixedSizeList(1024, new Field("item", new Float32(), false));
    const wide = new Schema([new Field("v", type, false)]);
    const child = makeData({ type: new Float32(), data: new Float32Array(1024 * 9000) });
    await writeTable(openArrowWriter, join(folder, "wide"), wide, [
      batchOf(wide, [makeData({ type, length: 9000, nullCount: 0, child })], 9000),
    ]);
    assert.deepEqual(await sizes(join(folder, "wide")), [4096, 4096, 808]);
  });
});

test("Polars opens it with every type", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "t.arrow");
    await writeTable(openArrowWriter, path, SCHEMA, [rowsOf(0, 2000), rowsOf(2000, 3000)]);
    const frame = pl.readIPC(readFileSync(path));
    assert.deepEqual(frame.shape, { height: 5000, width: 6 });
    assert.equal(frame.getColumn("_row").cast(pl.Utf8).get(4999), String(2n ** 63n + 4999n));
    assert.equal(frame.getColumn("text").get(4321), "row 4321 天气");
    const reasons = frame.getColumn("reason").cast(pl.Utf8).toArray();
    assert.deepEqual(reasons.slice(3, 6), ["exact", "normalized", null]);
    assert.equal(frame.getColumn("nothing").nullCount(), 5000);
    assert.equal(String(frame.schema.embedding), "DataType(FixedSizeList(DataType(Float32),2))");
    assert.deepEqual(frame.getColumn("embedding").explode().toArray().slice(8642, 8644), [4321, -4321]);
    assert.deepEqual(frame.getColumn("tags").slice(4, 1).explode().toArray(), ["t4", null]);
  });
});

test("a table without rows keeps its schema", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "t.arrow");
    await writeTable(openArrowWriter, path, SCHEMA, []);
    assert.deepEqual((await readSchema(path)).fields.map(String), SCHEMA.fields.map(String));
    assert.deepEqual(await rowsIn(path), []);
    assert.deepEqual(pl.readIPC(readFileSync(path)).shape, { height: 0, width: 6 });
  });
});

for (const name of [
  "types.arrow",
  "types-stream.arrow",
  "nested.arrow",
  "polars.arrow",
  "dictionaries.arrow",
  "flat.parquet",
]) {
  test(`the rows of ${name} come back as they were`, async () => {
    await inFolder(async (folder) => {
      const { schema, batches } = await allBatches(await openGolden(name));
      const path = join(folder, "t.arrow");
      await writeTable(openArrowWriter, path, schema, batches);
      const accepted = goldenRows(name).filter((row) => !row.startsWith('{"text":null'));
      assert.deepEqual(await rowsIn(path), accepted);
      assert.deepEqual((await readSchema(path)).fields.map(String), schema.fields.map(String));
    });
  });
}

test("dictionaries that differ from batch to batch are merged", async () => {
  await inFolder(async (folder) => {
    const type = new Dictionary(new Utf8(), new Int8());
    const schema = new Schema([new Field("d", type, true)]);
    const batch = (words: string[], indices: number[]) => {
      const data = makeData({
        type,
        data: Int8Array.from(indices),
        dictionary: makeVector(vectorFromArray(words, new Utf8()).data[0]),
      });
      return batchOf(schema, [data as never], indices.length);
    };
    const path = join(folder, "t.arrow");
    await writeTable(openArrowWriter, path, schema, [
      batch(["a", "b"], [1, 0]),
      batch(["b", "c", "a"], [0, 1, 2]),
      batch(["c"], [0]),
    ]);
    assert.deepEqual(
      (await rowsIn(path)).map((row) => JSON.parse(row).d),
      ["b", "a", "b", "c", "a", "c"],
    );
    const words = Array.from({ length: 100 }, (_, i) => `w${i}`);
    const more = Array.from({ length: 100 }, (_, i) => `x${i}`);
    const failing = writeTable(openArrowWriter, path, schema, [batch(words, [1]), batch(more, [1])]);
    await assert.rejects(failing, /200 dictionary values do not fit the index type Int8/);
  });
});

test("an aborted file is gone", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "t.arrow");
    const writer = await openArrowWriter({ path, schema: SCHEMA });
    await writer.write(rowsOf(0, 10));
    assert.ok(existsSync(path));
    await writer.abort();
    assert.ok(!existsSync(path));
  });
});

test("batches that went through streams reach a writer as they were: dictionaries that change give the same bytes", async () => {
  await inFolder(async (folder) => {
    const type = new Dictionary(new Utf8(), new Int8());
    const schema = new Schema([new Field("kind", type, true)]);
    const coded = (values: readonly (string | null)[], words: readonly string[]) => {
      const indices = vectorFromArray(
        values.map((value) => (value === null ? null : words.indexOf(value))),
        new Int8(),
      ).data[0];
      const { length, nullCount, nullBitmap } = indices;
      const dictionary = vectorFromArray(words, new Utf8());
      return batchOf(
        schema,
        [makeData({ type, length, nullCount, nullBitmap, data: indices.values, dictionary })],
        length,
      );
    };
    // Dictionaries of several files, in two parts: one dictionary at first, then others that bring new values and no order.
    const parts = [
      [coded(["b", "a"], ["b", "a", "unused"]), coded(["c", null, "b"], ["c", "b"])],
      [coded(["d", "c", "e"], ["e", "d", "c"]), coded(["a"], ["a", "f"])],
    ];
    const direct = await openArrowWriter({ path: join(folder, "direct.arrow"), schema });
    for (const batch of parts.flat()) await direct.write(batch);
    await direct.finish();
    const assembled = await openArrowWriter({ path: join(folder, "assembled.arrow"), schema });
    for (const [i, batches] of parts.entries()) {
      const path = join(folder, `part-${i}.arrow`);
      const stream = await openArrowStreamWriter({ path, schema });
      for (const batch of batches) await stream.write(batch);
      await stream.finish();
      for await (const batch of readTableBatches(path)) await assembled.write(batch);
    }
    await assembled.finish();
    const [one, other] = ["direct", "assembled"].map((name) => readFileSync(join(folder, `${name}.arrow`)));
    assert.ok(one.equals(other));
    const values = ["b", "a", "c", null, "b", "d", "c", "e", "a"];
    assert.deepEqual(
      await rowsIn(join(folder, "assembled.arrow")),
      values.map((kind) => JSON.stringify({ kind })),
    );
  });
});
