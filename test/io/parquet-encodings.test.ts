import assert from "node:assert/strict";
import { test } from "node:test";
import { pageValues } from "../../src/io/parquet/encodings.js";
import { ValueBuffer } from "../../src/io/parquet/values.js";

/** The values of a page of 64-bit integers in DELTA_BINARY_PACKED. */
function deltas(bytes: readonly number[], count: number, limit = 2 ** 20): bigint[] {
  const page = { bytes: Uint8Array.from(bytes), type: "INT64", width: 8, count, dictionary: undefined, limit };
  const into = new ValueBuffer(8);
  pageValues({ ...page, encoding: "DELTA_BINARY_PACKED" }).next(count, into);
  return Array.from(new BigInt64Array(into.take(count).bytes.slice().buffer));
}

// Blocks of 128 in 4 miniblocks, two values, the first of them 7, as zigzag 14.
const HEAD = [128, 1, 4, 2, 14];

test("the last difference that 64 bits hold comes back exactly", () => {
  // The least difference, -2^63, as the zigzag varint of 2^64 - 1; every miniblock is 0 bits wide.
  const least = [...new Array<number>(9).fill(255), 1];
  assert.deepEqual(deltas([...HEAD, ...least, 0, 0, 0, 0], 2), [7n, BigInt.asIntN(64, 7n - 2n ** 63n)]);
});

test("a difference without end is refused at once, and so are more values than the page or the limit has", () => {
  const endless = [...HEAD, ...new Array<number>(2_000_000).fill(255)];
  const started = performance.now();
  assert.throws(() => deltas(endless, 2), { message: "a number of more than 64 bits" });
  // Gathered bit by bit, it would take hours.
  assert.ok(performance.now() - started < 10_000);
  assert.throws(() => deltas(HEAD, 1), { message: "2 delta-encoded values, expected at most 1" });
  assert.throws(() => deltas(HEAD, 2, 8), { message: "2 delta-encoded values, expected at most 1" });
});
