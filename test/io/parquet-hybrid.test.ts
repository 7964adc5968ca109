import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HybridReader } from "../../src/io/parquet/hybrid.js";

/** A number in base 128, least significant digit first. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    if (rest < 128) return bytes;
  }
}

/** Eight integers a group, bit by bit. */
function packed(values: readonly number[], width: number): number[] {
  const bits = values.flatMap((value) => Array.from({ length: width }, (_, k) => Math.floor(value / 2 ** k) % 2));
  const bytes = new Array<number>(Math.ceil(bits.length / 8)).fill(0);
  bits.forEach((bit, i) => {
    bytes[i >> 3] += bit * 2 ** (i % 8);
  });
  return [...varint((values.length / 8) * 2 + 1), ...bytes];
}

function repeated(value: number, count: number, width: number): number[] {
  const bytes = Array.from({ length: Math.ceil(width / 8) }, (_, k) => Math.floor(value / 2 ** (8 * k)) % 256);
  return [...varint(count * 2), ...bytes];
}

const encoded = fc.integer({ min: 1, max: 32 }).chain((width) => {
  const value = fc.integer({ min: 0, max: 2 ** width - 1 });
  const groups = fc.integer({ min: 1, max: 5 }).chain((n) => fc.array(value, { minLength: 8 * n, maxLength: 8 * n }));
  const run = fc.tuple(value, fc.integer({ min: 1, max: 300 }));
  const runs = fc.array(
    fc.oneof(
      groups.map((values) => ({ values })),
      run.map(([same, count]) => ({ same, count })),
    ),
    {
      minLength: 1,
      maxLength: 8,
    },
  );
  return fc.record({ width: fc.constant(width), runs, step: fc.integer({ min: 1, max: 70 }) });
});

test("integers of every width come back from runs and packed groups, however few are read at a time", () => {
  fc.assert(
    fc.property(encoded, ({ width, runs, step }) => {
      const expected = runs.flatMap((run) =>
        "values" in run ? run.values : new Array<number>(run.count).fill(run.same),
      );
      const bytes = runs.flatMap((run) =>
        "values" in run ? packed(run.values, width) : repeated(run.same, run.count, width),
      );
      const reader = new HybridReader(Uint8Array.from(bytes), width);
      const actual = new Uint32Array(expected.length);
      for (let at = 0; at < actual.length; at += step) reader.read(actual, at, Math.min(step, actual.length - at));
      assert.deepEqual(Array.from(actual), expected);
      assert.throws(() => reader.read(actual, 0, 1), /1 integers are missing/);
    }),
  );
});

test("a run of a thousand million takes no room, and bytes that end too soon are refused", () => {
  const reader = new HybridReader(Uint8Array.from(repeated(5, 2 ** 30, 3)), 3);
  const some = new Uint8Array(4);
  reader.read(some, 1, 3);
  assert.deepEqual(Array.from(some), [0, 5, 5, 5]);
  const cut = packed([1, 2, 3, 4, 5, 6, 7, 0], 3).slice(0, -1);
  const short = new HybridReader(Uint8Array.from(cut), 3);
  short.read(some, 0, 4);
  assert.deepEqual(Array.from(some), [1, 2, 3, 4]);
  assert.throws(() => short.read(some, 0, 4), /packed integers are cut short/);
  assert.throws(() => new HybridReader(Uint8Array.of(8, 1), 9).read(some, 0, 4), /a run is cut short/);
  assert.throws(() => new HybridReader(new Uint8Array(9), 33), /integers of 33 bits/);
});
