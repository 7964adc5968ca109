import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ZERO_POINT } from "../../src/join/codes/code-book.js";
import { planCodes } from "../../src/join/codes/code-plan.js";
import { checkExact, createFloatProduct, exactLevels } from "../../src/join/codes/float-product.js";
import { type Maxima, PANEL, type Panels, STRIP, STRIPS } from "../../src/join/codes/tile-product.js";
import { LocalHost } from "../../src/join/column-host.js";
import { dealGroups } from "../../src/join/deal.js";
import { joinByCodes } from "../../src/join/join-by-codes.js";
import { Judge } from "../../src/join/judge.js";
import type { Engine } from "../../src/onnx/engine.js";
import { createOrtEngine, type Provider } from "../../src/onnx/ort-engine.js";
import { assertSameNumbers } from "../oracles/same-numbers.js";
import { naiveJoin } from "./oracle.js";
import { arrayReader, clusteredVectors, randomSource } from "./vectors.js";

const engine = createOrtEngine({ threads: 1 });
/** The processor as a device that multiplies no bytes, or the device that the environment names. */
const provider = (process.env.BGE_TEST_DEVICE ?? "cpu") as Provider;
const device: Engine = { ...createOrtEngine({ threads: 1, provider }), integers: false };

/** Product of row `row` with column `column` of all panels, in plain integers. */
function naiveProduct(rows: Uint8Array, { data }: Panels, depth: number, row: number, column: number): number {
  const [panel, c] = [Math.floor(column / PANEL), column % PANEL];
  let sum = 0;
  for (let i = 0; i < depth; i++) sum += (rows[row * depth + i] - ZERO_POINT) * data[(panel * depth + i) * PANEL + c];
  return sum;
}

/** Every product in the layout of `IntegerProduct.products`. */
function naiveProducts(rows: Uint8Array, panels: Panels, depth: number): Int32Array {
  const count = rows.length / depth;
  return Int32Array.from({ length: panels.count * count * PANEL }, (_, at) => {
    const [panel, row, c] = [Math.floor(at / (count * PANEL)), Math.floor(at / PANEL) % count, at % PANEL];
    return naiveProduct(rows, panels, depth, row, panel * PANEL + c);
  });
}

/** Maxima in the layout of `IntegerProduct.maxima`. */
function naiveMaxima(rows: Uint8Array, panels: Panels, depth: number): Maxima {
  const count = rows.length / depth;
  const width = panels.count * STRIPS;
  const strips = new Int32Array(count * width).fill(-(2 ** 31));
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < panels.count * PANEL; column++) {
      const at = row * width + Math.floor(column / STRIP);
      strips[at] = Math.max(strips[at], naiveProduct(rows, panels, depth, row, column));
    }
  }
  return {
    strips,
    rows: Int32Array.from({ length: count }, (_, row) => Math.max(...strips.subarray(row * width, (row + 1) * width))),
  };
}

/** Products of each 64 rows with the 64 columns of the same numbers, in the layout of `IntegerProduct.diagonal`. */
function naiveDiagonal(rows: Uint8Array, panels: Panels, depth: number): Int32Array {
  return Int32Array.from({ length: (rows.length / depth) * STRIP }, (_, at) => {
    const row = Math.floor(at / STRIP);
    return naiveProduct(rows, panels, depth, row, row - (row % STRIP) + (at % STRIP));
  });
}

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
      const found = await createFloatProduct(device, depth);
      const columns = { data, count: 3 };
      assertSameNumbers(await found.products(rows, columns), naiveProducts(rows, columns, depth), "products");
      const maxima = naiveMaxima(rows, columns, depth);
      assertSameNumbers(await found.maxima(rows, columns), maxima, "maxima");
      assertSameNumbers(await found.diagonal(rows, columns), naiveDiagonal(rows, columns, depth), "diagonal");
      const fixed = await found.fix?.(columns);
      assertSameNumbers(await fixed?.maxima(rows), maxima, "maxima with fixed columns");
      await fixed?.release();
      await found.release();
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
    assertSameNumbers(result, naiveJoin(values, dim, threshold, order), "join");
    assert.ok(measured < 1e6, `${measured} pairs measured`);
    await plan.release();
    await Promise.all([local.close(), worker.close()]);
  });
});
