import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Bool,
  type DataType,
  Field,
  Float32,
  Float64,
  Int8,
  Int64,
  RecordBatchFileWriter,
  Struct,
  TimestampMillisecond,
  tableFromIPC,
  Uint64,
  Utf8,
  Vector,
} from "apache-arrow";
import fc from "fast-check";
import { buildColumn, buildRecordBatch } from "../../src/io/jsonl/columns.js";
import { isJsonField } from "../../src/io/jsonl/json-text.js";
import { jsonValueText } from "../../src/io/jsonl/value-text.js";
import { InferredFields, observeFields } from "../../src/io/schema/infer.js";
import { inferredSchema, jsonTextField } from "../../src/io/schema/infer-schema.js";

const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(-0));
const integer = fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }));
const string = fc.string({ unit: "grapheme", maxLength: 10 });
const mixed = fc.oneof(number, string, fc.boolean(), fc.constant("\ud800"), fc.array(integer, { maxLength: 2 }));
const nullable = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });
const list = <T>(values: fc.Arbitrary<T>) => fc.array(nullable(values), { maxLength: 3 });
const record = fc.record(
  {
    flag: nullable(fc.boolean()),
    id: nullable(integer),
    small: nullable(fc.integer()),
    score: nullable(number),
    text: nullable(string),
    nothing: fc.constant(null),
    tags: nullable(list(string)),
    rows: nullable(list(fc.array(integer, { maxLength: 3 }))),
    meta: nullable(
      fc.record({ a: nullable(integer), b: nullable(list(fc.boolean())), toString: string }, { requiredKeys: [] }),
    ),
    spans: nullable(list(fc.record({ at: number, kind: string }, { requiredKeys: [] }))),
    any: nullable(mixed),
    constructor: nullable(string),
  },
  { requiredKeys: ["text"] },
);

/** What a cell must hold, from the value alone. */
function expected(field: Field, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (isJsonField(field)) return jsonValueText(value);
  const { type } = field as { type: DataType };
  if (Array.isArray(value)) return value.map((item) => expected(type.children[0], item));
  if (typeof value === "object") {
    const object = value as Record<string, unknown>;
    return type.children.map(({ name }, i) =>
      expected(type.children[i], Object.hasOwn(object, name) ? object[name] : null),
    );
  }
  return String(type) === "Int64" || String(type) === "Uint64" ? BigInt(value as number) : value;
}

/** What apache-arrow reads from a cell, lists and structs as arrays. */
function cell(field: Field, value: unknown): unknown {
  if (value === null) return null;
  if (value instanceof Vector) return Array.from(value, (item) => cell(field.type.children[0], item));
  if (typeof value === "object") {
    // By position: a field may be called like a method of the row.
    const members = Array.from(value as Iterable<[string, unknown]>, ([, member]) => member);
    return members.map((member, i) => cell(field.type.children[i], member));
  }
  return value;
}

test("columns read back from a file hold what the records held", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 40 }), (records) => {
      const fields = new InferredFields();
      for (const one of records) observeFields(fields, one, true);
      const schema = inferredSchema(fields);
      const writer = RecordBatchFileWriter.writeAll([buildRecordBatch(schema, records)]);
      const table = tableFromIPC(writer.toUint8Array(true));
      assert.deepEqual(table.schema.fields.map(String), schema.fields.map(String));
      for (const [position, field] of schema.fields.entries()) {
        const column = table.getChildAt(position);
        const cells = records.map((_, row) => cell(field, column?.get(row)));
        assert.deepEqual(
          cells,
          records.map((one) => expected(new Field("", new Struct([field])), one)).map((row) => (row as unknown[])[0]),
        );
      }
    }),
    { numRuns: 200 },
  );
});

function column(field: Field, values: unknown[]): unknown[] {
  return [...new Vector([buildColumn(field, values)])];
}

test("integers are cast to float64 and anything to JSON text", () => {
  assert.deepEqual(column(new Field("x", new Float64(), true), [1, null, 2n ** 60n, -0]), [1, null, 2 ** 60, -0]);
  const values = [1, "a", null, true, [12345678901234567890n, -0], { b: { c: "\ud800" } }, undefined];
  assert.deepEqual(column(jsonTextField("x"), values), [
    "1",
    '"a"',
    null,
    "true",
    "[12345678901234567890,-0]",
    '{"b":{"c":"\\ud800"}}',
    null,
  ]);
});

test("a missing column is null in any type", () => {
  for (const type of [new Utf8(), new Bool(), new TimestampMillisecond(), new Float32()]) {
    assert.deepEqual(column(new Field("x", type, true), [undefined, null]), [null, null]);
  }
});

test("a value that the field cannot hold exactly says that the input changed", () => {
  const misfits: [DataType, unknown][] = [
    [new Int64(), "1"],
    [new Int64(), 0.5],
    [new Int64(), 2n ** 63n],
    [new Uint64(), -1],
    [new Int8(), 128],
    [new Float64(), 2n ** 53n + 1n],
    [new Float64(), true],
    [new Float32(), 0.1],
    [new Bool(), 0],
    [new Utf8(), 5],
    [new Struct([new Field("a", new Int64(), true)]), [1]],
    [new TimestampMillisecond(), "2024-01-01"],
  ];
  for (const [type, value] of misfits) {
    assert.throws(
      () => buildColumn(new Field("x", type, true), [null, value]),
      /input changed.*field "x" holds/,
      `${type}`,
    );
  }
});

test("equal values are equal bytes, whatever stood in the buffers before", () => {
  const values = [null, "甲", null, "b"];
  const [a, b] = [0, 1].map(() => buildColumn(new Field("x", new Utf8(), true), values));
  assert.deepEqual(a.values, b.values);
  assert.equal(a.nullBitmap[0], 0b1010);
});
