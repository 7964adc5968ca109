import assert from "node:assert/strict";
import { test } from "node:test";
import { createSums, means, meanVariance } from "../../src/cluster/sums.js";
import { randomVectors } from "./oracle.js";

test("means and variance are those of plain float64 sums, and an empty cluster keeps its centroid", () => {
  const dim = 10;
  const data = randomVectors(150, dim, 2);
  const sums = createSums(3, dim, 300);
  for (let row = 0; row < 150; row++) {
    for (let i = 0; i < dim; i++) {
      const value = data[row * dim + i];
      sums.sums[(row % 2) * dim + i] += 2 * Math.round(value * sums.scale);
      sums.squaredNorms += 2 * Math.round(value * value * sums.scale);
    }
    sums.weight[row % 2] += 2;
    sums.members[row % 2]++;
  }
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
