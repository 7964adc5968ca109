import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ZERO_POINT } from "../../src/join/codes/code-book.js";
import { planCodes } from "../../src/join/codes/code-plan.js";
import { GROUP } from "../../src/join/codes/column-codes.js";
import { checkProduct, exactDeviceProduct } from "../../src/join/codes/device-check.js";
import {
  type ColumnParts,
  createDeviceProduct,
  exactLevels,
  type FoundStrips,
  PARTS,
} from "../../src/join/codes/device-product.js";
import { halfAtMost, halfInUnits, halfOfCode } from "../../src/join/codes/half.js";
import { STRIP } from "../../src/join/codes/tile-product.js";
import { LocalHost } from "../../src/join/column-host.js";
import { dealGroups } from "../../src/join/deal.js";
import { DeviceHost } from "../../src/join/device-host.js";
import { joinByCodes } from "../../src/join/join-by-codes.js";
import { Judge } from "../../src/join/judge.js";
import type { Engine } from "../../src/onnx/engine.js";
import { createOrtEngine, type Provider } from "../../src/onnx/ort-engine.js";
import type { VectorReader } from "../../src/vectors/reader.js";
import { assertSameNumbers } from "../oracles/same-numbers.js";
import { naiveJoin } from "./oracle.js";
import { arrayReader, clusteredVectors, randomSource } from "./vectors.js";

const engine = createOrtEngine({ threads: 1 });
/** The processor plays the device, or the device that the environment names is one. */
const provider = (process.env.BGE_TEST_DEVICE ?? "cpu") as Provider;
const device = createOrtEngine({ threads: 1, provider });

/** Value of half-precision bits, by the definition of binary16. */
function halfValue(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

describe("half precision", () => {
  it("rounds whole numbers of 2^-10 down, whatever their sign", () => {
    const all = Array.from({ length: 0x10000 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);
    const values = Float64Array.from(all, halfValue).sort();
    const random = randomSource(1);
    const wholes = [
      0,
      1,
      -1,
      2047,
      2048,
      2049,
      4097,
      -2049,
      -4095,
      -4097,
      2 ** 24,
      -(2 ** 24),
      2 ** 24 - 1,
      1 - 2 ** 24,
    ];
    for (let i = 0; i < 3000; i++) wholes.push(Math.round((random() - 0.5) * 2 ** (1 + 24 * random())));
    for (const whole of wholes) {
      const value = whole / 1024;
      // Binary search for the last number that is not above.
      let [low, high] = [0, values.length];
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (values[middle] <= value) low = middle;
        else high = middle;
      }
      const bits = halfAtMost(whole);
      assert.equal(halfValue(bits) + 0, values[low] + 0, `${whole}`);
      assert.equal(halfInUnits(bits) + 0, values[low] * 1024 + 0, `${whole}`);
    }
    assert.deepEqual(
      [2 ** 31 - 1, -(2 ** 31)].map((whole) => halfValue(halfAtMost(whole))),
      [2 ** 15, -(2 ** 15)],
    );
    for (let code = -127; code <= 127; code++) assert.equal(halfValue(halfOfCode(code)) + 0, code / 32);
  });
});

/** Codes within the levels, many of them the largest, as bytes. */
function madeCodes(count: number, depth: number, seed: number): Uint8Array {
  const levels = exactLevels(depth);
  const random = randomSource(seed);
  const code = () => Math.max(-levels, Math.min(levels, Math.round((random() - 0.5) * 4 * levels)));
  return Uint8Array.from({ length: count * depth }, () => ZERO_POINT + code()).fill(ZERO_POINT + levels, 0, depth);
}

/** Columns one after the other, as the parts that a device takes. */
function partsOf(columns: Uint8Array, depth: number): ColumnParts {
  const width = STRIP / PARTS;
  return Array.from({ length: PARTS }, (_, part) => {
    const count = columns.length / depth / PARTS;
    const bytes = new Uint8Array(count * depth);
    for (let i = 0; i < count; i++) {
      const column = Math.floor(i / width) * STRIP + part * width + (i % width);
      bytes.set(columns.subarray(column * depth, (column + 1) * depth), i * depth);
    }
    return bytes;
  });
}

/** The largest product of each row with each strip, rows × strips. */
function naiveMaxima(rows: Uint8Array, columns: Uint8Array, depth: number): Int32Array {
  const [n, strips] = [rows.length / depth, columns.length / depth / STRIP];
  const maxima = new Int32Array(n * strips).fill(-(2 ** 31));
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < strips * STRIP; column++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) {
        sum += (rows[row * depth + k] - ZERO_POINT) * (columns[column * depth + k] - ZERO_POINT);
      }
      const at = row * strips + Math.floor(column / STRIP);
      maxima[at] = Math.max(maxima[at], sum);
    }
  }
  return maxima;
}

