import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parquetWriteBuffer } from "hyparquet-writer";
import { openParquet } from "../../src/io/parquet/parquet.js";
import { parquetNodes } from "../../src/io/parquet/types.js";
import {
  allBatches,
  allRejects,
  allTexts,
  goldenRows,
  inFolder,
  openGolden,
  surviveDamage,
  testGolden,
} from "./golden.js";

testGolden(".parquet");

test("types come out as they went in", async () => {
  const schema = await (await openGolden("flat.parquet")).schema();
  const types = Object.fromEntries(schema.fields.map(({ name, type }) => [name, String(type)]));
  assert.equal(types.uint64, "Uint64");
  assert.equal(types.half, "Float16");
  assert.equal(types.zoned_us, "Timestamp<MICROSECOND, Asia/Shanghai>");
  assert.equal(types.stamp_ns, "Timestamp<NANOSECOND>");
  assert.equal(types.span, "Duration<MICROSECOND>");
  assert.equal(types.decimal38, "Decimal[38e+10]");
  assert.equal(types.nothing, "Null");
  const nested = await (await openGolden("nested.parquet")).schema();
  assert.match(String(nested.fields.find(({ name }) => name === "vector")?.type), /^FixedSizeList\[3\]/);
});

test("batches hold 8192 rows at most and count records through row groups", async () => {
  const source = await openGolden("groups.parquet");
  const texts = await allTexts(source);
  assert.deepEqual(
    texts,
    Array.from({ length: 300 }, (_, i) => `row ${i}`),
  );
  const sizes = (await allBatches(source)).batches.map(({ numRows }) => numRows);
  assert.equal(Math.max(...sizes), 7);
});

test("several text fields and dotted paths join by a newline", async () => {
  const source = await openGolden("groups.parquet");
  assert.equal((await allTexts(source, ["text", "text"]))[4], "row 4\nrow 4");
});

test("a null text is rejected with its whole row", async () => {
  const source = await openGolden("flat.parquet");
  const rejects = await allRejects(source, ["text"]);
  assert.deepEqual(rejects, []);
  await assert.rejects(() => allRejects(source, ["missing"]), {
    message: /^flat\.parquet: no field "missing"; the fields are "text" \(Utf8\), .*"int8" \(Int8\), .* and \d+ more$/,
    exitCode: 3,
  });
  await assert.rejects(() => allRejects(source, ["int64"]), {
    message: /"int64" is Int64, expected a string/,
    exitCode: 3,
  });
  const nulls = await allRejects(source, ["nothing"]);
  assert.deepEqual(
    nulls.map(({ record, line, raw }) => ({ record, line, raw })),
    goldenRows("flat.parquet").map((raw, record) => ({ record, line: record + 1, raw })),
  );
});

test("order values are exact and comparable across units", async () => {
  const source = await openGolden("flat.parquet");
  const order = async (orderField: string) => {
    const values: unknown[] = [];
    for await (const batch of source.scan({ textFields: ["text"], orderField })) values.push(...(batch.order ?? []));
    return values;
  };
  assert.deepEqual((await order("uint64")).slice(0, 4), [0n, 2n ** 64n - 1n, null, 2n ** 63n]);
  assert.deepEqual((await order("stamp_ms")).slice(0, 3), [0n, -1_000_000n, null]);
  assert.deepEqual((await order("decimal5")).slice(0, 3), [999.99, -999.99, null]);
  await assert.rejects(() => order("bytes"), { message: /"bytes" is Binary, which has no order/, exitCode: 3 });
});

