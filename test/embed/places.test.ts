import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createPlaces } from "../../src/embed/endpoint/places.js";

test("at most so many are in at once, whoever is alone is alone, and all get in by the order of asking", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.record({ alone: fc.boolean(), ticks: fc.nat(5) }), { maxLength: 30 }),
      async (count, visits) => {
        const places = createPlaces(count);
        const entered: number[] = [];
        let inside = 0;
        let alone = 0;
        await Promise.all(
          visits.map(async (visit, i) => {
            await places.enter(visit.alone);
            entered.push(i);
            inside++;
            if (visit.alone) alone++;
            assert.ok(inside <= count);
            for (let tick = 0; tick < visit.ticks; tick++) {
              assert.ok(alone === 0 || inside === 1);
              await undefined;
            }
            inside--;
            if (visit.alone) alone--;
            places.leave(visit.alone);
          }),
        );
        assert.deepEqual(entered, [...visits.keys()]);
      },
    ),
  );
});

test("when the doors are opened, all who wait get in", async () => {
  const places = createPlaces(2);
  await places.enter(true);
  let entered = 0;
  const waiting = [false, true, false].map((alone) => places.enter(alone).then(() => entered++));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(entered, 0);
  places.open();
  await Promise.all(waiting);
  assert.equal(entered, 3);
});
