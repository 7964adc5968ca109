import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import {
  Data,
  type DataType,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int32,
  List,
  makeData,
  Schema,
  Struct,
  TimeSecond,
  Timestamp,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import pl from "nodejs-polars";
import { batchOf } from "../../src/io/columns/take.js";
import { rowText } from "../../src/io/jsonl/json-text.js";
import { parquetMisfit } from "../../src/io/parquet/misfit.js";
import { openParquet } from "../../src/io/parquet/parquet.js";
import { openParquetWriter } from "../../src/io/parquet/write.js";
import { writerFlaws } from "../../src/io/parquet/writer-flaws.js";
import { allBatches, goldenFile, inFolder, openGolden, writeTable } from "./golden.js";

function batchOfOne(data: Data, nullable: boolean, type: DataType = data.type) {
  return batchOf(new Schema([new Field("c", type, nullable)]), [data], data.length);
}

const numbers = (values: (number | null)[]) => vectorFromArray(values, new Int32()).data[0];
const seconds = (...values: bigint[]) =>
  makeData({ type: new Timestamp(0), length: values.length, nullCount: 0, data: BigInt64Array.from(values) });
/** A list with the given ends, whose items may not be null. */
function listOf(ends: number[], child: Data, valid?: number): Data {
  const type = new List(new Field("item", child.type, false));
  const bits = valid === undefined ? undefined : Uint8Array.of(valid);
  return new Data(type, 0, ends.length, -1, { 0: Int32Array.of(0, ...ends), 2: bits }, [child]);
}

/** Whether the writer takes the batch. */
async function isWritten(batch: ReturnType<typeof batchOfOne>): Promise<boolean> {
  return inFolder(async (folder) => {
    try {
      await writeTable(openParquetWriter, join(folder, "t.parquet"), batch.schema, [batch]);
      return true;
    } catch {
      return false;
    }
  });
}

test("a misfit is foretold exactly where the writer fails, with its row and the cure", async () => {
  const type = new Dictionary(new Utf8(), new Int32(), 0);
  const words = vectorFromArray(["a", null], new Utf8());
  const coded = (...indices: number[]) =>
    new Data(type, 0, indices.length, 0, { 1: Int32Array.from(indices) }, [], words);
  const struct = new Struct([new Field("a", new Int32(), false)]);
  const inStruct = (bits: number) => new Data(struct, 0, 3, -1, { 2: Uint8Array.of(bits) }, [numbers([1, null, 3])]);
  const times = makeData({ type: new TimeSecond(), length: 2, nullCount: 0, data: Int32Array.of(86_399, 2 ** 31 - 1) });
  const cases: [ReturnType<typeof batchOfOne>, number | undefined][] = [
    [batchOfOne(numbers([1, null]), true), undefined],
    [batchOfOne(numbers([1, 2]), false), undefined],
    [batchOfOne(numbers([1, null]), false), 1],
    [batchOfOne(inStruct(0b111), true), 1],
    [batchOfOne(inStruct(0b101), true), undefined],
    [batchOfOne(inStruct(0b101), false), 1],
    [batchOfOne(listOf([1, 1, 3], numbers([1, 2, null])), true), 2],
    [batchOfOne(listOf([1, 1, 3], numbers([1, 2, null]), 0b011), true), undefined],
    [batchOfOne(coded(0, 0, 1), false), 2],
    [batchOfOne(coded(0, 0, 1), true), undefined],
    [batchOfOne(seconds(0n, 253_402_300_799n, -62_135_596_800n), true), undefined],
    [batchOfOne(seconds(0n, 2n ** 62n), true), 1],
    [batchOfOne(listOf([0, 2], seconds(0n, 2n ** 62n)), true), 1],
    [batchOfOne(times, true), 1],
  ];
  for (const [i, [batch, row]] of cases.entries()) {
    const misfit = parquetMisfit(batch);
    assert.equal(misfit?.row, row, `case ${i}`);
    assert.equal(await isWritten(batch), row === undefined, `case ${i}`);
    if (misfit === undefined) continue;
    assert.equal(misfit.column, "c");
    assert.match(misfit.reason, /declares as never null: declare it nullable|do not fit the milliseconds of Parquet/);
  }
});

test("no golden file has a misfit", async () => {
  for (const name of ["types.arrow", "nested.arrow", "layouts.arrow", "flat.parquet", "required.parquet"]) {
    const { batches } = await allBatches(await openGolden(name));
    for (const batch of batches) assert.equal(parquetMisfit(batch), undefined, name);
  }
});

/** The rows of a column as Parquet holds it, and the type that it has there. */
async function throughParquet(data: Data): Promise<{ type: string; rows: unknown[]; polars: pl.Series }> {
  return inFolder(async (folder) => {
    const path = join(folder, "t.parquet");
    const batch = batchOfOne(data, true);
    await writeTable(openParquetWriter, path, batch.schema, [batch]);
    const copy = await openParquet({ path, name: "t" });
    const schema = await copy.schema();
    const rows: unknown[] = [];
    for await (const { columns } of copy.read({ schema })) {
      const text = rowText(columns);
      for (let row = 0; row < columns.numRows; row++) rows.push(text(row).slice('{"c":'.length, -1));
    }
    const polars = pl.readParquet(path).getColumn("c");
    return { type: String(schema.fields[0].type), rows, polars };
  });
}

test("decimals of a negative scale and bytes of width 0 keep their values", async () => {
  const words = Uint32Array.from([-12 >>> 0, 0xffffffff, 0xffffffff, 0xffffffff, 999, 0, 0, 0]);
  const hundreds = makeData({ type: new Decimal(-2, 5), length: 2, nullCount: 0, data: words });
  const { type, rows, polars } = await throughParquet(hundreds);
  assert.deepEqual([type, rows], ["Decimal[7e0]", ["-1200", "99900"]]);
  assert.deepEqual(polars.cast(pl.Float64).toArray(), [-1200, 99_900]);
  const far = makeData({ type: new Decimal(-70, 9), length: 2, nullCount: 0, data: words });
  assert.deepEqual((await throughParquet(far)).rows, [`-12${"0".repeat(70)}`, `999${"0".repeat(70)}`]);
  const empty = new Data(new FixedSizeBinary(0), 0, 2, 1, { 1: new Uint8Array(0), 2: Uint8Array.of(1) });
  assert.deepEqual((await throughParquet(empty)).rows, ['""', "null"]);
});

test("-0 stays -0 beside 0, where a dictionary would take both for one value", async () => {
  const values = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? 0 : -0));
  for (const type of [new Float64(), new Float32()]) {
    const { rows, polars } = await throughParquet(vectorFromArray(values, type).data[0]);
    assert.deepEqual(
      rows,
      values.map((value) => (Object.is(value, -0) ? "-0" : "0")),
    );
    assert.ok(Array.from(polars.toArray()).every((value, i) => Object.is(value, values[i])));
  }
});

