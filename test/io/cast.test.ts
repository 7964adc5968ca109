import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Bool,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  makeData,
  Null,
  Schema,
  Struct,
  Timestamp,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  Utf8View,
  vectorFromArray,
} from "apache-arrow";
import { batchOf } from "../../src/io/columns/take.js";
import { JSON_KEY, rowText } from "../../src/io/jsonl/json-text.js";
import { castBatch } from "../../src/io/schema/cast.js";
import { unifySchemas } from "../../src/io/schema/unify.js";
import { allBatches, openGolden } from "./golden.js";

const one = (type: DataType, name = "c", nullable = true) => new Schema([new Field(name, type, nullable)]);
const struct = (...fields: [string, DataType][]) =>
  new Struct(fields.map(([name, type]) => new Field(name, type, true)));
const list = (type: DataType) => new List(new Field("item", type, true));

/** The unified type of two, as text; "json" where it is JSON text. */
function unified(a: DataType, b: DataType): string {
  const [field] = unifySchemas([one(a), one(b)]).fields;
  const [swapped] = unifySchemas([one(b), one(a)]).fields;
  assert.equal(swapped.metadata.get(JSON_KEY), field.metadata.get(JSON_KEY), "the order of files must not matter");
  return field.metadata.get(JSON_KEY) === "true" ? "json" : String(field.type);
}

const seconds = (unit: number, zone?: string) => new Timestamp(unit, zone);

for (const [a, b, expected] of [
  [new Int8(), new Int32(), "Int32"],
  [new Int8(), new Uint8(), "Int16"],
  [new Int32(), new Uint32(), "Int64"],
  [new Uint16(), new Int64(), "Int64"],
  [new Int64(), new Uint64(), "json"],
  [new Int32(), new Float32(), "Float64"],
  [new Uint32(), new Float64(), "Float64"],
  [new Int64(), new Float64(), "json"],
  [new Float32(), new Float64(), "Float64"],
  [new Null(), new Bool(), "Bool"],
  [new Utf8(), new Utf8View(), "Utf8"],
  [new Dictionary(new Utf8(), new Int8()), new Utf8(), "Utf8"],
  [new Dictionary(new Utf8(), new Int8()), new Dictionary(new Utf8(), new Int32()), "Utf8"],
  [new Bool(), new Int8(), "json"],
  [new Utf8(), new Int64(), "json"],
  [seconds(0), seconds(3), "Timestamp<NANOSECOND>"],
  [seconds(1, "UTC"), seconds(2, "UTC"), "Timestamp<MICROSECOND, UTC>"],
  [seconds(1, "UTC"), seconds(1), "json"],
  [new DateDay(), new DateMillisecond(), "Date64<MILLISECOND>"],
  [new Decimal(2, 10, 128), new Decimal(2, 50, 256), "Decimal[50e+2]"],
  [new Decimal(2, 10, 128), new Decimal(3, 10, 128), "json"],
  [list(new Int8()), list(new Int16()), "List<Int16>"],
  [list(new Int8()), new FixedSizeList(3, new Field("item", new Int8())), "List<Int8>"],
  [struct(["x", new Int8()], ["y", new Utf8()]), struct(["x", new Int64()]), "Struct<{x:Int64, y:Utf8}>"],
] as const) {
  test(`${a} and ${b} unify to ${expected}`, () => assert.equal(unified(a, b), expected));
}

test("columns come in the order first seen, and one that a file lacks is nullable", () => {
  const left = new Schema(
    [new Field("b", new Int8(), false), new Field("a", new Utf8(), false)],
    new Map([
      ["k", "1"],
      ["m", "2"],
    ]),
  );
  const right = new Schema(
    [new Field("a", new Utf8(), false), new Field("z", new Bool(), false)],
    new Map([["k", "1"]]),
  );
  const { fields, metadata } = unifySchemas([left, right]);
  assert.deepEqual(
    fields.map(({ name, nullable }) => [name, nullable]),
    [
      ["b", true],
      ["a", false],
      ["z", true],
    ],
  );
  assert.deepEqual(Array.from(metadata), [["k", "1"]]);
});

