import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  Data,
  DataType,
  Dictionary,
  Field,
  Int8,
  Int16,
  Int32,
  List,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { openArrow } from "../../src/io/arrow/arrow.js";
import { plainBatches } from "../../src/io/arrow/plain.js";
import { hideLayouts } from "../../src/io/arrow/schema-layouts.js";
import { decodeSchema } from "../../src/io/arrow/schema-message.js";
import { ListView, plainField, RunEndEncoded } from "../../src/io/arrow/stored-types.js";
import { validateBatch } from "../../src/io/arrow/validate.js";
import { openArrowWriter } from "../../src/io/arrow/write.js";
import { batchOf } from "../../src/io/columns/take.js";
import { rowText } from "../../src/io/jsonl/json-text.js";
import { openParquet } from "../../src/io/parquet/parquet.js";
import { openParquetWriter } from "../../src/io/parquet/write.js";
import {
  allBatches,
  allRows,
  goldenFile,
  goldenRows,
  inFolder,
  openGolden,
  surviveDamage,
  writeTable,
} from "./golden.js";

const item = new Field("item", new Int32(), true);
const ends = (values: number[]) => vectorFromArray(values, new Int32()).data[0];
const numbers = (values: (number | null)[]) => vectorFromArray(values, new Int32()).data[0];

/** A run-end encoded column of int32. */
function runs(length: number, runEnds: Data, values: Data): Data {
  const type = new RunEndEncoded([new Field("run_ends", runEnds.type, false), new Field("values", values.type, true)]);
  return new Data(type, 0, length, 0, {}, [runEnds, values]);
}

/** A list view of int32. */
function views(starts: number[], sizes: number[], child: Data): Data {
  const data = new Data(new ListView(item), 0, starts.length, 0, {}, [child]);
  return Object.assign(data, { valueOffsets: Int32Array.from(starts), values: Int32Array.from(sizes) });
}

function batchOfOne(data: Data) {
  return batchOf(new Schema([new Field("c", data.type, true)]), [data], data.length);
}

function plainRows(data: Data, limit = 2 ** 30): { rows: string[]; sizes: number[] } {
  const schema = new Schema([plainField(new Field("c", data.type, true))]);
  const batches = [...plainBatches(batchOfOne(data), schema, limit)];
  const rows = batches.flatMap((batch) => {
    const text = rowText(batch);
    return Array.from({ length: batch.numRows }, (_, row) => text(row));
  });
  return { rows, sizes: batches.map(({ numRows }) => numRows) };
}

test("run-end encoded columns, list views and nested dictionaries have the types that they stand for", async () => {
  const schema = await (await openGolden("layouts.arrow")).schema();
  const types = Object.fromEntries(schema.fields.map(({ name, type }) => [name, String(type)]));
  assert.deepEqual(types, {
    text: "Utf8",
    short: "Float64",
    long: "List<Int64>",
    coded: "Dictionary<Int32, Utf8>",
    ids: "FixedSizeBinary[16]",
    views: "List<Int64>",
    wide: "LargeList<Utf8>",
    deep: "List<LargeList<Int8>>",
    inside: "Struct<{runs:Utf8, views:List<Int64>}>",
    listed: "List<Bool>",
    nested: "List<Int64>",
    record: "Struct<{a:Int64}>",
    twice: "List<Dictionary<Int32, Utf8>>",
  });
  assert.equal(schema.fields.find(({ name }) => name === "ids")?.metadata.get("ARROW:extension:name"), "arrow.uuid");
});

for (const [open, reopen, name] of [
  [openArrowWriter, openArrow, "Arrow"],
  [openParquetWriter, openParquet, "Parquet"],
] as const) {
  test(`these columns go to ${name} with the values that pyarrow reads`, async () => {
    await inFolder(async (folder) => {
      const { schema, batches } = await allBatches(await openGolden("layouts.arrow"));
      const path = join(folder, "t");
      await writeTable(open, path, schema, batches);
      // The scan rejects the row without a text.
      const accepted = goldenRows("layouts.arrow").filter((row) => !row.startsWith('{"text":null'));
      assert.deepEqual(await allRows(await reopen({ path, name: "t" })), accepted);
    });
  });
}

test("damaged run ends and list views are refused or read, never a crash", async () => {
  await surviveDamage("layouts.arrow", 150, 7);
  await surviveDamage("layouts-lz4.arrow", 150, 8);
});

test("run ends and list views that point outside of their values are refused by name", () => {
  const cases: [Data, RegExp][] = [
    [runs(3, ends([1, 2]), numbers([1, 2])), /column "c" is corrupt: runs end at row 2 of 3/],
    [runs(3, ends([2, 2, 3]), numbers([1, 2, 3])), /run 1 ends at row 2, after one that ends at 2/],
    [runs(3, ends([0, 3]), numbers([1, 2])), /run 0 ends at row 0/],
    [runs(3, ends([1, 3]), numbers([1])), /1 values for 2 runs/],
    [views([0, 2], [1, 3], numbers([1, 2, 3])), /a list of 3 items from 2 on among 3 in row 1/],
    [views([-1], [1], numbers([1])), /a list of 1 items from -1 on/],
    [views([0], [-1], numbers([1])), /a list of -1 items/],
  ];
  for (const [data, message] of cases) assert.throws(() => validateBatch(batchOfOne(data)), { message });
  validateBatch(batchOfOne(runs(2, ends([1, 5]), numbers([1, 2]))));
  validateBatch(batchOfOne(views([2, 0], [1, 3], numbers([1, 2, 3]))));
});

