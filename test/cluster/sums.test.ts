import assert from "node:assert/strict";
import { test } from "node:test";
import { addRow, createSums, means, meanVariance, moveRow } from "../../src/cluster/sums.js";
import { randomVectors } from "./oracle.js";

test("sums are the same bits after any order of additions and moves", () => {
  const dim = 20;
  const data = randomVectors(200, dim, 1);
  const straight = createSums(3, dim, 200);
  for (let row = 0; row < 200; row++) addRow(straight, row % 3, data, row * dim, 1);
  const detour = createSums(3, dim, 200);
  for (let row = 199; row >= 0; row--) addRow(detour, (row * 7) % 3, data, row * dim, 1);
  for (let row = 0; row < 200; row++) moveRow(detour, (row * 7) % 3, row % 3, data, row * dim, 1);
  for (const part of ["sums", "weight", "members"] as const) assert.deepEqual(detour[part], straight[part]);
});

test("a sum is that of components rounded to the grid, and the squared norm that of the row", () => {
  for (const dim of [1, 16, 37, 38, 39]) {
    const data = randomVectors(60, dim, dim);
    const into = createSums(2, dim, 1000);
    const expected = new Float64Array(dim);
    for (let row = 0; row < 60; row++) {
      const squaredNorm = addRow(into, 1, data, row * dim, 3);
      let sum = 0;
      for (let i = 0; i < dim; i++) {
        sum += data[row * dim + i] ** 2;
        const units = data[row * dim + i] * into.scale;
        // Halves go to even.
        const rounded = Math.abs(units % 1) === 0.5 ? 2 * Math.round(units / 2) : Math.round(units);
        expected[i] += 3 * rounded;
      }
      assert.ok(Math.abs(squaredNorm - sum) < 1e-14);
    }
    assert.deepEqual(into.sums.slice(dim), expected);
    assert.ok(into.sums.subarray(0, dim).every((units) => units === 0));
  }
});

test("means and variance are those of plain float64 sums, and an empty cluster keeps its centroid", () => {
  const dim = 10;
  const data = randomVectors(150, dim, 2);
  const sums = createSums(3, dim, 300);
  for (let row = 0; row < 150; row++) addRow(sums, row % 2, data, row * dim, 2);
  const old = new Float32Array(3 * dim).fill(0.25);
  const found = means(sums, old);
  assert.deepEqual(found.subarray(2 * dim), old.subarray(2 * dim));
  let variance = 0;
  for (let i = 0; i < dim; i++) {
    const column = Array.from({ length: 150 }, (_, row) => data[row * dim + i]);
    const even = column.filter((_, row) => row % 2 === 0);
    assert.ok(Math.abs(found[i] - even.reduce((a, b) => a + b) / 75) < 1e-8);
    const mean = column.reduce((a, b) => a + b) / 150;
    variance += column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 150 / dim;
  }
  assert.ok(Math.abs(meanVariance(sums) - variance) < 1e-7);
});