test("a conflict inside a struct only makes its member JSON text, and is told", () => {
  const told: string[] = [];
  const left = one(struct(["x", new Int8()], ["y", new Bool()]));
  const right = one(struct(["x", new Utf8()], ["y", new Bool()]));
  const [field] = unifySchemas([left, right], (column, a, b) => {
    told.push(`${column}: ${a} ${b}`);
    return undefined;
  }).fields;
  assert.deepEqual(told, ["c.x: Int8 Utf8"]);
  const [x, y] = field.type.children as Field[];
  assert.equal(x.metadata.get(JSON_KEY), "true");
  assert.equal(String(y.type), "Bool");
});

test("two columns of one name are refused", () => {
  const twice = new Schema([new Field("a", new Int8()), new Field("a", new Utf8())]);
  assert.throws(() => unifySchemas([twice]), /two columns are named "a"/);
});

/** Two files with one column each, cast to their common schema, as JSON texts. */
function castBoth(a: readonly unknown[], aType: DataType, b: readonly unknown[], bType: DataType): string[] {
  const schema = unifySchemas([one(aType), one(bType)]);
  return [[a, aType] as const, [b, bType] as const].flatMap(([values, type]) => {
    const { data } = vectorFromArray(values, type);
    const text = rowText(castBatch(batchOf(one(type), [data[0]], values.length), schema));
    return values.map((_, row) => text(row));
  });
}

test("values are the same after the cast", () => {
  assert.deepEqual(castBoth([1, null], new Int8(), [2 ** 31, 5], new Uint32()), [
    '{"c":1}',
    '{"c":null}',
    '{"c":2147483648}',
    '{"c":5}',
  ]);
  assert.deepEqual(castBoth([7], new Int32(), [0.5, null], new Float64()), ['{"c":7}', '{"c":0.5}', '{"c":null}']);
  assert.deepEqual(castBoth(['a"', null], new Utf8(), [2n ** 63n - 1n], new Int64()), [
    '{"c":"a\\""}',
    '{"c":null}',
    '{"c":9223372036854775807}',
  ]);
  assert.deepEqual(castBoth(["a", "b", "a", null], new Dictionary(new Utf8(), new Int8()), ["c"], new Utf8()), [
    '{"c":"a"}',
    '{"c":"b"}',
    '{"c":"a"}',
    '{"c":null}',
    '{"c":"c"}',
  ]);
  assert.deepEqual(castBoth([null, null], new Null(), [[1], null], list(new Int8())), [
    '{"c":null}',
    '{"c":null}',
    '{"c":[1]}',
    '{"c":null}',
  ]);
});

test("a time that does not fit the finer unit is refused, not wrapped", () => {
  const day = BigInt(9_000_000_000_000);
  const data = makeData({ type: seconds(0), length: 1, nullCount: 0, data: BigInt64Array.of(day) });
  const schema = unifySchemas([one(seconds(0)), one(seconds(3))]);
  assert.throws(() => castBatch(batchOf(one(seconds(0)), [data], 1), schema), {
    name: "Error",
    message:
      /^column "c": 9000000000000 of Timestamp<SECOND> does not fit Timestamp<NANOSECOND>, the type of all inputs/,
  });
});

test("every type casts to itself, to nullable columns beside others, and to JSON text", async () => {
  const { schema, batches } = await allBatches(await openGolden("types.arrow"));
  const other = new Schema([new Field("more", new Int8(), true)]);
  const both = unifySchemas([schema, other]);
  const asText = unifySchemas([
    schema,
    new Schema(schema.fields.map(({ name }) => new Field(name, struct(["q", new Bool()]), true))),
  ]);
  const plain = new Set(["nothing"]);
  for (const batch of batches) {
    const expected = rowText(batch);
    const widened = rowText(castBatch(batch, both));
    const texts = castBatch(batch, asText);
    const text = rowText(texts);
    for (let row = 0; row < batch.numRows; row++) {
      assert.equal(widened(row), expected(row).replace(/\}$/, ',"more":null}'));
      assert.equal(text(row), expected(row));
    }
    for (const field of texts.schema.fields) {
      if (!plain.has(field.name)) assert.equal(String(field.type), "Utf8", field.name);
    }
    // The other file's rows: every column of the first one is null, of whatever type.
    const nulls = castBatch(batchOf(other, [vectorFromArray([1, 2], new Int8()).data[0]], 2), both);
    const found = Object.entries(JSON.parse(rowText(nulls)(1)));
    assert.deepEqual(found, [...schema.fields.map(({ name }) => [name, null]), ["more", 2]]);
  }
});
