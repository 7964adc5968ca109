import assert from "node:assert/strict";
import { test } from "node:test";
import { createRowMemory } from "../../src/cluster/row-memory.js";

test("vectors lie in the kernels' memory as far as it reaches, apart from each other and from the rest", () => {
  const memory = createRowMemory(16, 8 * 64, 1000);
  const arrays = Array.from({ length: 40 }, () => memory.floats(16));
  const held = arrays.filter((rows) => memory.holds(rows));
  assert.ok(held.length >= 8 && held.length < 40, `${held.length}`);
  const rest = memory.bytes(900);
  for (const [i, rows] of arrays.entries()) rows.fill(i + 1);
  rest.fill(255);
  for (const [i, rows] of arrays.entries()) assert.ok(rows.every((value) => value === i + 1));
  assert.throws(() => memory.doubles(1000), /8000 bytes for sums and centroids/);
});

test("a vector elsewhere, or of a dimension that kernels have to fill up, gives the same product as one in the memory", () => {
  for (const dim of [16, 21]) {
    const memory = createRowMemory(dim, 10_000, 1000);
    const { kernels, width } = memory;
    const inside = memory.floats(3 * dim);
    for (let at = 0; at < inside.length; at++) inside[at] = Math.sin(at + 1);
    const outside = inside.slice();
    const other = memory.bytes(4 * width);
    new Float32Array(other.buffer, other.byteOffset, dim).set(outside.subarray(0, dim));
    const dot = (rows: Float32Array, row: number) => {
      return kernels.dot(memory.address(rows, row * dim), 4 * width, other.byteOffset);
    };
    for (let row = 0; row < 3; row++) {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += outside[i] * outside[row * dim + i];
      assert.equal(dot(inside, row), dot(outside, row));
      assert.ok(Math.abs(dot(inside, row) - sum) < 1e-13);
    }
    assert.equal(memory.holds(inside), dim === 16);
  }
});