const listed = ({ length, strips, rows }: FoundStrips) => Array.from({ length }, (_, i) => [strips[i], rows[i]]);

describe(`products of codes on a device (${provider})`, () => {
  for (const depth of [64, 192, 1088]) {
    it(`find every strip that reaches its row's threshold, with codes of depth ${depth} up to the largest`, async () => {
      const levels = exactLevels(depth);
      assert.ok(depth * levels * levels <= 2 ** 24 && depth * (levels + 1) ** 2 > Math.min(2 ** 24, depth * 127 ** 2));
      const [n, strips] = [37, 6];
      const rows = madeCodes(n, depth, depth);
      const columns = madeCodes(strips * STRIP, depth, depth + 1);
      const maxima = naiveMaxima(rows, columns, depth);
      // The third largest of a row, one more than that, or what all or none of the products reach.
      const thresholds = Int32Array.from({ length: n }, (_, row) => {
        const third = maxima.slice(row * strips, (row + 1) * strips).sort()[strips - 3];
        return [third, third + 1, -(2 ** 31), 2 ** 31 - 1][row % 4];
      });
      for (const precision of ["half", "float"] as const) {
        // Not every device has half precision.
        if (precision === "half" && provider === "webgpu") continue;
        const product = await createDeviceProduct(device, { depth, precision, rows: 64 });
        const fixed = await product.fix(partsOf(columns, depth));
        for (const found of [
          await product.find(rows, thresholds, partsOf(columns, depth)),
          await fixed.find(rows, thresholds),
        ]) {
          const pairs = new Set(listed(found).map(String));
          assert.equal(pairs.size, found.length);
          let passed = 0;
          for (let row = 0; row < n; row++) {
            for (let strip = 0; strip < strips; strip++) {
              const maximum = maxima[row * strips + strip];
              const is = pairs.has(`${strip},${row}`);
              if (maximum >= thresholds[row]) assert.ok(is, `strip ${strip} of row ${row} is missing`);
              // The threshold is rounded down by less than a step, which is 2^14 at most, and a product by half of one.
              else if (is) assert.ok(precision === "half" && maximum > thresholds[row] - 1.5 * 2 ** 14, `${maximum}`);
              if (is) passed++;
            }
          }
          assert.ok(passed > n && passed < n * strips, `${passed}`);
          assert.deepEqual(
            listed(found),
            listed(found).sort(([s, r], [t, q]) => s - t || r - q),
          );
        }
        await fixed.release();
        await product.release();
      }
    });
  }

  it("pass the check where sums are exact, and not where one is off or partial sums are rounded", async () => {
    const product = await exactDeviceProduct(device, { depth: 128, columns: [GROUP], rows: 64 });
    await checkProduct(product, 128, GROUP);
    const offByOne = {
      ...product,
      sample: async (...args: Parameters<typeof product.sample>) => {
        const sample = Float32Array.from(await product.sample(...args), Number);
        // One more is another half-precision number too.
        sample[64 + 40] += product.precision === "half" ? 2 : 1;
        return sample;
      },
    };
    await assert.rejects(checkProduct(offByOne, 128, GROUP), /expected exact sums below 2\^24/);
    await product.release();
  });

  it("are those of float32 where the device has no half precision, or adds in it", async () => {
    const without: Engine = {
      async compile(model) {
        if (Buffer.from(model).includes(halfMark)) throw new Error("float16 is not there");
        return device.compile(model);
      },
    };
    const product = await exactDeviceProduct(without, { depth: 64, columns: [GROUP], rows: 64 });
    assert.equal(product.precision, "float");
    await product.release();
    const rounding: Engine = {
      async compile(model) {
        const kernel = await device.compile(model);
        return {
          ...kernel,
          async run(feeds) {
            const { sample, ...results } = await kernel.run(feeds);
            if (sample?.dtype !== "float16") return sample === undefined ? results : { sample };
            // As if the sum had been kept in half precision half-way, where the largest codes are far from 0.
            return { sample: { ...sample, data: Uint16Array.from(sample.data as Uint16Array, (bits) => bits ^ 3) } };
          },
        };
      },
    };
    const whole = await exactDeviceProduct(rounding, { depth: 64, columns: [GROUP], rows: 64 });
    assert.equal(whole.precision, "float");
    await whole.release();
  });
});

