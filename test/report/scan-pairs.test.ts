import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createScoreProduct } from "../../src/join/codes/tile-product.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { seededRandom } from "../../src/random.js";
import { BandSample, MarginPairs, NearestVectors, RemovalCurve } from "../../src/report/calibrate/pair-visitors.js";
import { type PairVisitor, scanPairs } from "../../src/report/calibrate/scan-pairs.js";
import { arrayReader } from "../../src/vectors/array.js";
import { naiveJoin } from "../join/oracle.js";
import { clusteredVectors } from "../join/vectors.js";

// More than one tile of columns, and of rows.
const count = 2600;
const dim = 24;
const values = clusteredVectors({ count, dim, seed: 3, families: 0.3, noise: 0.25 });
const vectors = arrayReader(values, dim);
const all = Uint32Array.from({ length: count }, (_, i) => i);
const some = all.filter((i) => i % 17 === 3);
const thresholds = [0.6, 0.8, 0.9, 0.97];

/** The float64 cosine, by a plain loop. */
function cosineOf(a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += values[a * dim + i] * values[b * dim + i];
  return sum;
}

async function scan(rows: Uint32Array, earlierOnly: boolean, ...visitors: PairVisitor[]): Promise<void> {
  const product = await createScoreProduct(createOrtEngine({ threads: 1 }), dim);
  await scanPairs({ vectors, rows, earlierOnly, visitors, product });
  await product.release();
}

describe("the scan of pairs", () => {
  it("removes at each threshold as many vectors as a naive join", async () => {
    const curve = new RemovalCurve(count, thresholds);
    await scan(all, true, curve);
    const expected = thresholds.map(
      (threshold) => naiveJoin(values, dim, threshold, all).keptBy.filter((k) => k >= 0).length,
    );
    assert.deepEqual(curve.removed, expected);
    assert.ok(expected[0] > expected[3] && expected[3] > 0, String(expected));
  });

  it("finds the nearest vector of each row, and the nearest before it", async () => {
    const nearest = new NearestVectors(some);
    await scan(some, false, nearest);
    for (const [i, row] of some.entries()) {
      const cosines = Array.from(all, (column) => (column === row ? -1 : cosineOf(row, column)));
      assert.equal(nearest.nearest[i], Math.max(...cosines));
      assert.equal(nearest.earlier[i], Math.max(...cosines.slice(0, row)));
      assert.equal(cosines[nearest.position[i]], nearest.nearest[i]);
    }
  });

  it("counts the pairs of each band, and draws pairs of the band", async () => {
    const bands = [
      { from: 0.5, to: 0.7 },
      { from: 0.9, to: 1.1 },
    ];
    for (const [rows, earlierOnly] of [
      [all, true],
      [some, false],
    ] as const) {
      const sample = new BandSample({ rows, bands, each: 5, random: seededRandom(1) });
      await scan(rows, earlierOnly, sample);
      const isRow = new Set(rows);
      const expected = bands.map(() => 0);
      for (let a = 0; a < count; a++) {
        for (let b = 0; b < a; b++) {
          if (!isRow.has(a) && !isRow.has(b)) continue;
          const band = bands.findIndex(({ from, to }) => cosineOf(a, b) >= from && cosineOf(a, b) < to);
          if (band >= 0) expected[band]++;
        }
      }
      assert.deepEqual(sample.counts, expected);
      for (const [i, { from, to }] of bands.entries()) {
        assert.equal(sample.pairs[i].length, 5);
        for (const { a, b, cosine } of sample.pairs[i]) {
          assert.ok(a < b && cosine === cosineOf(a, b) && cosine >= from && cosine < to);
        }
      }
    }
  });

  it("finds the pairs nearest to each threshold", async () => {
    const margins = new MarginPairs({ rows: all, thresholds, each: 1 });
    await scan(all, true, margins);
    for (const [i, threshold] of thresholds.entries()) {
      let least = Number.POSITIVE_INFINITY;
      for (let a = 0; a < count; a++) {
        for (let b = 0; b < a; b++) {
          const cosine = cosineOf(a, b);
          if (cosine >= thresholds[0]) least = Math.min(least, Math.abs(cosine - threshold));
        }
      }
      const [{ a, b, cosine }] = margins.pairs[i];
      assert.equal(cosine, cosineOf(a, b));
      assert.equal(Math.abs(cosine - threshold), least);
    }
  });
});
