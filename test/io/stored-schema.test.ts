import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  Int64,
  LargeUtf8,
  List,
  Map_,
  Schema,
  Struct,
  Timestamp,
  Uint8,
  Utf8,
} from "apache-arrow";
import fc from "fast-check";
import { InferredFields, mergeInferredFields, observeFields } from "../../src/io/schema/infer.js";
import { inferredSchema } from "../../src/io/schema/infer-schema.js";
import { restoreColumns, restoreSchema, storeColumns, storeSchema } from "../../src/io/schema/stored-schema.js";
import { SurveyedTimestamp } from "../../src/io/schema/surveyed-timestamp.js";
import { unifySchemas } from "../../src/io/schema/unify.js";

/** What a JSON file keeps. */
const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function observed(records: readonly object[]): InferredFields {
  const fields = new InferredFields();
  for (const record of records) observeFields(fields, record, true);
  return fields;
}

test("the summary of the values of records is the same after it was stored, also where it is merged with another", async () => {
  const scalar = fc.oneof(
    fc.constantFrom(null, true, "text", "\ud800", 1.5, -0, 2 ** 53 - 1, 2n ** 63n, -(2n ** 70n)),
    fc.integer(),
  );
  const value = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("a", "b"), scalar, { maxKeys: 2 }),
  );
  const records = fc.array(fc.dictionary(fc.constantFrom("x", "y", "z"), value, { maxKeys: 3 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(records, records, async (some, others) => {
      const inferred = observed(some);
      const schema = async () => inferredSchema(inferred);
      const { inferred: restored } = restoreColumns(throughJson(await storeColumns({ inferred, schema })), []);
      assert.ok(restored !== undefined);
      assert.deepEqual(restored, inferred);
      assert.deepEqual(mergeInferredFields(restored, observed(others)), observed([...some, ...others]));
    }),
    { numRuns: 100, seed: 1 },
  );
});

test("a schema is the same after it was stored, surveyed timestamps too", () => {
  const wide = new SurveyedTimestamp({ wide: true, fine: false });
  const fine = new SurveyedTimestamp({ wide: false, fine: true });
  const entries = new Struct([new Field("key", new Utf8(), false), new Field("value", wide, true)]);
  const schema = new Schema(
    [
      new Field("id", new Int64(), false, new Map([["k", "v"]])),
      new Field("word", new Dictionary(new Utf8(), new Int32(), 3), true),
      new Field("price", new Decimal(4, 30, 128), true),
      new Field("long", new LargeUtf8(), true),
      new Field("vector", new FixedSizeList(3, new Field("item", new Float32(), false)), true),
      new Field("at", wide, true),
      new Field("times", new List(new Field("item", fine, true)), true),
      new Field("plain", new Timestamp(3, "UTC"), true),
      new Field("nested", new Struct([new Field("a", new Uint8(), true), new Field("b", fine, true)]), true),
      new Field("map", new Map_(new Field("entries", entries as never, false)), true),
    ],
    new Map([["pandas", "{}"]]),
  );
  const restored = restoreSchema(throughJson(storeSchema(schema)));
  assert.equal(`${restored}`, `${schema}`);
  assert.deepEqual(restored.metadata, schema.metadata);
  assert.deepEqual(
    restored.fields.map(({ nullable, metadata }) => [nullable, metadata]),
    schema.fields.map(({ nullable, metadata }) => [nullable, metadata]),
  );
  // Other units hold the same values, which a plain timestamp would not say.
  const micros = new Schema([new Field("times", new List(new Field("item", wide, true)), true)]);
  assert.equal(`${unifySchemas([restored, micros])}`, `${unifySchemas([schema, micros])}`);
});
