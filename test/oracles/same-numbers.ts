import assert from "node:assert/strict";

/** Typed arrays and arrays of numbers. */
type Numbers = ArrayLike<number | bigint>;

const isNumbers = (value: unknown): value is Numbers =>
  (ArrayBuffer.isView(value) && !(value instanceof DataView)) || Array.isArray(value);

/**
 * Fails unless both hold the same numbers bit for bit (NaN is NaN, -0 is not 0): two arrays, or two objects of arrays and plain
 * values. The message is one line with the first difference and how many there are. `assert.deepEqual` prints both sides
 * instead, which for a million numbers is hundreds of megabytes of log.
 * @param what names the numbers in the message
 */
export function assertSameNumbers(found: unknown, expected: unknown, what = "numbers"): void {
  if (isNumbers(expected)) {
    const difference = isNumbers(found) ? firstDifference(found, expected) : `is ${typeof found}, expected an array`;
    if (difference !== undefined) assert.fail(`${what}${difference}`);
    return;
  }
  if (typeof expected !== "object" || expected === null || typeof found !== "object" || found === null) {
    assert.ok(Object.is(found, expected), `${what} is ${String(found)}, expected ${String(expected)}`);
    return;
  }
  const [names, expectedNames] = [Object.keys(found).sort(), Object.keys(expected).sort()];
  assert.equal(names.join(), expectedNames.join(), `members of ${what}`);
  for (const name of names) {
    assertSameNumbers(found[name as keyof typeof found], expected[name as keyof typeof expected], `${what}.${name}`);
  }
}

function firstDifference(found: Numbers, expected: Numbers): string | undefined {
  if (found.constructor !== expected.constructor) {
    return ` is a ${found.constructor.name}, expected a ${expected.constructor.name}`;
  }
  if (found.length !== expected.length) return ` has ${found.length} members, expected ${expected.length}`;
  let first = -1;
  let count = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(found[i], expected[i])) continue;
    if (first < 0) first = i;
    count++;
  }
  if (count === 0) return undefined;
  return `[${first}] is ${found[first]}, expected ${expected[first]}; ${count} of ${expected.length} differ`;
}
