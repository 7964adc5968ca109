import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hitsToProve, wilson } from "../../src/wilson.js";

/** scipy 1.17.1: binomtest(hits, trials).proportion_ci(0.95, method="wilson"). */
const SCIPY: readonly [hits: number, trials: number, low: number, high: number][] = [
  [0, 1, 0, 0.7934506856227626],
  [1, 1, 0.20654931437723745, 1],
  [0, 10, 0, 0.27753279986288926],
  [3, 10, 0.10779126740630102, 0.6032218525388546],
  [20, 20, 0.8388748419471808, 1],
  [99, 100, 0.9455138038212946, 0.9982325679358593],
  [380, 380, 0.9899920690367932, 1],
  [381, 381, 0.9900180743715454, 1],
  [123, 1000, 0.10407414325107296, 0.1448112326470356],
];

describe("the interval of a share", () => {
  it("is that of scipy", () => {
    for (const [hits, trials, low, high] of SCIPY) {
      const interval = wilson(hits, trials);
      assert.ok(Math.abs(interval.low - low) < 1e-14, `${hits} of ${trials}: ${interval.low}, expected ${low}`);
      assert.ok(Math.abs(interval.high - high) < 1e-14, `${hits} of ${trials}: ${interval.high}, expected ${high}`);
    }
  });

  it("is everything where nothing was tried", () => assert.deepEqual(wilson(0, 0), { low: 0, high: 1 }));

  it("reaches a share with exactly as many hits as it takes to prove it", () => {
    for (const share of [0.5, 0.9, 0.95, 0.99, 0.999]) {
      const hits = hitsToProve(share);
      assert.ok(wilson(hits, hits).low >= share);
      assert.ok(wilson(hits - 1, hits - 1).low < share);
    }
    assert.equal(hitsToProve(0.99), 381);
  });
});