/** Bytes that only graphs in half precision hold: 2^-5, the factor of a code, as a constant. */
const halfMark = Buffer.from([0x74, 0x4a, 0x02, 0x00, 0x28]);

describe(`a join on a device (${provider})`, () => {
  const dim = 24;
  const threshold = 0.95;
  // Drivers in software take seconds for what a processor multiplies in milliseconds.
  const [count, cases] =
    provider === "cpu"
      ? [5000, [{ slabs: [1] }, { slabs: [4, 2], blocks: true }]]
      : [2500, [{ slabs: [2], blocks: true }]];
  const values = clusteredVectors({ count, dim, seed: 3, families: 0.3, noise: 0.5 });
  const vectors = arrayReader(values, dim);
  const order = Uint32Array.from({ length: vectors.count }, (_, i) => i);

  for (const { slabs, blocks = false } of cases) {
    const memory = blocks ? 0 : 1 << 30;
    it(`decides as a naive float64 scan does, with slabs of ${slabs} groups in ${blocks ? "many blocks" : "one block"}`, async () => {
      const judge = new Judge({ count: vectors.count, dim, threshold });
      const options = { vectors, order, threshold, engine, memory };
      const plan = await planCodes(options);
      const [local, host] = [new LocalHost(engine), new DeviceHost(device, slabs)];
      const room = { memory: 1 << 30, depth: plan.book.depth };
      const deal = dealGroups({ local, workers: [host], device: room, rows: order.length, dim, productNs: 1 });
      assert.deepEqual(deal.hosts, [host]);
      await joinByCodes(options, { plan, judge, deal });
      const { measured, ...result } = judge.result;
      assertSameNumbers(result, naiveJoin(values, dim, threshold, order), "join");
      assert.ok(measured < 1e6, `${measured} pairs measured`);
      await plan.release();
      await Promise.all([local.close(), host.close()]);
    });
  }

  it("chooses its codes by the device's speed", async () => {
    const some = arrayReader(clusteredVectors({ count: 2000, dim: 140, seed: 4, families: 0, noise: 1 }), 140);
    // So many vectors that no trial costs more than it can save.
    const vectors: VectorReader = {
      count: 1e6,
      dim: some.dim,
      gather: (positions, into) =>
        some.gather(
          Uint32Array.from(positions, (position) => position % some.count),
          into,
        ),
    };
    const order = Uint32Array.from({ length: vectors.count }, (_, i) => i);
    const depthOf = async (ns: number) => {
      const plan = await planCodes({ vectors, order, threshold: 0.35, engine, pairNs: async (depth) => ns * depth });
      await plan.release();
      return plan.book.depth;
    };
    assert.deepEqual([await depthOf(1e6), await depthOf(1e-9)], [128, 192]);
  });

  it("has a speed, which its host tells before it opens", async () => {
    const host = new DeviceHost(device);
    const ns = await host.pairNs(64);
    assert.ok(ns > 0 && Number.isFinite(ns), `${ns}`);
    await host.close();
  });
});