test("a small file cannot fill the memory: repeated values come in batches of bounded size", () => {
  const long = vectorFromArray(["x".repeat(2 ** 20)], new Utf8()).data[0];
  const many = plainRows(runs(100, ends([100]), long));
  assert.equal(many.rows.length, 100);
  assert.ok(Math.max(...many.sizes) <= 8, String(many.sizes));
  const child = numbers(Array.from({ length: 100_000 }, (_, i) => i));
  const overlapping = plainRows(views(Array(50).fill(0), Array(50).fill(100_000), child));
  assert.ok(Math.max(...overlapping.sizes) <= 20, String(overlapping.sizes));
  assert.equal(new Set(overlapping.rows).size, 1);
  assert.throws(
    () => plainRows(views([0], [100_000], child), 1000),
    /row 1 of a record batch takes more than 1000 bytes/,
  );
});

test("batches have 8192 rows at most, whose runs begin anywhere", () => {
  const expected = Array.from({ length: 20_000 }, (_, row) => (row < 8000 ? 1 : row < 16_500 ? null : 3));
  const { rows, sizes } = plainRows(runs(20_000, ends([8000, 16_500, 25_000]), numbers([1, null, 3])));
  assert.deepEqual(sizes, [8192, 8192, 3616]);
  assert.deepEqual(
    rows,
    expected.map((value) => JSON.stringify({ c: value })),
  );
});

test("dictionaries that a stream replaces get indices that count all their values", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "t.arrow");
    const type = new Dictionary(new Utf8(), new Int8(), 0);
    const schema = new Schema([new Field("text", new Utf8(), true), new Field("c", type, true)]);
    const writer = new RecordBatchStreamWriter();
    const words = (start: number) => Array.from({ length: 100 }, (_, i) => `w${start + i}`);
    for (const start of [0, 50, 100]) {
      const dictionary = vectorFromArray(words(start), new Utf8());
      const indices = Int8Array.from({ length: 100 }, (_, i) => i);
      const coded = new Data(type, 0, 100, 0, { 1: indices }, [], dictionary);
      writer.write(batchOf(schema, [vectorFromArray(words(start), new Utf8()).data[0], coded], 100));
    }
    writer.finish();
    await writeFile(path, writer.toUint8Array(true));
    const source = await openArrow({ path, name: "t" });
    // 200 values in all; any of the three dictionaries alone would fit int8.
    const [, field] = (await source.schema()).fields;
    assert.ok(DataType.isDictionary(field.type) && field.type.indices.bitWidth === 16, String(field.type));
    const { schema: read, batches } = await allBatches(source);
    await writeTable(openArrowWriter, join(folder, "out.arrow"), read, batches);
    const rows = await allRows(await openArrow({ path: join(folder, "out.arrow"), name: "out" }));
    assert.deepEqual(
      rows,
      [0, 50, 100].flatMap((start) => words(start).map((word) => JSON.stringify({ text: word, c: word }))),
    );
  });
});

test("the Arrow schema that a Parquet file stores may hold such columns", async () => {
  // After "ARROW1" and its padding comes the schema message: a mark, the length of the metadata, the metadata.
  const golden = readFileSync(goldenFile("layouts.arrow"));
  const message = golden.subarray(8, 16 + golden.readInt32LE(12));
  const schema = await (await openGolden("layouts.arrow")).schema();
  assert.deepEqual(decodeSchema(message.toString("base64"))?.fields.map(String), schema.fields.map(String));
});

test("a schema of big-endian numbers is refused", () => {
  // A message with its field 2, the header, which is a schema with its field 0, the byte order.
  const message = (order: number) => {
    const bytes = Buffer.alloc(44);
    for (const [at, value] of [
      [0, 16],
      [16, 12],
      [20, 16],
      [36, 12],
    ])
      bytes.writeUInt32LE(value, at);
    for (const [at, value] of [
      [4, 10],
      [6, 8],
      [12, 4],
      [24, 6],
      [26, 6],
      [28, 4],
      [40, order],
    ])
      bytes.writeUInt16LE(value, at);
    return bytes;
  };
  assert.throws(() => hideLayouts(message(1), "message"), { message: /its numbers are big-endian/ });
  assert.deepEqual(hideLayouts(message(0), "message"), []);
});

test("what cannot be read is named: newer types, duplicate names", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "t.arrow");
    const refused = async (bytes: Uint8Array, message: RegExp) => {
      await writeFile(path, bytes);
      await assert.rejects(() => openArrow({ path, name: "t" }), { message, exitCode: 3 });
    };
    const fields = (...names: string[]) => names.map((name) => new Field(name, new Int16(), true));
    const data = () => vectorFromArray([1], new Int16()).data[0];
    const twice = new Table(batchOf(new Schema(fields("a", "b", "a")), [data(), data(), data()], 1));
    await refused(
      tableToIPC(twice, "file"),
      /^t: cannot be read as Arrow: two columns are named "a": rename one of them$/,
    );
    const struct = new Struct(fields("x", "x"));
    const inner = new Data(struct, 0, 1, 0, {}, [data(), data()]);
    const list = new Data(new List(new Field("item", struct, true)), 0, 1, 0, { 0: Int32Array.of(0, 1) }, [inner]);
    const nested = new Table(batchOfOne(list));
    await refused(tableToIPC(nested, "stream"), /column "c" has two fields that are named "x"/);

    // The number of a type is a byte of the schema message; 25 is that of the list view in this file.
    const golden = readFileSync(goldenFile("layouts.arrow"));
    const newer = Buffer.from(golden.map((byte) => (byte === 25 ? 99 : byte)));
    await refused(newer, /field "views" has type 99 of a newer version of the format/);
  });
});
