import assert from "node:assert/strict";
import { test } from "node:test";
import { startCentroids } from "../../src/cluster/seed/start.js";
import { arrayVectors, everyRow, naiveAssign, randomVectors } from "./oracle.js";

test("a start beats as many random rows, in the given dimension and projected", async () => {
  for (const dim of [12, 100]) {
    const data = randomVectors(900, dim, dim);
    const vectors = arrayVectors(data, dim);
    const start = await startCentroids({ vectors, positions: everyRow(900), k: 20, seed: 1, tileRows: 64 });
    const rows = data.subarray(0, 20 * dim);
    assert.ok(naiveAssign(data, start, dim).inertia < 0.95 * naiveAssign(data, rows, dim).inertia);
  }
});

test("many clusters are seeded in a tree and every one owns rows", async () => {
  const dim = 8;
  const data = randomVectors(3000, dim, 3);
  const options = { vectors: arrayVectors(data, dim), positions: everyRow(3000), k: 700, seed: 2 };
  const start = await startCentroids({ ...options, tileRows: 512 });
  const used = new Set(naiveAssign(data, start, dim).assignment);
  assert.ok(used.size > 650, `${used.size} of 700`);
  assert.deepEqual(await startCentroids({ ...options, tileRows: 100 }), start);
});

test("the sample is bounded whatever the number of rows", async () => {
  const dim = 4;
  const vectors = arrayVectors(randomVectors(25_000, dim, 4), dim);
  await startCentroids({ vectors, positions: everyRow(25_000), k: 2, seed: 0, tileRows: 1000 });
  assert.ok(vectors.reads <= 20_000, `${vectors.reads} vectors read in two passes over the sample`);
});
