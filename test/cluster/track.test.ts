import assert from "node:assert/strict";
import { test } from "node:test";
import { createAssigner } from "../../src/cluster/assign.js";
import { groupingOf } from "../../src/cluster/grouping.js";
import { createRowMemory } from "../../src/cluster/row-memory.js";
import { createTracker } from "../../src/cluster/track.js";
import type { Engine } from "../../src/onnx/engine.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { watched } from "../onnx/watched-engine.js";
import { naiveAssign, normals, randomVectors } from "./oracle.js";

const engine = createOrtEngine({ threads: 1 });

/**
 * Tracks rows while the centroids move as `moves` says, assigning anew what is open; fails where a row that is not open has a
 * nearer or an equally near centroid. Returns how many rows were open after each move.
 */
async function follow(
  data: Float32Array,
  dim: number,
  start: Float32Array,
  moves: readonly ((centroids: Float32Array) => Float32Array)[],
  on: Engine = engine,
  mostGroups = 512,
): Promise<number[]> {
  const k = start.length / dim;
  const count = data.length / dim;
  const tileRows = 128;
  const grouping = groupingOf(k, mostGroups);
  const padded = new Float32Array(Math.ceil(count / tileRows) * tileRows * dim);
  padded.set(data);
  const centre = new Float32Array(dim);
  for (let at = 0; at < start.length; at++) centre[at % dim] += start[at] / k;
  const assigner = createAssigner({ engine, dim, k, grouping, tileRows });
  const memory = createRowMemory(dim, 0, 4_000_000);
  const tracker = await createTracker({ engine: on, memory, centre, k, grouping, tileRows, rows: count });
  const assignment = new Int32Array(count);
  const open = new Uint32Array(tileRows);
  let centroids = start;
  /** Assigns the rows that a tile left open and fails where one of the others would have another centroid. */
  async function settle(from: number, rows: number, found: number): Promise<void> {
    const naive = naiveAssign(data.subarray(from * dim, (from + rows) * dim), centroids, dim);
    const isOpen = new Set(open.subarray(0, found));
    for (let r = 0; r < rows; r++) {
      if (!isOpen.has(from + r)) assert.equal(assignment[from + r], naive.assignment[r], `row ${from + r}`);
    }
    const vectors = new Float32Array(tileRows * dim);
    for (let o = 0; o < found; o++) vectors.set(data.subarray(open[o] * dim, (open[o] + 1) * dim), o * dim);
    const tile = await assigner.assign(vectors, found);
    for (let o = 0; o < found; o++) {
      assignment[open[o]] = tile.cluster[o];
      tracker.sync(open[o], tile.cluster[o], tile, o, assigner.bound);
    }
    assert.deepEqual(assignment.subarray(from, from + rows), naive.assignment);
  }

  assigner.use(centroids);
  tracker.begin(centroids);
  for (let from = 0; from < count; from += tileRows) {
    const rows = Math.min(tileRows, count - from);
    const vectors = padded.subarray(from * dim, (from + tileRows) * dim);
    await settle(from, rows, await tracker.first(from, vectors, rows, assignment.subarray(from), open));
  }
  const counts: number[] = [];
  for (const move of moves) {
    centroids = move(centroids);
    assigner.use(centroids);
    tracker.use(centroids);
    let total = 0;
    for (let from = 0; from < count; from += tileRows) {
      const rows = Math.min(tileRows, count - from);
      const found = await tracker.check(from, assignment.subarray(from, from + rows), open);
      await settle(from, rows, found);
      total += found;
    }
    counts.push(total);
  }
  await assigner.release();
  await tracker.release();
  return counts;
}

const shift = (seed: number, size: number) => {
  const next = normals(seed);
  return (centroids: Float32Array) => centroids.map((x) => x + size * next());
};

test("rows that are not open keep their nearest centroid through moves of any size", async () => {
  for (const [dim, k] of [
    [16, 5],
    [130, 12],
    [64, 1],
  ]) {
    const data = randomVectors(300, dim, dim);
    const sizes = [0.1, 0.01, 1e-3, 0, 1e-5, 1e-8, 1e-12, 1, 1e-4, 1e-4];
    const moves = sizes.map((size, i) => shift(i + 1, size / Math.sqrt(dim)));
    const start = data.slice(0, k * dim);
    const counts = await follow(data, dim, start, moves);
    assert.ok(counts[3] <= 30, `${counts} rows open without a move`);
    if (k === 1) assert.deepEqual(new Set(counts), new Set([0]));
  }
});

test("rows that are not open keep their nearest centroid where centroids share bounds", async () => {
  for (const [k, groups] of [
    [257, 256],
    [300, 64],
    [50, 3],
    [7, 1],
  ]) {
    const dim = 24;
    const data = randomVectors(500, dim, k);
    const moves = [0.05, 0.01, 1e-3, 0, 1e-6, 0.3, 1e-3].map((size, i) => shift(i + 1, size / Math.sqrt(dim)));
    await follow(data, dim, data.slice(0, k * dim), moves, engine, groups);
  }
});

test("small moves leave few rows open", async () => {
  const dim = 256;
  const data = randomVectors(1000, dim, 3);
  const moves = [1, 2, 3, 4, 5].map((seed) => shift(seed, 0.01 / Math.sqrt(dim)));
  const counts = await follow(data, dim, data.slice(0, 20 * dim), moves);
  // Before the first move most rows have nothing but the codes' bounds.
  assert.ok(Math.max(...counts.slice(1)) < 100, `${counts} of 1000`);
});

test("a row halfway between two centroids is always open", async () => {
  const dim = 8;
  const start = new Float32Array(2 * dim);
  start[0] = 0.6;
  start[dim] = -0.6;
  const data = new Float32Array(64 * dim);
  for (let row = 0; row < 64; row++) data[row * dim + 1 + (row % 7)] = 1;
  const widen = (centroids: Float32Array) => centroids.map((x) => x * 1.1);
  assert.deepEqual(await follow(data, dim, start, [widen, widen, (same) => same]), [64, 64, 64]);
});

test("one centroid far away in one step and others that rest do not open the rows of those", async () => {
  const dim = 64;
  const data = randomVectors(512, dim, 9);
  const away = (centroids: Float32Array) => centroids.map((x, at) => (at < dim ? -x : x));
  const back = away;
  const counts = await follow(data, dim, data.slice(0, 8 * dim), [away, back, (same) => same]);
  assert.ok(counts[2] < 100, `${counts}`);
});

test("where the processor's sums of products saturate, moves keep to half the range", async () => {
  let most = 0;
  const saturating = watched(engine, async (run, feeds, into) => {
    const out = await run(feeds, into);
    if (feeds.codes?.dtype !== "int8") return out;
    const reach = Math.max(...(feeds.codes.data as Int8Array).map(Math.abs));
    if (reach > 63) (out.product.data as Float32Array).fill(32767);
    else most = Math.max(most, reach);
    return out;
  });
  const data = randomVectors(200, 32, 11);
  await follow(data, 32, data.slice(0, 4 * 32), [shift(1, 0.01), shift(2, 0.01)], saturating);
  assert.equal(most, 63);
});
