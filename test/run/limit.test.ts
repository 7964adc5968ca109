import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UsageError } from "../../src/errors.js";
import { limitReached, parseLimit } from "../../src/run/check/limit.js";
import { parseBytes, parseNumber } from "../../src/run/flags/parse.js";

describe("a brake", () => {
  it("is a count, a percentage or a fraction", () => {
    assert.deepEqual(parseLimit("max-removed", "100"), { kind: "count", value: 100, text: "100" });
    assert.deepEqual(parseLimit("max-removed", "12.5%"), { kind: "share", value: 0.125, text: "12.5%" });
    assert.deepEqual(parseLimit("max-removed", "0.2"), { kind: "share", value: 0.2, text: "0.2" });
    assert.deepEqual(parseLimit("max-removed", ".5"), { kind: "share", value: 0.5, text: ".5" });
    assert.equal(parseLimit("max-removed", "1").kind, "count");
    assert.equal(parseLimit("max-removed", "0").value, 0);
    for (const text of ["", "-1", "101%", "1.5", "many", "20 %", "1e3", "٣"]) {
      assert.throws(
        () => parseLimit("max-removed", text),
        (error) => error instanceof UsageError && error.message.includes(`--max-removed ${text} is neither`),
      );
    }
  });

  it("is hit beyond the limit, not at it", () => {
    const reached = (text: string, count: number, total: number) =>
      limitReached(parseLimit("max-removed", text), count, total);
    assert.deepEqual([reached("2", 2, 4), reached("2", 3, 4)], [false, true]);
    assert.deepEqual([reached("50%", 2, 4), reached("50%", 3, 4)], [false, true]);
    assert.deepEqual([reached("0", 0, 0), reached("0%", 0, 0), reached("0%", 1, 1)], [false, false, true]);
    // 20 % of 35 is 7, though 0.2 * 35 is a little more and 7 / 35 a little less in floating point.
    for (let total = 5; total < 1000; total += 5) assert.equal(reached("20%", total / 5, total), false, String(total));
    for (let total = 100; total < 10_000; total += 100) {
      assert.equal(reached("7%", (total / 100) * 7, total), false, String(total));
    }
  });
});

describe("numbers of the command line", () => {
  it("are checked for kind and range", () => {
    assert.equal(parseNumber("k", "12", { min: 1, max: 100, integer: true }), 12);
    assert.equal(parseNumber("threshold", "1e-4", { min: 0, max: 1, minExclusive: true }), 1e-4);
    const bad: [text: string, message: RegExp][] = [
      ["", /--k {2}is not a whole number of at least 1 and at most 100/],
      ["0", /--k 0 is not/],
      ["101", /--k 101 is not/],
      ["1.5", /--k 1\.5 is not/],
      ["x", /--k x is not/],
      ["NaN", /--k NaN is not/],
    ];
    for (const [text, message] of bad) {
      assert.throws(() => parseNumber("k", text, { min: 1, max: 100, integer: true }), message);
    }
    assert.throws(() => parseNumber("threshold", "0", { min: 0, max: 1, minExclusive: true }), /greater than 0/);
  });

  it("sizes have units of 1024 and a floor", () => {
    assert.equal(parseBytes("memory", "4GB"), 4 * 2 ** 30);
    assert.equal(parseBytes("memory", "512M"), 512 * 2 ** 20);
    assert.equal(parseBytes("memory", "1.5 GiB"), 1.5 * 2 ** 30);
    assert.equal(parseBytes("memory", String(2 ** 27)), 2 ** 27);
    for (const text of ["4XB", "63MB", "", "-4GB", "4 G B", "Infinity"]) {
      assert.throws(() => parseBytes("memory", text), /is not a size of at least 64MB, such as 4GB/);
    }
  });
});
