import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { planCodes } from "../../src/join/codes/code-plan.js";
import { LocalHost } from "../../src/join/column-host.js";
import { dealGroups } from "../../src/join/deal.js";
import { joinByCodes } from "../../src/join/join-by-codes.js";
import type { JoinOptions } from "../../src/join/join-options.js";
import { Judge } from "../../src/join/judge.js";
import type { Engine } from "../../src/onnx/engine.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import type { VectorReader } from "../../src/vectors/reader.js";
import { watched } from "../onnx/watched-engine.js";
import { assertSameNumbers } from "../oracles/same-numbers.js";
import { naiveJoin } from "./oracle.js";
import { adversarialSets, arrayReader, clusteredVectors, normaliseRows, randomSource } from "./vectors.js";

const engine = createOrtEngine({ threads: 1 });
const inOrder = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);

/** The join by codes, which `selfJoin` takes for many vectors only. */
async function joinCodes(options: Omit<JoinOptions, "engine"> & { engine?: Engine }) {
  const all = { engine, ...options };
  const local = new LocalHost(all.engine);
  const { vectors, threshold, signatures } = all;
  const judge = new Judge({ count: vectors.count, dim: vectors.dim, threshold, signatures });
  const plan = await planCodes(all);
  const deal = dealGroups({ local, workers: [], rows: all.order.length, dim: vectors.dim, productNs: 1 });
  await joinByCodes(all, { plan, judge, deal });
  await plan.release();
  await local.close();
  return judge.result;
}

async function assertSameAsNaive(options: {
  values: Float32Array;
  dim: number;
  threshold: number;
  order?: Uint32Array;
  signatures?: BigUint64Array;
  memory?: number;
  vectors?: VectorReader;
  engine?: Engine;
}) {
  const { values, dim, threshold, signatures, memory = 1 << 30 } = options;
  const order = options.order ?? inOrder(values.length / dim);
  const vectors = options.vectors ?? arrayReader(values, dim);
  const joined = await joinCodes({ vectors, order, threshold, signatures, memory, engine: options.engine ?? engine });
  const { measured, ...result } = joined;
  assertSameNumbers(result, naiveJoin(values, dim, threshold, order, signatures), "join");
  return joined;
}

/** Rows in pairs whose cosine is within 1e-7 of the threshold. */
function pairsAtThreshold(count: number, dim: number, threshold: number, seed: number): Float32Array {
  const random = randomSource(seed);
  const values = new Float32Array(count * dim);
  for (let row = 0; row + 1 < count; row += 2) {
    const cos = Math.min(1, threshold + (random() - 0.5) * 2e-7);
    const x = normaliseRows(
      Float32Array.from({ length: dim }, () => random() - 0.5),
      dim,
    );
    const y = Float64Array.from({ length: dim }, () => random() - 0.5);
    const along = y.reduce((sum, v, i) => sum + v * x[i], 0);
    const z = y.map((v, i) => v - along * x[i]);
    const length = Math.hypot(...z);
    for (let i = 0; i < dim; i++) {
      values[row * dim + i] = x[i];
      values[(row + 1) * dim + i] = cos * x[i] + (Math.sqrt(1 - cos * cos) * z[i]) / length;
    }
  }
  return values;
}

describe("the join by integer codes equals a naive float64 scan", () => {
  for (const dim of [1, 2, 3, 24, 128, 256, 1000, 1024]) {
    it(`of ${dim} components`, async () => {
      const count = dim > 500 ? 400 : 1200;
      const values = clusteredVectors({ count, dim, seed: dim, families: 0.4, noise: 0.4 });
      await assertSameAsNaive({ values, dim, threshold: 0.9 });
    });
  }

  for (const threshold of [0.3, 0.6, 0.9, 0.999, 1]) {
    it(`at threshold ${threshold}, with pairs within 1e-7 of the threshold`, async () => {
      const dim = 96;
      const near = pairsAtThreshold(400, dim, threshold, 1);
      const far = clusteredVectors({ count: 900, dim, seed: 2, families: 0.5, noise: 0.4 });
      const values = new Float32Array(near.length + far.length);
      values.set(near);
      values.set(far, near.length);
      const { keptBy } = await assertSameAsNaive({ values, dim, threshold });
      assert.ok(threshold === 1 || keptBy.some((by) => by >= 0));
    });
  }

  for (const { name, values, dim } of adversarialSets()) {
    it(`for ${name}`, async () => {
      for (const threshold of [0.3, 0.95]) await assertSameAsNaive({ values, dim, threshold });
    });
  }

  it("over several full groups, in a shuffled order", async () => {
    const dim = 12;
    const count = 8700;
    const values = clusteredVectors({ count, dim, seed: 3, families: 0.3, noise: 0.5 });
    const random = randomSource(4);
    const order = inOrder(count);
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    await assertSameAsNaive({ values, dim, threshold: 0.97, order });
  });

  it("in blocks, with and without room for the codes of kept vectors", async () => {
    const dim = 32;
    const values = clusteredVectors({ count: 4500, dim, seed: 5, families: 0.4, noise: 0.4 });
    for (const memory of [0, 2 << 20]) await assertSameAsNaive({ values, dim, threshold: 0.9, memory });
  });

  it("with guards, in one block and in several", async () => {
    const values = clusteredVectors({ count: 3000, dim: 16, seed: 6, families: 0.7, noise: 0.2 });
    const random = randomSource(7);
    const signatures = BigUint64Array.from({ length: 3000 }, () => BigInt(Math.floor(random() * 3)));
    for (const memory of [0, 1 << 30]) {
      const { guardedFrom } = await assertSameAsNaive({ values, dim: 16, threshold: 0.9, signatures, memory });
      assert.ok(guardedFrom.some((other) => other >= 0));
    }
  });

  it("where nearly every pair survives the codes, so that float32 products thin them", async () => {
    const values = clusteredVectors({ count: 1200, dim: 64, seed: 8, families: 1, noise: 0.05 });
    const { similarity } = naiveJoin(values, 64, 0.9, inOrder(1200));
    // A threshold in the middle of the cosines.
    const threshold = similarity.filter((s) => s > 0).sort()[600];
    await assertSameAsNaive({ values, dim: 64, threshold });
  });

  it("on a processor whose products of bytes saturate in 16 bits", async () => {
    const values = clusteredVectors({ count: 2500, dim: 48, seed: 9, families: 0.4, noise: 0.4 });
    let saturated = 0;
    const saturating = watched(engine, async (run, feeds) => {
      const outputs = await run(feeds);
      const rows = feeds.codes?.data;
      // Two neighbouring products, of unsigned with signed bytes, beyond 2^15 would be cut off.
      if (rows instanceof Uint8Array && outputs.products !== undefined && rows.every((value) => value === 255)) {
        saturated++;
        (outputs.products.data as Int32Array).fill(0);
      } else if (rows instanceof Uint8Array) {
        assert.ok(
          rows.every((value) => value <= 128 + 79 && value >= 128 - 79),
          "codes must keep to 79 levels",
        );
      }
      return outputs;
    });
    await assertSameAsNaive({ values, dim: 48, threshold: 0.9, engine: saturating });
    assert.ok(saturated > 0, "the check must have been made");
  });
});

