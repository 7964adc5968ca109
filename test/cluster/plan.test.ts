import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planMemory } from "../../src/cluster/plan.js";
import { trackedBytes } from "../../src/cluster/track.js";

test("what a plan gives out stays within the memory, and bounds come before vectors", () => {
  const size = fc.integer({ min: 1, max: 3_000_000 });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 34 }),
      size,
      fc.integer({ min: 1, max: 2048 }),
      fc.integer({ min: 1, max: 10_000 }),
      (memory, rows, dim, k) => {
        const { tileRows, tracked, resident } = planMemory({ memory, rows, dim, k });
        assert.ok(Number.isInteger(Math.log2(tileRows)) && tileRows >= 64);
        assert.ok(tracked === rows || tracked % tileRows === 0);
        const fixed = 40 * k * dim + tileRows * (12 * dim + 8 * k);
        assert.ok(tracked * trackedBytes(dim, k) + resident + Math.min(fixed, memory) <= memory + 1);
        if (tracked < rows) assert.ok(resident < tileRows * trackedBytes(dim, k));
      },
    ),
    { numRuns: 500, seed: 3 },
  );
});
