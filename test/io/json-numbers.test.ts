import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_NESTING, parseJson, RawNumber } from "../../src/io/jsonl/numbers.js";
import { jsonValueText } from "../../src/io/jsonl/value-text.js";

/** With each number that keeps its source text as the float64 that JSON.parse makes of it. */
function floats(value: unknown): unknown {
  if (value instanceof RawNumber) return value.value;
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(floats);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, floats(member)]));
}

const literal = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.constantFrom("0", "-0", "1.0", "-0.0", "1e400", "-1E-400", "123456789.1234567890123", "0.1", "1e5", "12.50"),
  fc.stringMatching(/^-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?$/),
);
const string = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\ue000123", "\\", '"', "1e5", "\ud800"));

/**
 * V8 13.6 (Node 24) takes a name with an escape for an earlier one that holds a backslash where objects have the same shape:
 * after {"x":0,"\\":0} JSON.parse reads {"x":0,"\"":0} as the same. So no name here holds a backslash.
 */
const hasNoSuchName = (json: string) => !/\\\\(?:[^"\\]|\\.)*"\s*:/.test(json);

const source = fc
  .letrec<{ any: string }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      literal,
      string.map((text) => JSON.stringify(text)),
      fc.array(tie("any"), { maxLength: 4 }).map((members) => `[${members}]`),
      fc
        .uniqueArray(fc.tuple(fc.oneof(string, fc.constant("__proto__")), tie("any")), {
          maxLength: 4,
          selector: ([key]) => key,
        })
        // Names like "1" come first in any JavaScript object; that order is not the parser's to keep.
        .map(
          (members) =>
            `{${members.filter(([key]) => !/^\d+$/.test(key)).map(([key, value]) => `${JSON.stringify(key)}:${value}`)}}`,
        ),
    ),
  }))
  .any.filter(hasNoSuchName);

test("text parses to the float64 values that JSON.parse gives, and invalid text stays invalid", () => {
  const json = fc.oneof(fc.json().filter(hasNoSuchName), source);
  // A valid text with some characters lost or put in.
  const damaged = fc
    .tuple(json, fc.nat(), fc.nat(3), fc.constantFrom("", "0", "-", ".", ":", "12345678901234567", '"', "}", "1e400:"))
    .map(([text, at, lost, put]) => {
      const from = at % text.length;
      return text.slice(0, from) + put + text.slice(from + lost);
    });
  const text = fc.oneof(json, damaged);
  fc.assert(
    fc.property(text, (json) => {
      let expected: unknown;
      try {
        expected = JSON.parse(json);
      } catch {
        assert.throws(() => parseJson(json), SyntaxError);
        return;
      }
      assert.deepEqual(floats(parseJson(json)), expected);
    }),
    { numRuns: 3000 },
  );
});

/** The text with every number as its exact decimal value: digits without padding, and a power of ten. */
function canonical(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => {
    if (token.startsWith('"')) return token;
    const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(token) ?? [];
    const digits = (whole + fraction).replace(/^0+/, "");
    const significant = digits.replace(/0+$/, "");
    if (significant === "") return `${sign}0`;
    return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
  });
}

test("every number keeps its value through parsing and writing, up to 17 significant digits of a float", () => {
  fc.assert(
    fc.property(source, (json) => {
      const written = jsonValueText(parseJson(json));
      // Floats of 16 or 17 digits may come back as the shortest text of the same float64.
      const shortest = (text: string) => canonical(text).replace(/\d{16,17}e-?\d+/g, (token) => `${Number(token)}`);
      const same = (text: string) => canonical(shortest(text));
      assert.equal(same(written), same(json));
    }),
    { numRuns: 1000 },
  );
});

test("integers beyond 2^53 are bigint, others numbers, floats with an integral value are no integers", () => {
  const json = "[9007199254740991,9007199254740992,-9007199254740993,18446744073709551615,1,1.0,1e3,0.25,-0]";
  const [safe, ...rest] = parseJson(json) as unknown[];
  assert.equal(safe, 9007199254740991);
  assert.deepEqual(rest.slice(0, 4), [9007199254740992n, -9007199254740993n, 18446744073709551615n, 1]);
  assert.deepEqual(rest.slice(4), [new RawNumber("1.0"), new RawNumber("1e3"), 0.25, -0]);
});

test("a raw number knows whether float64 holds it", () => {
  const fits = (text: string) => new RawNumber(text).fits;
  for (const text of [
    "1.0",
    "0.0",
    "1e22",
    "1.00000000000000000000000",
    "0.00000000000000000000001",
    "-0.0",
    "1e-300",
  ]) {
    assert.ok(fits(text), text);
  }
  for (const text of ["1e400", "-1e999", "1e-400", "1.2345e-320", "0.123456789012345678", "123456789.1234567891"]) {
    assert.ok(!fits(text), text);
  }
});

test("very long numbers are kept as they stand, in time linear in their length", () => {
  for (const digits of ["9".repeat(1e6), `1${"0".repeat(1e6)}`, `0.${"0".repeat(1e6)}1`, `1.${"0".repeat(1e6)}2`]) {
    const value = parseJson(digits);
    assert.ok(value instanceof RawNumber && !value.fits);
    assert.equal(jsonValueText(value), digits);
  }
});

test("__proto__ is a name like any other and the last of equal keys counts", () => {
  const value = parseJson('{"__proto__":12345678901234567890,"a":1,"a":98765432109876543210}') as Record<
    string,
    unknown
  >;
  assert.ok(Object.hasOwn(value, "__proto__"));
  assert.equal(Object.getOwnPropertyDescriptor(value, "__proto__")?.value, 12345678901234567890n);
  assert.equal(value.a, 98765432109876543210n);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test("deep nesting is written out or refused, never a crash", () => {
  const nested = (depth: number) => `${'{"a":['.repeat(depth / 2)}12345678901234567890${"]}".repeat(depth / 2)}`;
  assert.equal(jsonValueText(parseJson(nested(MAX_NESTING))), nested(MAX_NESTING));
  assert.throws(() => parseJson(nested(100_000)), /nested deeper than 10000 levels/);
  assert.throws(() => parseJson("[".repeat(1_000_000)), SyntaxError);
});
