import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { longSort } from "../../src/exact/long-sort.js";

it("positions come out as by one sort, whatever the runs, with a pause after each", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 40 }),
      async (keys, run) => {
        const compare = (a: number, b: number) => keys[a] - keys[b] || a - b;
        const positions = () => Uint32Array.from(keys, (_, i) => i).reverse();
        let pauses = 0;
        const sorted = await longSort(
          positions(),
          compare,
          async () => {
            pauses++;
          },
          run,
        );
        assert.deepEqual(sorted, positions().sort(compare));
        assert.ok(pauses >= Math.ceil(keys.length / run));
      },
    ),
  );
});

it("ends where a pause throws", async () => {
  let pauses = 0;
  const stop = async () => {
    if (++pauses === 5) throw new Error("stopped");
  };
  await assert.rejects(
    longSort(
      Uint32Array.from({ length: 100 }, (_, i) => i),
      (a, b) => b - a,
      stop,
      10,
    ),
    /stopped/,
  );
  assert.equal(pauses, 5);
});
