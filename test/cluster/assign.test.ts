import assert from "node:assert/strict";
import { test } from "node:test";
import { createAssigner } from "../../src/cluster/assign.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { arrayVectors, everyRow, naiveAssign, normals, randomVectors } from "./oracle.js";

const engine = createOrtEngine({ threads: 1 });

async function assignAll(data: Float32Array, centroids: Float32Array, dim: number, tileRows: number) {
  const k = centroids.length / dim;
  const assigner = await createAssigner({ engine, dim, k, tileRows });
  const vectors = arrayVectors(data, dim);
  const cluster: number[] = [];
  assigner.use(centroids);
  for (let start = 0; start < vectors.count; start += tileRows) {
    const count = Math.min(tileRows, vectors.count - start);
    const rows = new Float32Array(tileRows * dim);
    await vectors.gather(everyRow(vectors.count).subarray(start, start + count), rows);
    const nearest = await assigner.nearest(rows, count);
    cluster.push(...nearest.subarray(0, count));
  }
  await assigner.release();
  return cluster;
}

test("rows get the centroid that a float64 scan finds, also where float32 cannot tell", async () => {
  const dim = 96;
  const data = randomVectors(500, dim, 1);
  const next = normals(2);
  // Groups of twelve centroids that differ by less than float32 rounding of the score.
  const spots = randomVectors(4, dim, 3);
  const close = Float32Array.from({ length: 48 * dim }, (_, at) => {
    return spots[(Math.floor(at / dim) % 4) * dim + (at % dim)] + 1e-7 * next();
  });
  for (const tileRows of [64, 512]) {
    const cluster = await assignAll(data, close, dim, tileRows);
    assert.deepEqual(cluster, [...naiveAssign(data, close, dim).assignment]);
  }
});

test("of equal centroids the lowest wins", async () => {
  const dim = 5;
  const data = randomVectors(100, dim, 4);
  const pair = randomVectors(2, dim, 5);
  for (const copies of [2, 5]) {
    const centroids = Float32Array.from(Array.from({ length: copies }, () => [...pair]).flat());
    const cluster = await assignAll(data, centroids, dim, 64);
    assert.ok(Math.max(...cluster) === 1 && Math.min(...cluster) === 0);
  }
});

test("a row of which no candidate is certain gets the nearest of all centroids", async () => {
  const dim = 8;
  const data = randomVectors(50, dim, 6);
  const next = normals(7);
  // More centroids around one spot than the product lists for a row.
  const centroids = Float32Array.from({ length: 9 * dim }, (_, at) => 0.3 + 1e-9 * next() + (at % dim) * 1e-3);
  const cluster = await assignAll(data, centroids, dim, 64);
  assert.deepEqual(cluster, [...naiveAssign(data, centroids, dim).assignment]);
});

test("moved centroids take the place of those before", async () => {
  const dim = 12;
  const data = randomVectors(64, dim, 8);
  const assigner = await createAssigner({ engine, dim, k: 7, tileRows: 64 });
  for (const seed of [9, 10]) {
    const centroids = randomVectors(7, dim, seed);
    assigner.use(centroids);
    assert.deepEqual(await assigner.nearest(data, 64), naiveAssign(data, centroids, dim).assignment);
  }
  await assigner.release();
});
