import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { assertSameNumbers } from "../oracles/same-numbers.js";
import { naiveJoin } from "./oracle.js";
import { arrayReader, clusteredVectors, normaliseRows, randomSource } from "./vectors.js";

const engine = createOrtEngine({ threads: 1 });

const inOrder = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);

async function assertSameAsNaive(options: {
  values: Float32Array;
  dim: number;
  threshold: number;
  order?: Uint32Array;
  signatures?: BigUint64Array;
  memory?: number;
}) {
  const { values, dim, threshold, signatures, memory = 1 << 30 } = options;
  const order = options.order ?? inOrder(values.length / dim);
  const vectors = arrayReader(values, dim);
  const { measured, ...result } = await selfJoin({ vectors, order, threshold, signatures, memory, engine });
  assertSameNumbers(result, naiveJoin(values, dim, threshold, order, signatures), "join");
  return { ...result, measured };
}

describe("the self-join equals a naive float64 scan", () => {
  for (const threshold of [0.3, 0.7, 0.9, 0.99, 1]) {
    it(`at threshold ${threshold}`, async () => {
      const values = clusteredVectors({ count: 3000, dim: 24, seed: 1, families: 0.5, noise: 0.3 });
      const { keptBy } = await assertSameAsNaive({ values, dim: 24, threshold });
      const removed = keptBy.filter((k) => k >= 0).length;
      if (threshold < 0.99) assert.ok(removed > 100, `the case must remove something, it removed ${removed}`);
    });
  }

  it("in any priority order", async () => {
    const values = clusteredVectors({ count: 2500, dim: 16, seed: 2, families: 0.6, noise: 0.3 });
    const random = randomSource(3);
    const order = inOrder(2500);
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    await assertSameAsNaive({ values, dim: 16, threshold: 0.9, order });
  });

  it("when memory forces several blocks", async () => {
    const values = clusteredVectors({ count: 5000, dim: 16, seed: 4, families: 0.5, noise: 0.3 });
    await assertSameAsNaive({ values, dim: 16, threshold: 0.9, memory: 0 });
  });

  it("with guards, which keep pairs of different signatures apart and say so", async () => {
    const values = clusteredVectors({ count: 2000, dim: 16, seed: 5, families: 0.7, noise: 0.2 });
    const random = randomSource(6);
    const signatures = BigUint64Array.from({ length: 2000 }, () => BigInt(Math.floor(random() * 3)));
    const { guardedFrom } = await assertSameAsNaive({ values, dim: 16, threshold: 0.9, signatures });
    assert.ok(guardedFrom.some((other) => other >= 0));
  });

  it("for pairs within 1e-7 of the threshold, where float32 alone cannot tell", async () => {
    const dim = 32;
    const random = randomSource(7);
    const values = new Float32Array(400 * dim);
    for (let row = 0; row < 400; row += 2) {
      // The partner is cos θ · x + sin θ · y with x and y orthogonal and cos θ within 1e-7 of 0.9.
      const cos = 0.9 + (random() - 0.5) * 2e-7;
      const x = Array.from({ length: dim }, () => random() - 0.5);
      const y = Array.from({ length: dim }, () => random() - 0.5);
      const xx = x.reduce((s, v) => s + v * v, 0);
      const xy = x.reduce((s, v, i) => s + v * y[i], 0);
      const z = y.map((v, i) => v - (xy / xx) * x[i]);
      const zz = z.reduce((s, v) => s + v * v, 0);
      for (let i = 0; i < dim; i++) {
        values[row * dim + i] = x[i] / Math.sqrt(xx);
        values[(row + 1) * dim + i] = (cos * x[i]) / Math.sqrt(xx) + (Math.sqrt(1 - cos * cos) * z[i]) / Math.sqrt(zz);
      }
    }
    const { keptBy } = await assertSameAsNaive({ values, dim, threshold: 0.9 });
    const removed = keptBy.filter((k) => k >= 0).length;
    assert.ok(removed > 40 && removed < 160, `about half of 200 pairs should be near enough, ${removed} are`);
  });
});

describe("degenerate input to the self-join", () => {
  it("keeps one of all-equal rows and measures each once", async () => {
    const values = normaliseRows(new Float32Array(5000 * 8).fill(1), 8);
    const { keptBy, measured } = await assertSameAsNaive({ values, dim: 8, threshold: 0.95 });
    assert.equal(keptBy.filter((k) => k < 0).length, 1);
    assert.equal(measured, 4999);
  });

  it("keeps all of orthogonal rows and measures none", async () => {
    const values = new Float32Array(512 * 512);
    for (let i = 0; i < 512; i++) values[i * 513] = 1;
    const { keptBy, measured } = await assertSameAsNaive({ values, dim: 512, threshold: 0.5 });
    assert.equal(keptBy.filter((k) => k < 0).length, 512);
    assert.equal(measured, 0);
  });

  it("keeps a single row, and does nothing with no row", async () => {
    await assertSameAsNaive({ values: Float32Array.of(1, 0), dim: 2, threshold: 0.5 });
    await assertSameAsNaive({ values: new Float32Array(0), dim: 2, threshold: 0.5 });
  });

  it("never removes a row on account of a removed one in a chain A~B~C", async () => {
    const angle = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    const values = Float32Array.from([...angle(0), ...angle(20), ...angle(40)]);
    const { keptBy } = await assertSameAsNaive({ values, dim: 2, threshold: 0.93 });
    assert.deepEqual([...keptBy], [-1, 0, -1]);
  });

  it("stops with the signal's reason", async () => {
    const values = clusteredVectors({ count: 100, dim: 8, seed: 8, families: 0, noise: 0 });
    const vectors = arrayReader(values, 8);
    const signal = AbortSignal.abort(new Error("stop"));
    const order = inOrder(100);
    // The first comparison of a tile with itself needs no earlier one, so the signal is looked at in between.
    const many = arrayReader(clusteredVectors({ count: 3000, dim: 8, seed: 8, families: 0, noise: 0 }), 8);
    await assert.rejects(
      selfJoin({ vectors: many, order: inOrder(3000), threshold: 0.9, memory: 1 << 30, engine, signal }),
      /stop/,
    );
    await selfJoin({ vectors, order, threshold: 0.9, memory: 1 << 30, engine });
  });
});
