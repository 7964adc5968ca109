import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Binary,
  Bool,
  type Data,
  Field,
  List,
  makeData,
  type RecordBatch,
  Schema,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { openArrow } from "../../src/io/arrow/arrow.js";
import { sliceBatch } from "../../src/io/column-source.js";
import { Coalescer, rowBytes } from "../../src/io/columns/coalesce.js";
import { columnBuilder } from "../../src/io/columns/create-builder.js";
import { oneRun } from "../../src/io/columns/runs.js";
import { batchOf } from "../../src/io/columns/take.js";
import { allBatches, goldenFile } from "./golden.js";

const LIMITS = { rows: 4096, bytes: 100_000, most: 200_000 };

/** Rows of texts, nulls, bytes and lists, of which some are large, as one batch. */
function makeRows(sizes: readonly number[]): RecordBatch {
  const texts = sizes.map((size, i) => (i % 5 === 3 ? null : "x".repeat(size)));
  const flags = sizes.map((size, i) => (i % 7 === 2 ? null : Array.from({ length: size % 40 }, (_, j) => j % 3 === 0)));
  const columns: [string, Data][] = [
    ["text", vectorFromArray(texts, new Utf8()).data[0]],
    ["flags", vectorFromArray(flags, new List(new Field("item", new Bool(), true))).data[0]],
    ["raw", makeBytes(sizes)],
  ];
  const schema = new Schema(columns.map(([name, { type }]) => new Field(name, type, true)));
  return batchOf(
    schema,
    columns.map(([, data]) => data),
    sizes.length,
  );
}

function makeBytes(sizes: readonly number[]): Data {
  const valueOffsets = new Int32Array(sizes.length + 1);
  for (const [i, size] of sizes.entries()) valueOffsets[i + 1] = valueOffsets[i] + (size >> 1);
  const data = new Uint8Array(valueOffsets[sizes.length]).map((_, i) => i);
  return makeData({ type: new Binary(), length: sizes.length, nullCount: 0, valueOffsets, data });
}

/** The batches that come out where these go in. */
function coalesce(schema: Schema, batches: Iterable<RecordBatch>): RecordBatch[] {
  const coalescer = new Coalescer(schema, new Map(), LIMITS);
  const out: RecordBatch[] = [];
  for (const batch of batches) out.push(...coalescer.push(batch));
  const rest = coalescer.flush();
  if (rest !== undefined) out.push(rest);
  return out;
}

function* cut(batch: RecordBatch, lengths: readonly number[]): Generator<RecordBatch> {
  let start = 0;
  for (let i = 0; start < batch.numRows; i++) {
    const length = Math.min(batch.numRows - start, lengths[i % lengths.length]);
    yield sliceBatch(batch, start, length);
    start += length;
  }
}

test("batches end at the same rows however the input was cut, with large rows and small ones", () => {
  const sizes = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1000, max: 30_000 }) },
  );
  fc.assert(
    fc.property(
      fc.array(sizes, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 80 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 6 }),
      (some, times, lengths) => {
        const batch = makeRows(Array.from({ length: times }, () => some).flat());
        const whole = coalesce(batch.schema, [batch]);
        const parts = coalesce(batch.schema, cut(batch, lengths));
        assert.deepEqual(
          parts.map(({ numRows }) => numRows),
          whole.map(({ numRows }) => numRows),
        );
        for (const [i, part] of parts.entries())
          assert.deepEqual(part.data.children[0].values, whole[i].data.children[0].values);
      },
    ),
    { numRuns: 60, seed: 5 },
  );
});

test("rows so large that 1024 of them are too much go out 16 at a time, and small ones as ever", () => {
  const large = makeRows(new Array<number>(100).fill(10_000));
  // 15 KB a row, but a fifth of the texts are null: 13 KB.
  assert.deepEqual(
    coalesce(large.schema, [large]).map(({ numRows }) => numRows),
    [16, 16, 16, 16, 16, 16, 4],
  );
  const small = makeRows(new Array<number>(5000).fill(10));
  assert.deepEqual(
    coalesce(small.schema, [small]).map(({ numRows }) => numRows),
    [4096, 904],
  );
});

test("rows of every type never take more than foretold", async () => {
  for (const name of ["types.arrow", "nested.arrow"]) {
    const { batches } = await allBatches(await openArrow({ path: goldenFile(name), name }));
    for (const batch of batches) {
      for (let start = 0; start < batch.numRows; start++) {
        for (let length = 1; start + length <= batch.numRows; length++) {
          for (const [c, data] of batch.data.children.entries()) {
            const builder = columnBuilder(batch.schema.fields[c].type);
            builder.append(data, oneRun(start, length));
            const foretold = rowBytes(data, start, length);
            assert.ok(
              builder.byteLength <= foretold,
              `${data.type}: ${builder.byteLength} bytes, foretold ${foretold}`,
            );
          }
        }
      }
    }
  }
});
