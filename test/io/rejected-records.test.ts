import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RejectedRecords } from "../../src/io/rejected-records.js";
import type { Reject } from "../../src/io/source.js";

const reject = (record: number): Reject => ({ record, line: record + 1, error: "bad", raw: "" });

test("the records that a scan accepted are those that it did not reject, however both passes are cut into batches", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.boolean(), { maxLength: 300 }), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 }),
      (batches, cuts) => {
        const rejected = new RejectedRecords("x.jsonl");
        let first = 0;
        for (const batch of batches) {
          const bad = batch.flatMap((isBad, i) => (isBad ? [reject(first + i)] : []));
          rejected.add(batch.length, bad);
          first += batch.length;
        }
        const good = batches.flat().flatMap((isBad, record) => (isBad ? [] : [record]));
        const found: number[] = [];
        for (let at = 0, i = 0; at < first; i++) {
          const count = Math.min(cuts[i % cuts.length], first - at);
          found.push(...rejected.accepted(at, count));
          at += count;
        }
        assert.deepEqual(found, good);
      },
    ),
  );
});

test("more or fewer records than the scan has seen are an input that changed", () => {
  const rejected = new RejectedRecords("x.parquet");
  rejected.add(3, [reject(1)]);
  rejected.add(2, []);
  assert.deepEqual([...rejected.accepted(0, 5)], [0, 2, 3, 4]);
  const changed = /^Error: the input changed during the run: x\.parquet does not have the 5 records of the first pass/;
  assert.throws(() => rejected.accepted(3, 3), changed);
  assert.throws(() => rejected.requireAll(4), changed);
  rejected.requireAll(5);
});
