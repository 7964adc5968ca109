import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sliceBatch } from "../../src/io/column-source.js";
import { takeRows } from "../../src/io/columns/take.js";
import { rowText } from "../../src/io/jsonl/json-text.js";
import { allBatches, openGolden } from "./golden.js";

for (const name of ["types.arrow", "nested.arrow", "dictionaries.arrow", "nested-v2.parquet"]) {
  test(`any rows of any slice of ${name} keep their values`, async () => {
    const { batches } = await allBatches(await openGolden(name));
    for (const batch of batches) {
      const cuts = fc
        .tuple(fc.nat(batch.numRows - 1), fc.nat(batch.numRows))
        .map(([start, length]) => ({ start, length: Math.min(Math.max(1, length), batch.numRows - start) }))
        .chain(({ start, length }) =>
          fc.record({
            start: fc.constant(start),
            length: fc.constant(length),
            rows: fc.oneof(
              fc.array(fc.nat(length - 1), { maxLength: 40 }),
              fc.subarray(Array.from({ length }, (_, i) => i)),
            ),
          }),
        );
      const expected = rowText(batch);
      fc.assert(
        fc.property(cuts, ({ start, length, rows }) => {
          const taken = takeRows(sliceBatch(batch, start, length), Uint32Array.from(rows));
          assert.equal(taken.numRows, rows.length);
          const text = rowText(taken);
          assert.deepEqual(
            rows.map((_, i) => text(i)),
            rows.map((row) => expected(start + row)),
          );
          // apache-arrow's own view of the same buffers.
          for (let i = 0; i < rows.length; i++) {
            for (let c = 0; c < batch.schema.fields.length; c++) {
              const field = batch.schema.fields[c];
              if (OWN_VIEW_FAILS.has(field.name)) continue;
              const found = taken.getChildAt(c)?.get(i);
              assert.deepEqual(plain(found), plain(batch.getChildAt(c)?.get(start + rows[i])), field.name);
            }
          }
        }),
        { numRuns: 60, seed: 11 },
      );
    }
  });
}

// apache-arrow cannot show nulls in dense unions and the largest intervals.
const OWN_VIEW_FAILS = new Set(["dense", "sparse", "interval"]);

function plain(value: unknown): unknown {
  const json = JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}n` : inner));
  return json ?? null;
}

test("a row that is not there is refused", async () => {
  const { batches } = await allBatches(await openGolden("nested.arrow"));
  assert.throws(() => takeRows(batches[0], Uint32Array.of(4)), {
    name: "Error",
    message: "row 4 of a batch of 4 rows",
  });
});

test("what is taken shares no memory with the batch", async () => {
  const { batches } = await allBatches(await openGolden("nested.arrow"));
  const taken = takeRows(batches[0], Uint32Array.of(1, 2));
  assert.notEqual(taken.data.children[0].values.buffer, batches[0].data.children[0].values.buffer);
  assert.equal(taken.data.children[0].values.length, 2);
});