test("UUIDs keep their type in Parquet, also for readers that know nothing of Arrow's schema", async () => {
  await inFolder(async (folder) => {
    const { schema, batches } = await allBatches(await openGolden("uuid.parquet"));
    for (const field of [schema.fields[1], schema.fields[2].type.children[0] as Field]) {
      assert.equal(field.metadata.get("ARROW:extension:name"), "arrow.uuid");
      assert.equal(field.metadata.get("ARROW:extension:metadata"), "");
    }
    const path = join(folder, "t.parquet");
    await writeTable(openParquetWriter, path, schema, batches);
    const { parquetMetadataAsync, asyncBufferFromFile } = await import("hyparquet");
    const { schema: elements } = await parquetMetadataAsync(await asyncBufferFromFile(path));
    const { schema: expected } = await parquetMetadataAsync(await asyncBufferFromFile(goldenFile("uuid.parquet")));
    const logical = (list: typeof elements) => list.map(({ name, logical_type }) => [name, logical_type?.type]);
    assert.deepEqual(logical(elements).slice(1), logical(expected).slice(1));
    assert.equal(logical(elements).filter(([, type]) => type === "UUID").length, 2);
  });
});

test("the flaws of writers go by name and version", () => {
  const none = { alwaysCompressed: false, missingBytes: 0 };
  assert.deepEqual(writerFlaws(undefined), none);
  assert.deepEqual(writerFlaws("parquet-mr version 1.8.1 (build 4aba4dae)"), none);
  assert.deepEqual(writerFlaws("parquet-mr version 1.2.9"), none);
  assert.deepEqual(writerFlaws("parquet-mr version 1.2.8 (build x)"), { ...none, missingBytes: 100 });
  assert.deepEqual(writerFlaws("parquet-mr"), { ...none, missingBytes: 100 });
  assert.deepEqual(writerFlaws("parquet-cpp version 1.5.1-SNAPSHOT"), { ...none, alwaysCompressed: true });
  assert.deepEqual(writerFlaws("parquet-cpp-arrow version 3.0.0"), none);
});
