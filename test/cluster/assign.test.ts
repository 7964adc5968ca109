import assert from "node:assert/strict";
import { test } from "node:test";
import { createAssigner } from "../../src/cluster/assign.js";
import { groupingOf } from "../../src/cluster/grouping.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { arrayVectors, everyRow, naiveAssign, normalise, normals, randomVectors } from "./oracle.js";

const engine = createOrtEngine({ threads: 1 });

async function assignAll(data: Float32Array, centroids: Float32Array, dim: number, tileRows: number) {
  const k = centroids.length / dim;
  const assigner = createAssigner({ engine, dim, k, grouping: groupingOf(k, 64), tileRows });
  const vectors = arrayVectors(data, dim);
  const cluster: number[] = [];
  const gap: number[] = [];
  assigner.use(centroids);
  for (let start = 0; start < vectors.count; start += tileRows) {
    const count = Math.min(tileRows, vectors.count - start);
    const rows = new Float32Array(tileRows * dim);
    await vectors.gather(everyRow(vectors.count).subarray(start, start + count), rows);
    const tile = await assigner.assign(rows, count);
    cluster.push(...tile.cluster.subarray(0, count));
    gap.push(...tile.gap.subarray(0, count));
    const alone = await assigner.nearest(rows, count);
    assert.deepEqual([...alone.cluster.subarray(0, count)], cluster.slice(start));
    assert.deepEqual([...alone.gap.subarray(0, count)], gap.slice(start));
  }
  await assigner.release();
  return { cluster, gap };
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
    const { cluster } = await assignAll(data, close, dim, tileRows);
    assert.deepEqual(cluster, [...naiveAssign(data, close, dim).assignment]);
  }
});

test("of equal centroids the lowest wins", async () => {
  const dim = 5;
  const data = randomVectors(100, dim, 4);
  const pair = randomVectors(2, dim, 5);
  for (const copies of [2, 5]) {
    const centroids = Float32Array.from(Array.from({ length: copies }, () => [...pair]).flat());
    const { cluster } = await assignAll(data, centroids, dim, 64);
    assert.ok(Math.max(...cluster) === 1 && Math.min(...cluster) === 0);
  }
});

test("the gap never exceeds how much farther the second nearest centroid is", async () => {
  const dim = 24;
  const data = randomVectors(300, dim, 6);
  const centroids = normalise(randomVectors(9, dim, 7), dim).map((x) => x * 0.8);
  const { cluster, gap } = await assignAll(data, centroids, dim, 128);
  let positive = 0;
  for (let row = 0; row < 300; row++) {
    const distances = Array.from({ length: 9 }, (_, j) => {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += (data[row * dim + i] - centroids[j * dim + i]) ** 2;
      return Math.sqrt(sum);
    });
    const own = distances[cluster[row]];
    distances[cluster[row]] = Number.POSITIVE_INFINITY;
    const truth = Math.min(...distances) - own;
    assert.ok(gap[row] <= truth, `${gap[row]} ${truth}`);
    if (gap[row] > 0.9 * truth) positive++;
  }
  assert.ok(positive > 250, "the bound is tight for most rows");
});
