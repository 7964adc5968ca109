import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { PageData } from "../../src/report/page/data.js";
import { binCosines, lengthClasses, thresholdCurve } from "../../src/report/page/figures.js";
import { packPage, unpackPage } from "../../src/report/page/pack.js";
import { placeInPlane, principalPlane } from "../../src/report/page/principal.js";

describe("the data of a page", () => {
  it("come out as they went in, whatever the numbers and texts", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary" })),
        fc.uint8Array(),
        fc.uint16Array(),
        fc.uint32Array(),
        fc.float32Array(),
        (texts, u8, u16, u32, f32) => {
          const data = {
            facts: { folder: texts.join() },
            columns: { u8, u16, u32, f32 },
            texts,
          } as unknown as PageData;
          const back = unpackPage(packPage(data));
          assert.deepEqual(back.columns, data.columns);
          assert.deepEqual(back.texts, texts);
          assert.deepEqual(back.facts, data.facts);
        },
      ),
    );
  });

  it("keep the length of a text with half a character", () => {
    const data = { facts: {}, columns: {}, texts: ["a\ud800b", "\udc00", "\ufeffc"] } as unknown as PageData;
    assert.deepEqual(unpackPage(packPage(data)).texts, ["a\ufffdb", "\ufffd", "\ufeffc"]);
  });

  it("that end too early are refused", () => {
    const packed = packPage({ facts: {}, columns: {}, texts: ["text"] } as unknown as PageData);
    assert.throws(() => unpackPage(packed.subarray(0, packed.length - 1)), /the data end at byte/);
  });
});

describe("figures of a page", () => {
  it("count every cosine once, one on a border in the bin above it", () => {
    const bins = binCosines(Float32Array.of(0.9, 0.905, 0.91, 0.999, 1, 1.0000001), 0.9, 1);
    assert.equal(bins.counts.length, 10);
    assert.deepEqual(bins.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 3]);
  });

  it("have bins where the threshold is 1", () => {
    assert.deepEqual(
      binCosines(Float32Array.of(1), 1, 1).counts.reduce((sum, count) => sum + count, 0),
      1,
    );
  });

  it("class texts by length without empty ends", () => {
    const lengths = lengthClasses();
    for (const length of [12, 19, 20, 60]) lengths.add("kept", length);
    lengths.add("removed", 30);
    assert.deepEqual(
      lengths.classes().map(({ from, to, kept, removed }) => [from, to, kept, removed]),
      [
        [10, 20, 2, 0],
        [20, 30, 1, 0],
        [30, 50, 0, 1],
        [50, 100, 1, 0],
      ],
    );
  });

  it("say how many pairs fall below a higher threshold, and what share of the sample lies above a lower one", () => {
    const curve = thresholdCurve({
      threshold: 0.9,
      kept: 1000,
      semantic: Float32Array.of(0.901, 0.905, 0.925, 0.99),
      nearest: Float32Array.from({ length: 100 }, (_, i) => (i < 10 ? 0.885 : 0.5)),
    });
    const at = (threshold: number) => curve.find((point) => point.threshold === threshold);
    assert.equal(at(0.9)?.kept, 1000);
    assert.equal(at(0.91)?.kept, 1002);
    assert.equal(at(0.93)?.kept, 1003);
    assert.equal(at(1)?.kept, 1004);
    assert.equal(at(0.89)?.kept, 1000);
    assert.equal(at(0.88)?.kept, 900);
    // Wilson's interval of 10 of 100, as published tables have it: 5.5 % to 17.4 %.
    assert.equal(at(0.88)?.high, 945);
    assert.equal(at(0.88)?.low, 826);
    assert.equal(at(0.5), undefined);
  });
});

describe("the plane of the principal components", () => {
  it("is that of the two widest axes of a cloud", () => {
    const [count, dim] = [200, 5];
    const sample = new Float32Array(count * dim);
    for (let i = 0; i < count; i++) {
      sample[i * dim + 3] = 4 * Math.sin(i * 12.9898);
      sample[i * dim + 1] = 2 * Math.sin(i * 78.233) + 7;
      sample[i * dim] = 0.1 * Math.sin(i * 37.719);
    }
    const { axes } = principalPlane(sample, dim);
    assert.ok(Math.abs(axes[0][3]) > 0.99);
    assert.ok(Math.abs(axes[1][1]) > 0.99);
    const [x] = placeInPlane(principalPlane(sample, dim), sample, 0);
    assert.ok(Number.isFinite(x));
  });

  it("is a point where all vectors are equal", () => {
    const sample = Float32Array.from({ length: 12 }, (_, i) => i % 3);
    assert.deepEqual(placeInPlane(principalPlane(sample, 3), sample, 3), [0, 0]);
  });
});
