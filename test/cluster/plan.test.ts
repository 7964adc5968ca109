import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MOST_BOUNDS, planMemory, planShards } from "../../src/cluster/plan.js";
import { trackedBytes } from "../../src/cluster/tracked-rows.js";

test("what a plan gives out stays within the memory, and bounds come before vectors", () => {
  const size = fc.integer({ min: 1, max: 3_000_000 });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 34 }),
      size,
      fc.integer({ min: 1, max: 2048 }),
      fc.integer({ min: 1, max: 10_000 }),
      (memory, rows, dim, k) => {
        const { tileRows, tracked, grouping, resident } = planMemory({ memory, rows, dim, k });
        assert.ok(Number.isInteger(Math.log2(tileRows)) && tileRows >= 64);
        assert.ok(tracked === rows || tracked % tileRows === 0);
        const fixed = 40 * k * dim + tileRows * (12 * dim + 8 * k);
        const { all, kernels } = trackedBytes(dim, grouping);
        assert.ok(tracked * all + resident + Math.min(fixed, memory) <= memory + 1);
        const most = Math.floor(MOST_BOUNDS / kernels / tileRows) * tileRows;
        if (tracked < Math.min(rows, most)) assert.ok(resident < tileRows * all);
      },
    ),
    { numRuns: 500, seed: 3 },
  );
});

test("a row has as many bounds as let all rows be tracked, from 256 to 512 or one for each centroid", () => {
  const plan = (memory: number, k = 1000) => planMemory({ memory, rows: 50_000, dim: 256, k, tileRows: 1024 });
  const all = 50_000;
  let last = 0;
  for (let memory = 20; memory <= 200; memory += 10) {
    const { grouping, tracked } = plan(memory * 1e6);
    assert.ok(grouping.groups >= last && grouping.groups >= 250 && grouping.groups <= 512);
    if (tracked < all) assert.equal(grouping.groupSize, Math.ceil(1000 / 256));
    last = grouping.groups;
  }
  assert.equal(plan(200e6).tracked, all);
  assert.equal(last, 500);
  assert.equal(plan(20e6, 50).grouping.groups, 50);
});

test("rows are dealt to a shard for each thread where there are rows and memory enough, to one where not", () => {
  const shards = (rows: number, k: number, memory: number, threads: number) => {
    return planShards({ rows, dim: 1024, k, memory, threads });
  };
  assert.equal(shards(100_000, 50, 2 ** 32, 8).shards, 8);
  assert.equal(shards(100_000, 50, 2 ** 32, 1).shards, 1);
  assert.equal(shards(5000, 50, 2 ** 32, 8).shards, 1);
  assert.equal(shards(1_000_000, 10_000, 2 ** 32, 8).shards, 4);
  assert.deepEqual(shards(1_000_000, 10_000, 0, 8), { shards: 1, memory: 0 });
  for (const threads of [1, 3, 64]) {
    const { shards: count, memory } = shards(1_000_000, 1000, 2 ** 30, threads);
    assert.ok(count * memory + (count - 1) * 64 * 2 ** 20 <= 2 ** 30 && memory > 0);
  }
});
