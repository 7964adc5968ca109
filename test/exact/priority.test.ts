import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { UsageError } from "../../src/errors.js";
import { formatKeepPolicy, parseKeepPolicy, RowOrder } from "../../src/exact/priority.js";

/** Rows in the order of a policy over values of its field. */
function orderOf(
  policy: string,
  values: readonly unknown[],
  texts: readonly (string | null)[] = values.map(() => "x"),
) {
  const order = new RowOrder(parseKeepPolicy(policy));
  values.forEach((value, row) => {
    order.add(texts[row], value);
  });
  const rows = values.map((_, row) => row).sort((a, b) => order.compare(a, b));
  return { rows, unordered: order.unordered };
}

describe("a keep policy", () => {
  it("is parsed and written back", () => {
    for (const text of ["first", "last", "longest", "shortest", "max:date", "min:a.b:c"]) {
      assert.equal(formatKeepPolicy(parseKeepPolicy(text)), text);
    }
    for (const text of ["", "First", "max", "max:", "mean:x", "longest:x"]) {
      assert.throws(() => parseKeepPolicy(text), UsageError);
    }
  });

  it("first and last go by row", () => {
    assert.deepEqual(orderOf("first", [0, 0, 0]).rows, [0, 1, 2]);
    assert.deepEqual(orderOf("last", [0, 0, 0]).rows, [2, 1, 0]);
  });

  it("longest and shortest count code points, ties by row", () => {
    const texts = ["ab", "🙂🙂", "abc", "", "字字"];
    assert.deepEqual(orderOf("longest", texts, texts).rows, [2, 0, 1, 4, 3]);
    assert.deepEqual(orderOf("shortest", texts, texts).rows, [3, 0, 1, 4, 2]);
  });

  it("max and min put rows without an order last, whichever way, and count them", () => {
    const values = [null, 3, "text", 1, Number.NaN, 3, undefined, {}];
    assert.deepEqual(orderOf("max:x", values), { rows: [1, 5, 3, 0, 2, 4, 6, 7], unordered: 5 });
    assert.deepEqual(orderOf("min:x", values), { rows: [3, 1, 5, 0, 2, 4, 6, 7], unordered: 5 });
  });

  it("a rejected row is not counted as one without an order", () => {
    assert.equal(orderOf("max:x", [null, null], [null, "x"]).unordered, 1);
  });

  it("64-bit integers are compared digit by digit, in strings too", () => {
    const values = [9007199254740992n, 9007199254740993n, "9007199254740994", -9223372036854775808n, 1];
    assert.deepEqual(orderOf("max:x", values).rows, [2, 1, 0, 4, 3]);
  });

  it("dates are compared as instants, with zones and fractions", () => {
    const values = [
      "2024-03-01",
      "2024-02-29T23:59:59.9999999Z",
      "2024-03-01T01:00:00+02:00",
      "2024-03-01 00:00:01",
      "2024-03-01T00:00:00-0100",
    ];
    assert.deepEqual(orderOf("min:x", values).rows, [2, 1, 0, 3, 4]);
  });

  it("agrees with BigInt over random integers", () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 30 }), (values) => {
        const expected = values
          .map((_, row) => row)
          .sort((a, b) => (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : a - b));
        assert.deepEqual(orderOf("min:x", values).rows, expected);
        assert.deepEqual(orderOf("min:x", values.map(String)).rows, expected);
      }),
    );
  });

  it("is a total order: antisymmetric, transitive, never 0 for two rows", () => {
    const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(null), fc.constant("x"), fc.bigInt());
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 3, maxLength: 12 }),
        fc.constantFrom("max:x", "min:x"),
        (values, policy) => {
          const order = new RowOrder(parseKeepPolicy(policy));
          for (const item of values) order.add("x", item);
          for (let a = 0; a < values.length; a++) {
            for (let b = 0; b < values.length; b++) {
              if (a === b) continue;
              assert.equal(Math.sign(order.compare(a, b)), -Math.sign(order.compare(b, a)));
              assert.notEqual(order.compare(a, b), 0);
              for (let c = 0; c < values.length; c++) {
                if (c === a || c === b) continue;
                if (order.compare(a, b) < 0 && order.compare(b, c) < 0) assert.ok(order.compare(a, c) < 0);
              }
            }
          }
        },
      ),
    );
  });
});
