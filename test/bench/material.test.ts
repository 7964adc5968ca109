import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { normaliseRows, randomSource } from "../join/vectors.js";
import { resampled } from "./material/neural.js";
import { recombinedTexts, sourceTitles, templatedTexts } from "./material/short-texts.js";
import { BENCHMARKS, BY_HAND } from "./table/catalogue.js";
import { fittedExponent } from "./table/fit.js";
import { ROOT } from "./table/root.js";

/** Vectors with a mean and one strong axis, as those of a model have. */
function someVectors(count: number, dim: number): Float32Array {
  const random = randomSource(1);
  const values = Float32Array.from({ length: count * dim }, (_, at) => {
    const spread = at % dim === 1 ? 3 : 1;
    return (at % dim === 0 ? 4 : 0) + spread * (random() + random() - 1);
  });
  return normaliseRows(values, dim);
}

/** Mean of each component, and of its square. */
function momentsOf(values: Float32Array, dim: number): number[] {
  const moments = new Array(2 * dim).fill(0);
  const count = values.length / dim;
  for (const [at, value] of values.entries()) {
    moments[at % dim] += value / count;
    moments[dim + (at % dim)] += value ** 2 / count;
  }
  return moments;
}

describe("the material of the benchmarks", () => {
  it("has resampled vectors of unit length with the mean and the variances of the real ones", () => {
    const dim = 16;
    const real = someVectors(2000, dim);
    const made = Float32Array.from([...resampled(real, { rows: 4000, seed: 1, dim })].flatMap((batch) => [...batch]));
    assert.equal(made.length, 4000 * dim);
    const expected = momentsOf(real, dim);
    for (const [i, moment] of momentsOf(made, dim).entries()) {
      assert.ok(Math.abs(moment - expected[i]) < 0.02, `moment ${i}: ${moment}, real ${expected[i]}`);
    }
    for (let at = 0; at < made.length; at += dim) {
      assert.ok(Math.abs(Math.hypot(...made.subarray(at, at + dim)) - 1) < 1e-6);
    }
    const again = resampled(real, { rows: 4000, seed: 1, dim }).next().value as Float32Array;
    assert.deepEqual(again, made.subarray(0, again.length));
  });

  it("recombines texts with the share of copies of real titles, the same ones each time", () => {
    const titles = sourceTitles(undefined);
    const texts = [...recombinedTexts(titles, { rows: 20_000, seed: 1 })];
    assert.deepEqual(texts.slice(0, 100), [...recombinedTexts(titles, { rows: 100, seed: 1 })]);
    const distinct = new Set(texts).size;
    // 6.8 % are planted; few texts give few halves, so that some meet by chance.
    assert.ok(distinct < 0.935 * texts.length && distinct > 0.75 * texts.length, `${distinct} distinct texts`);
  });

  it("has distinct templated texts", () => {
    const texts = templatedTexts(1000, 1);
    assert.equal(new Set(texts).size, 1000);
    assert.match(texts[0], /^row number \d+ of the customer table \d+$/);
  });

  it("fits the exponent of a power exactly", () => {
    assert.ok(Math.abs(fittedExponent([1, 2, 4, 7].map((x) => [x, 3 * x ** 1.7])) - 1.7) < 1e-12);
  });

  it("is listed by npm run bench: every script that records a table", () => {
    const folder = join(ROOT, "test/bench");
    const recording = readdirSync(folder).filter(
      (file) => /^[a-z-]+\.ts$/.test(file) && readFileSync(join(folder, file), "utf8").includes("await openTable("),
    );
    const listed = [...BENCHMARKS.map(({ name }) => name), ...Object.keys(BY_HAND)];
    assert.deepEqual(listed.map((name) => `${name}.ts`).sort(), recording.sort());
  });
});
