import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { dropDotsBelow } from "../../src/kernels/dots-below.js";
import { allocateVectors, holderOf } from "../../src/kernels/vector-memory.js";
import { cosine, float32DotError } from "../../src/vectors/cosine.js";
import { clusteredVectors } from "../join/vectors.js";

/**
 * Checks that dropped pairs are certainly below a threshold, that kept ones nearly reach it or follow one of their row that
 * does, and that the order stays.
 */
function check(options: {
  dim: number;
  count: number;
  pairs: number;
  threshold: number;
  seed: number;
  held?: boolean;
}): {
  kept: number;
  dropped: number;
} {
  const { dim, count, pairs, threshold, seed } = options;
  // Vectors of the kernels' memory, or of two arrays.
  const both = options.held ? allocateVectors(2 * count * dim) : new Float32Array(count * dim);
  const rows = both.subarray(0, count * dim);
  const columns = options.held ? both.subarray(count * dim) : new Float32Array(count * dim);
  rows.set(clusteredVectors({ count, dim, seed, families: 0.5, noise: 0.5 }));
  columns.set(clusteredVectors({ count, dim, seed: seed + 1, families: 0.5, noise: 0.5 }));
  // Half of the columns are rows, so that some products are about 1.
  columns.set(rows.subarray(0, Math.floor(count / 2) * dim));
  const slot = (i: number) => (i * 7 + seed) % count;
  const rowSlots = Int32Array.from({ length: count }, (_, i) => slot(i));
  const columnSlots = Int32Array.from({ length: count }, (_, i) => slot(i + 3));
  const pairRows = Int32Array.from({ length: pairs }, (_, i) => Math.floor((i * count) / pairs));
  // In every fourth pair the column may be the row itself.
  const pairColumns = pairRows.map((row, i) => (i % 4 === 0 ? row + count - (3 % count) : i * 13 + seed) % count);
  const error = float32DotError(dim);
  const given = Array.from(pairRows, (row, i) => [row, pairColumns[i]]);
  const left = dropDotsBelow(
    { rows, rowSlots, columns, columnSlots },
    dim,
    pairRows,
    pairColumns,
    pairs,
    threshold - error,
    threshold + error,
  );
  const kept = Array.from(pairRows.subarray(0, left), (row, i) => [row, pairColumns[i]]);
  let next = 0;
  let done = -1;
  for (const pair of given) {
    const exact = cosine(rows, rowSlots[pair[0]] * dim, columns, columnSlots[pair[1]] * dim, dim);
    if (next < kept.length && kept[next][0] === pair[0] && kept[next][1] === pair[1]) {
      next++;
      if (rowSlots[pair[0]] === done) continue;
      if (exact >= threshold) done = rowSlots[pair[0]];
      assert.ok(exact >= threshold - 2 * error, `kept ${pair} of cosine ${exact} at ${threshold}`);
    } else assert.ok(exact < threshold, `dropped ${pair} of cosine ${exact} at ${threshold}`);
  }
  assert.equal(next, kept.length, "the pairs left are those given, in their order");
  return { kept: left, dropped: pairs - left };
}

describe("dropDotsBelow", () => {
  it("drops only pairs that are certainly below, and keeps only pairs that nearly reach the threshold", () => {
    const total = { kept: 0, dropped: 0 };
    fc.assert(
      fc.property(
        fc.record({
          dim: fc.oneof(
            fc.integer({ min: 1, max: 300 }),
            fc.integer({ min: 1, max: 20 }).map((n) => 16 * n),
          ),
          held: fc.boolean(),
          count: fc.integer({ min: 1, max: 60 }),
          pairs: fc.integer({ min: 0, max: 500 }),
          threshold: fc.constantFrom(-0.1, 0.2, 0.7, 0.95, 1),
          seed: fc.integer({ min: 1, max: 1000 }),
        }),
        (options) => {
          const { kept, dropped } = check(options);
          total.kept += kept;
          total.dropped += dropped;
        },
      ),
      { numRuns: 200 },
    );
    assert.ok(total.kept > 1000 && total.dropped > 1000, `kept ${total.kept}, dropped ${total.dropped}`);
  });

  it("takes more vectors than it holds at a time, and more pairs than it looks at together", () => {
    for (const held of [false, true]) {
      const { kept, dropped } = check({ dim: 4096, count: 1200, pairs: 40_000, threshold: 0.9, seed: 3, held });
      assert.ok(kept > 100 && dropped > 100, `kept ${kept}, dropped ${dropped}`);
    }
  });

  it("is given ordinary memory for more vectors than WebAssembly can hold", () => {
    assert.equal(allocateVectors(2 ** 30).length, 2 ** 30);
    assert.ok(holderOf(allocateVectors(16), allocateVectors(16)) === undefined, "two memories have no holder");
  });

  it("keeps pairs whose product is no number", () => {
    const values = Float32Array.of(Number.NaN, 0, 1, 0);
    const slots = Int32Array.of(0, 1);
    const pairRows = Int32Array.of(0, 1);
    const pairColumns = Int32Array.of(1, 0);
    const vectors = { rows: values, rowSlots: slots, columns: values, columnSlots: slots };
    assert.equal(dropDotsBelow(vectors, 2, pairRows, pairColumns, 2, 0.5, 0.6), 2);
  });
});
