import assert from "node:assert/strict";
import { test } from "node:test";
import { int, ints, join } from "../../src/onnx/protobuf.js";
import { readFields, readInts } from "../../src/onnx/protobuf-reader.js";

const VALUES = [0, 1, 127, 128, 2 ** 31, 2 ** 49 - 1, 2 ** 49, 2 ** 52 + 1, -1, -2, -3, -128, -(2 ** 40) - 1];

test("integers come back as they were written, negative ones too, one by one and packed", () => {
  const single: number[] = [];
  readFields(join(VALUES.map((value) => int(8, value))), (field, value) => {
    assert.equal(field, 8);
    single.push(...readInts(value));
  });
  assert.deepEqual(single, VALUES);
  const packed: number[] = [];
  readFields(ints(7, VALUES), (_, value) => packed.push(...readInts(value)));
  assert.deepEqual(packed, VALUES);
});

test("an integer that is cut off is no message", () => {
  const whole = int(8, -2);
  assert.throws(() => readFields(whole.subarray(0, 5), () => {}), /is cut off/);
});
