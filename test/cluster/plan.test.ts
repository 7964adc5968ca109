import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planMemory, planShards } from "../../src/cluster/plan.js";

test("what a plan gives out stays within the memory", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 34 }),
      fc.integer({ min: 1, max: 2048 }),
      fc.integer({ min: 1, max: 10_000 }),
      (memory, dim, k) => {
        const { tileRows, resident, bounded } = planMemory({ memory, dim, k });
        assert.ok(Number.isInteger(Math.log2(tileRows)) && tileRows >= 64);
        const fixed = 44 * k * dim + tileRows * (12 * dim + 8 * k);
        // Bounds: two bytes for each centroid, a norm, and one from above.
        const row = 4 * dim + 2 * Math.ceil(k / 8) * 8 + 6;
        const rows = resident / (4 * dim);
        assert.equal(rows % tileRows, 0);
        assert.ok(rows === 0 || fixed + rows * row <= memory);
        assert.ok(fixed + (rows + tileRows) * row > memory);
        assert.ok(bounded === rows || (bounded < rows && bounded * (row - 4 * dim) <= 2 ** 30));
      },
    ),
    { numRuns: 500, seed: 3 },
  );
});

test("rows are dealt to a shard for each thread where there are rows and memory enough, to one where not", () => {
  const shards = (rows: number, k: number, memory: number, threads: number) => {
    return planShards({ rows, dim: 1024, k, memory, threads });
  };
  assert.equal(shards(100_000, 50, 2 ** 32, 8).shards, 8);
  assert.equal(shards(100_000, 50, 2 ** 32, 1).shards, 1);
  assert.equal(shards(5000, 50, 2 ** 32, 8).shards, 1);
  assert.equal(shards(5000, 500, 2 ** 32, 8).shards, 8);
  assert.equal(shards(1_000_000, 10_000, 2 ** 32, 8).shards, 4);
  assert.deepEqual(shards(1_000_000, 10_000, 0, 8), { shards: 1, memory: 0 });
  for (const threads of [1, 3, 64]) {
    const { shards: count, memory } = shards(1_000_000, 1000, 2 ** 30, threads);
    assert.ok(count * memory + (count - 1) * 64 * 2 ** 20 <= 2 ** 30 && memory > 0);
  }
});