test("lists of older writers have the item that the format's rules say", () => {
  const list = (repeated: object[]) =>
    String(
      parquetNodes([
        { name: "schema", num_children: 1 },
        { name: "a", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
        ...(repeated as never[]),
      ])[0].field.type,
    );
  const leaf = (name: string, repetition_type = "OPTIONAL") => ({ name, type: "INT32", repetition_type });
  const group = (name: string, num_children: number) => ({ name, repetition_type: "REPEATED", num_children });
  assert.equal(list([group("list", 1), leaf("element")]), "List<Int32>");
  assert.equal(list([leaf("element", "REPEATED")]), "List<Int32>");
  assert.equal(list([group("element", 2), leaf("x"), leaf("y")]), "List<Struct<{x:Int32, y:Int32}>>");
  assert.equal(list([group("array", 1), leaf("x")]), "List<Struct<{x:Int32}>>");
  assert.equal(list([group("a_tuple", 1), leaf("x")]), "List<Struct<{x:Int32}>>");
  // Lists and maps without a wrapper around the item, and maps without values.
  const leaves = [group("array", 1), leaf("array", "REPEATED")].map((part, i) =>
    i === 0 ? { ...part, converted_type: "LIST" } : part,
  );
  assert.equal(list(leaves), "List<List<Int32>>");
  const entries = [{ ...group("map", 2), converted_type: "MAP_KEY_VALUE" }, leaf("key", "REQUIRED"), leaf("value")];
  assert.equal(
    list([{ ...group("array", 1), converted_type: "MAP" }, ...entries]),
    "List<Map<{key:Int32, value:Int32}>>",
  );
  assert.equal(list([group("list", 1), leaf("element", "REPEATED")]), "List<Struct<{element:List<Int32>}>>");
  const bare = parquetNodes([{ name: "schema", num_children: 1 }, leaf("x", "REPEATED") as never])[0];
  assert.equal(String(bare.field.type), "List<Int32>");
  assert.equal(bare.field.nullable, false);
});

test("lists and maps of older writers have the types that pyarrow gives them", async () => {
  const { fields } = await (await openGolden("old-layouts.parquet")).schema();
  assert.deepEqual(Object.fromEntries(fields.map(({ name, type }) => [name, String(type)])), {
    text: "Utf8",
    lists: "List<List<Int32>>",
    set: "List<Utf8>",
    two: "List<Int32>",
    tuple: "List<Struct<{x:Int32}>>",
    bare: "List<Int32>",
  });
});

test("two columns, or two fields of a struct, of one name are refused with file and column", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "x.parquet");
    const leaf = (name: string) => ({ name, type: "INT32", repetition_type: "REQUIRED" }) as const;
    const column = (name: string) => ({ name, data: [1] });
    const refused = async (bytes: ArrayBuffer, message: RegExp) => {
      await writeFile(path, new Uint8Array(bytes));
      await assert.rejects(() => openParquet({ path, name: "x.parquet" }), { message, exitCode: 3 });
    };
    const top = [{ name: "root", num_children: 3 }, leaf("a"), leaf("b"), leaf("a")];
    await refused(
      parquetWriteBuffer({ schema: top, columnData: ["a", "b", "a"].map(column) }),
      /^x\.parquet: cannot be read as Parquet: two columns are named "a": rename one of them$/,
    );
    const group = { name: "s", repetition_type: "REQUIRED", num_children: 2 } as const;
    const inner = [{ name: "root", num_children: 1 }, group, leaf("f"), leaf("f")];
    await refused(
      parquetWriteBuffer({ schema: inner, columnData: [{ name: "s", data: [{ f: 1 }] }] }),
      /^x\.parquet: .*: column "s" has two fields that are named "f": rename one of them$/,
    );
  });
});

test("files that are no Parquet are refused by name and cause", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "x.parquet");
    const refused = async (content: string | Buffer, message: RegExp) => {
      await writeFile(path, content);
      await assert.rejects(() => openParquet({ path, name: "x.parquet" }), { message, exitCode: 3 });
    };
    await refused("", /^x\.parquet: .*0 bytes/);
    await refused("PAR1 and nothing that ends like it", /no PAR1 at its end/);
    await refused(`PAR1${"\0".repeat(20)}PARE`, /encrypted/);
    await refused(
      Buffer.from([80, 65, 82, 49, 1, 2, 3, 4, 255, 255, 255, 127, 80, 65, 82, 49]),
      /a footer of 2147483647 bytes/,
    );
  });
  await assert.rejects(() => openParquet({ path: "/nowhere.parquet", name: "n" }), {
    message: /^n: cannot be read: ENOENT/,
  });
});

for (const [name, times] of [
  ["flat.parquet", 60],
  ["nested-v2.parquet", 60],
  ["encodings.parquet", 60],
  ["codec-gzip.parquet", 40],
  ["codec-lz4.parquet", 40],
] as const) {
  test(`${name} damaged anywhere is refused or read, never a crash`, () => surviveDamage(name, times, 5));
}
