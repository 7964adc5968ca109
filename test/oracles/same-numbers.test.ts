import assert from "node:assert/strict";
import { test } from "node:test";
import { assertSameNumbers } from "./same-numbers.js";

/** The message of a comparison that must fail. */
function failure(found: unknown, expected: unknown): string {
  try {
    assertSameNumbers(found, expected, "found");
  } catch (error) {
    return (error as Error).message;
  }
  return assert.fail("the comparison passed");
}

test("equal numbers pass, NaN among them", () => {
  assertSameNumbers(Float32Array.of(1, Number.NaN, -0), Float32Array.of(1, Number.NaN, -0));
  assertSameNumbers({ a: [1, 2], b: BigUint64Array.of(3n), c: 7 }, { a: [1, 2], b: BigUint64Array.of(3n), c: 7 });
});

test("a comparison of a million numbers fails with one short line", () => {
  const found = new Int32Array(1_000_000).fill(3);
  const message = failure({ keptBy: found }, { keptBy: new Int32Array(1_000_000).fill(5) });
  assert.equal(message, "found.keptBy[0] is 3, expected 5; 1000000 of 1000000 differ");
});

test("a missing member, another length, another type and another sign of zero are differences", () => {
  assert.match(failure({ a: [1] }, { a: [1], b: [2] }), /members of found/);
  assert.match(failure([1, 2], [1]), /has 2 members, expected 1/);
  assert.match(failure(Int32Array.of(1), Float64Array.of(1)), /Int32Array, expected a Float64Array/);
  assert.match(failure(Float32Array.of(-0), Float32Array.of(0)), /\[0\] is 0, expected 0; 1 of 1/);
  assert.match(failure(undefined, [1]), /is undefined, expected an array/);
  assert.match(failure({ a: 1 }, { a: 2 }), /found\.a is 1, expected 2/);
});
