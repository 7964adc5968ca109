import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isJsonField } from "../../src/io/jsonl/json-text.js";
import { parseJson } from "../../src/io/jsonl/numbers.js";
import {
  Inferred,
  InferredFields,
  MAX_DEPTH,
  mergeInferred,
  observe,
  observeFields,
} from "../../src/io/schema/infer.js";
import { inferredField, inferredSchema } from "../../src/io/schema/infer-schema.js";

function infer(values: readonly unknown[]): Inferred {
  const column = new Inferred();
  for (const value of values) observe(column, value, true);
  return column;
}

/** The inferred type of a column whose values are given as JSON texts. */
function typeOf(...texts: string[]): string {
  const field = inferredField("x", infer(texts.map(parseJson)));
  return isJsonField(field) ? "JSON" : String(field.type);
}

/** A column as plain data, with struct fields by name: equal exactly where the columns are. */
function plain(column: Inferred | undefined): unknown {
  if (column === undefined) return undefined;
  const { kinds, min, max, wideMin, wideMax, element, fields } = column;
  const named = fields?.names.map((name, i) => [name, plain(fields.columns[i])] as const);
  return {
    kinds,
    range: [min, max, wideMin, wideMax],
    element: plain(element),
    fields: named?.sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 66n }),
  fc.constantFrom("a", "", "\ud800"),
);
const value = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), tie("any"), { maxKeys: 3 }),
  ),
})).any;
// Columns of one kind are what survives merging; mixed ones soon are all the same.
const values = fc.oneof(
  fc.array(value, { maxLength: 4 }),
  fc.array(fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 65n }))),
  fc.array(fc.array(fc.integer(), { maxLength: 3 }), { maxLength: 3 }),
  fc.array(fc.dictionary(fc.constantFrom("a", "b", "c"), fc.integer(), { maxKeys: 3 }), { maxLength: 3 }),
);

test("merging is associative, commutative and idempotent, and has a neutral element", () => {
  fc.assert(
    fc.property(values, values, values, (x, y, z) => {
      const [a, b, c] = [infer(x), infer(y), infer(z)];
      assert.deepEqual(plain(mergeInferred(a, b)), plain(mergeInferred(b, a)));
      assert.deepEqual(plain(mergeInferred(mergeInferred(a, b), c)), plain(mergeInferred(a, mergeInferred(b, c))));
      assert.deepEqual(plain(mergeInferred(a, a)), plain(a));
      assert.deepEqual(plain(mergeInferred(a, new Inferred())), plain(a));
    }),
    { numRuns: 500 },
  );
});

test("however the input is split, the merged columns are those of the whole", () => {
  fc.assert(
    fc.property(values, values, (x, y) => {
      assert.deepEqual(plain(mergeInferred(infer(x), infer(y))), plain(infer([...x, ...y])));
    }),
    { numRuns: 500 },
  );
});

test("merging leaves its arguments as they were", () => {
  const a = infer([[{ x: 1 }], null]);
  const before = plain(a);
  observe(mergeInferred(a, new Inferred()), [{ x: "s", y: 2 }], false);
  assert.deepEqual(plain(a), before);
});

test("each kind of value has its narrowest type", () => {
  assert.equal(typeOf("null", "null"), "Null");
  assert.equal(typeOf("true", "null"), "Bool");
  assert.equal(typeOf("1", "null", "-5"), "Int64");
  assert.equal(typeOf('"a"', "null"), "Utf8");
  assert.equal(typeOf("0.5"), "Float64");
  assert.equal(typeOf("[1]", "[]", "null"), "List<Int64>");
  assert.equal(typeOf("[]"), "List<Null>");
  assert.equal(typeOf('{"a":1}', '{"b":[true]}'), "Struct<{a:Int64, b:List<Bool>}>");
  assert.equal(typeOf("{}"), "JSON");
  assert.equal(typeOf("{}", '{"a":null}'), "Struct<{a:Null}>");
});

test("integers go to the type that holds them all", () => {
  assert.equal(typeOf("9223372036854775807", "-9223372036854775808"), "Int64");
  assert.equal(typeOf("9223372036854775808", "0"), "Uint64");
  assert.equal(typeOf("18446744073709551615"), "Uint64");
  assert.equal(typeOf("9223372036854775808", "-1"), "JSON");
  assert.equal(typeOf("18446744073709551616"), "JSON");
  assert.equal(typeOf("-9223372036854775809"), "JSON");
  assert.equal(typeOf(`1${"0".repeat(50)}`), "JSON");
});

test("integers meet floats only where every one is exact", () => {
  assert.equal(typeOf("1", "0.5"), "Float64");
  assert.equal(typeOf("9007199254740992", "0.5", "-9007199254740992"), "Float64");
  assert.equal(typeOf("9007199254740993", "0.5"), "JSON");
  assert.equal(typeOf("-9007199254740993", "0.5"), "JSON");
});

test("numbers written as floats are floats, and those beyond float64 are JSON text", () => {
  assert.equal(typeOf("1.0", "2.0"), "Float64");
  assert.equal(typeOf("1e5"), "Float64");
  assert.equal(typeOf("-0"), "Float64");
  assert.equal(typeOf("1e400"), "JSON");
  assert.equal(typeOf("0.123456789012345678901"), "JSON");
});

test("anything mixed is JSON text, at the level where it is mixed", () => {
  assert.equal(typeOf("1", '"a"'), "JSON");
  assert.equal(typeOf("true", "1"), "JSON");
  assert.equal(typeOf("[1]", "1"), "JSON");
  assert.equal(typeOf("[1]", '{"a":1}'), "JSON");
  const field = inferredField(
    "x",
    infer([
      { a: 1, b: 1 },
      { a: "s", b: 2 },
    ]),
  );
  assert.equal(String(field.type), "Struct<{a:Utf8, b:Int64}>");
  assert.deepEqual(field.type.children.map(isJsonField), [true, false]);
});

test("a lone surrogate in a value or a name makes JSON text", () => {
  assert.equal(typeOf('"\\ud800"'), "JSON");
  assert.equal(typeOf('"\\ud83d\\ude00"'), "Utf8");
  assert.equal(typeOf('{"\\ud800":1}'), "JSON");
});

test("maps used as objects and deep nesting are JSON text", () => {
  const wide = (n: number) => JSON.stringify(Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, 1])));
  assert.match(typeOf(wide(1000)), /^Struct/);
  assert.equal(typeOf(wide(1001)), "JSON");
  assert.equal(typeOf(wide(1000), '{"other":1}'), "JSON");
  const nested = (n: number) => `${"[".repeat(n)}1${"]".repeat(n)}`;
  let field = inferredField("x", infer([parseJson(nested(MAX_DEPTH + 1))]));
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    assert.ok(!isJsonField(field));
    field = field.type.children[0];
  }
  assert.ok(isJsonField(field));
  assert.equal(typeOf(nested(MAX_DEPTH)), `${"List<".repeat(MAX_DEPTH)}Int64${">".repeat(MAX_DEPTH)}`);
});

test("fields are in the order first seen, and inherited names are fields like any other", () => {
  const fields = new InferredFields();
  for (const line of ['{"b":1,"a":2}', '{"a":3,"c":4,"b":5}', '{"__proto__":1,"constructor":"x"}']) {
    observeFields(fields, parseJson(line) as object, false);
  }
  const names = inferredSchema(fields).fields.map(({ name, type }) => `${name}: ${type}`);
  assert.deepEqual(names, ["b: Int64", "a: Int64", "c: Int64", "__proto__: Int64", "constructor: Utf8"]);
});
