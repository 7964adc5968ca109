import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { orderedMap } from "../../src/run/embed/ordered-map.js";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("the ordered map", () => {
  it("yields in the order of the input whatever the order of completion", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        async (turns, concurrency) => {
          async function* source() {
            yield* turns.entries();
          }
          const map = async ([index, wait]: [number, number]) => {
            for (let i = 0; i < wait; i++) await turn();
            return index;
          };
          const results: number[] = [];
          for await (const result of orderedMap(source(), map, concurrency)) results.push(result);
          assert.deepEqual(results, [...turns.keys()]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("has so many calls in flight and no more, and pulls no further ahead of its consumer", async () => {
    let pulled = 0;
    let inFlight = 0;
    let most = 0;
    async function* source() {
      for (; pulled < 20; ) yield pulled++;
    }
    const map = async (item: number) => {
      most = Math.max(most, ++inFlight);
      await turn();
      inFlight--;
      return item;
    };
    let taken = 0;
    for await (const _ of orderedMap(source(), map, 3)) {
      taken++;
      await turn();
      assert.ok(pulled - taken <= 3, `${pulled} pulled, ${taken} taken`);
    }
    assert.equal(taken, 20);
    assert.equal(most, 3);
  });

  it("passes an error on in its turn, waits for calls under way and closes the source", async () => {
    let closed = false;
    let settled = 0;
    async function* source() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed = true;
      }
    }
    const map = async (item: number) => {
      await turn();
      settled++;
      if (item === 2) throw new Error("two");
      return item;
    };
    const results: number[] = [];
    await assert.rejects(async () => {
      for await (const result of orderedMap(source(), map, 3)) results.push(result);
    }, /^Error: two$/);
    assert.deepEqual(results, [0, 1]);
    assert.ok(closed);
    assert.ok(settled >= 3);
  });

  it("closes the source where the consumer leaves early, and passes on an error of the source", async () => {
    let closed = 0;
    async function* source() {
      try {
        yield 1;
        yield 2;
        throw new Error("source");
      } finally {
        closed++;
      }
    }
    for await (const _ of orderedMap(source(), async (item) => item, 1)) break;
    assert.equal(closed, 1);
    await assert.rejects(async () => {
      for await (const _ of orderedMap(source(), async (item) => item, 2));
    }, /^Error: source$/);
    assert.equal(closed, 2);
  });
});
