import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { joinByCodes } from "../../src/dedup/cascade.js";
import { LocalHost } from "../../src/dedup/column-host.js";
import { dealGroups } from "../../src/dedup/deal.js";
import { checkExact, createFloatProduct, exactLevels } from "../../src/dedup/float-product.js";
import { Judge } from "../../src/dedup/judge.js";
import { planCodes } from "../../src/dedup/plan.js";
import { createIntegerProduct, PANEL } from "../../src/dedup/tile-product.js";
import type { Engine } from "../../src/onnx/engine.js";
import { createOrtEngine, type Provider } from "../../src/onnx/ort-engine.js";
import { naiveJoin } from "./oracle.js";
import { arrayReader, clusteredVectors, randomSource } from "./vectors.js";

const engine = createOrtEngine({ threads: 1 });
/** The processor as a device that multiplies no bytes, or the device that the environment names. */
const provider = (process.env.BGE_TEST_DEVICE ?? "cpu") as Provider;
const device: Engine = { ...createOrtEngine({ threads: 1, provider }), integers: false };

describe(`float32 products of codes (${provider})`, () => {
  for (const depth of [64, 192, 1088]) {
    it(`are the integer products, with codes of depth ${depth} up to the largest`, async () => {
      const levels = exactLevels(depth);
      assert.ok(depth * levels * levels <= 2 ** 24 && depth * (levels + 1) ** 2 > Math.min(2 ** 24, depth * 127 ** 2));
      const random = randomSource(depth);
      const code = () => Math.max(-levels, Math.min(levels, Math.round((random() - 0.5) * 4 * levels)));
      const rows = Uint8Array.from({ length: 3 * PANEL * depth }, () => 128 + code()).fill(128 + levels, 0, depth);
      const data = Int8Array.from({ length: 3 * depth * PANEL }, code);
      for (let i = 0; i < depth; i++) data[i * PANEL] = levels;
      const [expected, found] = [await createIntegerProduct(engine, depth), await createFloatProduct(device, depth)];
      const columns = { data, count: 3 };
      assert.deepEqual(await found.products(rows, columns), await expected.products(rows, columns));
      const maxima = await expected.maxima(rows, columns);
      assert.deepEqual(await found.maxima(rows, columns), maxima);
      assert.deepEqual(await found.diagonal(rows, columns), await expected.diagonal(rows, columns));
      const fixed = await found.fix?.(columns);
      assert.deepEqual(await fixed?.maxima(rows), maxima);
      for (const held of [fixed, found, expected]) await held?.release();
    });
  }

  it("pass the check on a device whose sums are exact, and not where one is off", async () => {
    const product = await createFloatProduct(device, 128);
    await checkExact(product, 128);
    const inexact = {
      ...product,
      products: async (...args: Parameters<typeof product.products>) =>
        (await product.products(...args)).map((value, i) => (i === 700 ? value + 1 : value)),
    };
    await assert.rejects(checkExact(inexact, 128), /expected exact sums below 2\^24/);
    await product.release();
  });

  it("decide as a naive float64 scan does", async () => {
    const dim = 24;
    const threshold = 0.95;
    const values = clusteredVectors({ count: 9000, dim, seed: 3, families: 0.3, noise: 0.5 });
    const vectors = arrayReader(values, dim);
    const order = Uint32Array.from({ length: vectors.count }, (_, i) => i);
    const judge = new Judge({ count: vectors.count, dim, threshold });
    const options = { vectors, order, threshold, engine, memory: 1 << 30 };
    const plan = await planCodes(options);
    const [local, worker] = [new LocalHost(engine), new LocalHost(device)];
    const deal = dealGroups({ local, workers: [worker], device: true, rows: order.length, dim, productNs: 1 });
    assert.deepEqual(deal.hosts, [worker]);
    await joinByCodes(options, { plan, judge, deal });
    const { measured, ...result } = judge.result;
    assert.deepEqual(result, naiveJoin(values, dim, threshold, order));
    assert.ok(measured < 1e6, `${measured} pairs measured`);
    await plan.release();
    await Promise.all([local.close(), worker.close()]);
  });
});