describe("the work of the join by integer codes", () => {
  it("measures hardly more pairs than there are near-duplicates", async () => {
    const values = clusteredVectors({ count: 3000, dim: 256, seed: 10, families: 0.1, noise: 0.2 });
    const { keptBy, measured } = await assertSameAsNaive({ values, dim: 256, threshold: 0.9 });
    const removed = keptBy.filter((by) => by >= 0).length;
    assert.ok(removed > 100 && measured < 2 * removed, `${measured} measured for ${removed} removed`);
  });

  it("learns more directions where the first ones let everything through", async () => {
    const dim = 1024;
    const values = clusteredVectors({ count: 4096, dim, seed: 14, families: 0, noise: 0 });
    const vectors = arrayReader(values, dim);
    const plan = await planCodes({
      vectors,
      order: inOrder(4096),
      threshold: 0.9,
      engine,
      whole: { rows: 1e5, pairs: 5e9 },
    });
    await plan.release();
    // Outside of 96 directions of 1,024, vectors without any structure still have a length of 0.95.
    assert.ok(plan.book.basis.size > 96, `${plan.book.basis.size} directions`);
  });

  it("compares a family of near-copies once each, whatever its size", async () => {
    const dim = 64;
    const values = clusteredVectors({ count: 20000, dim, seed: 11, families: 0, noise: 0 });
    const random = randomSource(12);
    for (let i = dim; i < values.length; i++) values[i] = values[i % dim] + 0.01 * (random() - 0.5);
    normaliseRows(values, dim);
    let products = 0;
    const counting = watched(engine, async (run, feeds) => {
      const outputs = await run(feeds);
      products += outputs.products?.data.length ?? (outputs.strips?.data.length ?? 0) * 64;
      return outputs;
    });
    const { keptBy, measured } = await joinCodes({
      vectors: arrayReader(values, dim),
      order: inOrder(20000),
      threshold: 0.9,
      memory: 1 << 30,
      engine: counting,
    });
    assert.equal(keptBy.filter((by) => by < 0).length, 1);
    assert.equal(measured, 19999);
    // All pairs are 2e8; choosing the codes takes up to 1e7, and each row meets one panel.
    assert.ok(products < 3e7, `${products} products for 20,000 rows`);
  });

  it("reads from the store only what it holds, in ascending positions", async () => {
    const dim = 32;
    const count = 5000;
    const values = clusteredVectors({ count, dim, seed: 13, families: 0.2, noise: 0.3 });
    const inner = arrayReader(values, dim);
    let read = 0;
    let most = 0;
    const vectors: VectorReader = {
      count,
      dim,
      async gather(positions, into) {
        read += positions.length;
        most = Math.max(most, positions.length);
        for (let i = 1; i < positions.length; i++) assert.ok(positions[i] > positions[i - 1]);
        await inner.gather(positions, into);
      },
    };
    const order = inOrder(count).reverse();
    await assertSameAsNaive({ values, dim, threshold: 0.9, order, vectors, memory: 1 << 20 });
    assert.ok(most <= 5120 && read < 6 * count, `${read} vectors read, at most ${most} at once`);
  });

  it("stops with the signal's reason", async () => {
    const values = clusteredVectors({ count: 3000, dim: 8, seed: 14, families: 0, noise: 0 });
    const signal = AbortSignal.abort(new Error("stop"));
    const vectors = arrayReader(values, 8);
    const join = joinCodes({ vectors, order: inOrder(3000), threshold: 0.9, memory: 1 << 30, signal });
    await assert.rejects(join, /stop/);
  });
});
