import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChooseOptions, chooseK } from "../../src/cluster/choose-k.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { arrayVectors, everyRow, normalise, normals, randomVectors } from "./oracle.js";

const DIM = 32;

/** Rows around `topics` random directions, in turn. */
function around(topics: number, rows: number, spread: number): Float32Array {
  const random = normals(topics);
  const centres = Array.from({ length: topics * DIM }, random);
  const data = Float32Array.from({ length: rows * DIM }, (_, at) => {
    const row = Math.floor(at / DIM);
    return centres[(row % topics) * DIM + (at % DIM)] + spread * random();
  });
  return normalise(data, DIM);
}

function choose(data: Float32Array, more: Partial<ChooseOptions> = {}) {
  const vectors = arrayVectors(data, DIM);
  const positions = everyRow(vectors.count);
  return chooseK({ vectors, positions, seed: 0, engine: createOrtEngine({ threads: 1 }), memory: 2 ** 26, ...more });
}

test("as many clusters are found as there are groups of rows, within a tenth", async () => {
  for (const topics of [3, 25]) {
    const { k, candidates, why } = await choose(around(topics, 1000, 0.4));
    assert.ok(Math.abs(k - topics) <= Math.max(1, topics / 10), `${k} for ${topics}`);
    assert.deepEqual(candidates[0].k, 1);
    assert.equal(candidates[0].gain, 0);
    const found = candidates.find((candidate) => candidate.k === k);
    const best = Math.max(...candidates.map(({ gain }) => gain));
    assert.ok(found !== undefined && found.gain >= 0.95 * best, why);
    assert.match(why, /1000 vectors/);
  }
});

test("rows without groups are one cluster", async () => {
  const { k, why } = await choose(randomVectors(1000, DIM, 4));
  assert.equal(k, 1);
  assert.match(why, /no number of clusters/);
});

test("a few rows and equal rows are one cluster, for a reason that is told", async () => {
  for (const rows of [1, 2, 3]) {
    const { k, why, candidates } = await choose(randomVectors(rows, DIM, 1));
    assert.deepEqual([k, candidates], [1, []]);
    assert.match(why, rows === 1 ? /same to the model/ : new RegExp(`${rows} texts are too few`));
  }
  const equal = await choose(Float32Array.from({ length: 500 * DIM }, (_, at) => (at % DIM === 0 ? 1 : 0)));
  assert.deepEqual([equal.k, equal.why], [1, "all texts are the same to the model"]);
  const two = await choose(
    Float32Array.from({ length: 500 * DIM }, (_, at) => (at % DIM === Math.floor(at / DIM) % 2 ? 1 : 0)),
  );
  assert.equal(two.k, 1);
});

test("copies of rows do not change the choice, and neither do memory and threads", async () => {
  const data = around(7, 700, 0.4);
  const once = await choose(data);
  const engine = createOrtEngine({ threads: 3 });
  assert.deepEqual(await choose(data, { memory: 2 ** 16, engine }), once);
  assert.notDeepEqual((await choose(data, { seed: 1 })).candidates, once.candidates);
});

test("the search reads a bounded part of many rows, and stops when told to", async () => {
  const data = around(5, 20_000, 0.4);
  const vectors = arrayVectors(data, DIM);
  const { k, sample } = await choose(data, { vectors, positions: everyRow(20_000) });
  assert.ok(k === 5 || k === 6, `${k}`);
  assert.ok(sample <= 8192, `${sample}`);
  const controller = new AbortController();
  const stopped = choose(data, { signal: controller.signal, onCandidate: () => controller.abort(new Error("stop")) });
  await assert.rejects(stopped, /stop/);
});
