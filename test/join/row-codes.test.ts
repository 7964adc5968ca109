import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Basis, createBasisLearner } from "../../src/join/codes/basis.js";
import { type CodeBook, fitCodeBook, ZERO_POINT } from "../../src/join/codes/code-book.js";
import { allOf, ColumnCodes } from "../../src/join/codes/column-codes.js";
import { allocateCodes, createProjection, encodeRows, rowThreshold } from "../../src/join/codes/row-codes.js";
import { PANEL } from "../../src/join/codes/tile-product.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { adversarialSets, clusteredVectors, randomSource } from "./vectors.js";

const engine = createOrtEngine({ threads: 1 });

async function learnBasis(sample: Float32Array, dim: number, size: number): Promise<Basis> {
  const learner = await createBasisLearner(engine, sample, dim);
  const basis = await learner.basisOf(await learner.learn(size), size);
  await learner.release();
  return basis;
}

/** Learns from `sample`, codes `values`, and compares the bound of every pair with its cosine; returns the mean excess. */
async function checkBounds(options: {
  sample: Float32Array;
  values: Float32Array;
  dim: number;
  size: number;
  levels: number;
}): Promise<number> {
  const { sample, values, dim, size, levels } = options;
  const basis = await learnBasis(sample, dim, size);
  const projection = await createProjection(engine, basis, dim);
  const book: CodeBook = fitCodeBook({ basis, dim, levels, coordinates: await projection.project(sample) });
  const { depth } = book;
  const count = values.length / dim;
  const codes = allocateCodes(book, count);
  encodeRows(book, await projection.project(values), count, codes, 0);
  await projection.release();
  const columns = new ColumnCodes();
  columns.append(book, codes, allOf(count));
  const { data } = columns.panels(depth);
  assert.ok(
    data.every((q) => Math.abs(q) <= levels),
    "column codes stay within the levels",
  );
  assert.ok(
    codes.bytes.every((q) => Math.abs(q - ZERO_POINT) <= levels),
    "row codes stay within the levels",
  );
  let excess = 0;
  for (let r = 0; r < count; r++) {
    for (let c = 0; c < count; c++) {
      let exact = 0;
      for (let i = 0; i < dim; i++) exact += values[r * dim + i] * values[c * dim + i];
      let product = 0;
      const panel = Math.floor(c / PANEL) * depth * PANEL;
      for (let k = 0; k < depth; k++) {
        product += (codes.bytes[r * depth + k] - ZERO_POINT) * data[panel + k * PANEL + (c % PANEL)];
      }
      // A threshold equal to the cosine must let the pair through.
      const least = rowThreshold(book, codes, r, columns.bounds, exact);
      assert.ok(product >= least, `pair ${r}, ${c} of cosine ${exact}: product ${product} below ${least}`);
      // The threshold moves by one unit for each scale² of cosine, so this is how far the bound lies above the cosine.
      excess += ((product - least) * book.scale ** 2) / count ** 2;
    }
  }
  return excess;
}

describe("the bound of integer codes is never below the cosine", () => {
  for (const { name, values, dim } of adversarialSets()) {
    for (const levels of [127, 79]) {
      it(`for ${name} in ${levels} levels`, async () => {
        for (const size of new Set([Math.min(24, dim), Math.min(56, dim), dim])) {
          await checkBounds({ sample: values, values, dim, size, levels });
        }
      });
    }
  }

  it("for vectors quite unlike the sample, which are clipped and overflow the digits", async () => {
    const sample = clusteredVectors({ count: 300, dim: 96, seed: 1, families: 1, noise: 0.01 });
    const values = clusteredVectors({ count: 120, dim: 96, seed: 2, families: 0, noise: 0 });
    await checkBounds({ sample, values, dim: 96, size: 56, levels: 127 });
  });

  it("for codes at the edges between two levels", async () => {
    const random = randomSource(5);
    const sample = clusteredVectors({ count: 200, dim: 40, seed: 3, families: 0, noise: 0 });
    const basis = await learnBasis(sample, 40, 40);
    const projection = await createProjection(engine, basis, 40);
    const coordinates = await projection.project(sample);
    const book = fitCodeBook({ basis, dim: 40, levels: 127, coordinates });
    await projection.release();
    // Coordinates half way between levels, taken back to vectors; too long ones are shortened.
    const values = new Float32Array(100 * 40);
    for (let row = 0; row < 100; row++) {
      const u = Float64Array.from(
        { length: 40 },
        (_, i) => book.centre[i] + book.scale * (Math.floor(random() * 60 - 30) + 0.5),
      );
      const length = Math.hypot(...u);
      for (let i = 0; i < 40; i++) {
        let sum = 0;
        for (let k = 0; k < 40; k++) sum += (basis.directions[i * 40 + k] * u[k]) / Math.max(1, length);
        values[row * 40 + i] = sum;
      }
    }
    await checkBounds({ sample, values, dim: 40, size: 40, levels: 127 });
  });

  it("and close to it where the codes hold every component", async () => {
    const values = clusteredVectors({ count: 150, dim: 100, seed: 4, families: 0.5, noise: 0.3 });
    const excess = await checkBounds({ sample: values, values, dim: 100, size: 100, levels: 127 });
    assert.ok(excess > 0 && excess < 0.03, `the mean excess is ${excess}`);
  });
});

describe("a learnt basis", () => {
  it("is nearly orthonormal, says by how much it is not, and holds most of the energy", async () => {
    const dim = 80;
    const values = clusteredVectors({ count: 500, dim, seed: 6, families: 0, noise: 0 });
    // Half of the components are made small.
    for (let i = 0; i < values.length; i++) if (i % 2 === 0) values[i] *= 0.01;
    const { directions, size, defect } = await learnBasis(values, dim, 40);
    assert.equal(size, 40);
    let squares = 0;
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) {
        let dot = a === b ? -1 : 0;
        for (let i = 0; i < dim; i++) dot += directions[i * size + a] * directions[i * size + b];
        squares += dot * dot;
      }
    }
    assert.ok(Math.sqrt(squares) <= defect && defect < 1e-4, `defect ${defect}, measured ${Math.sqrt(squares)}`);
    let inside = 0;
    let total = 0;
    for (let row = 0; row < 500; row++) {
      for (let k = 0; k < size; k++) {
        let dot = 0;
        for (let i = 0; i < dim; i++) dot += values[row * dim + i] * directions[i * size + k];
        inside += dot * dot;
      }
      for (let i = 0; i < dim; i++) total += values[row * dim + i] ** 2;
    }
    assert.ok(inside > 0.999 * total, `${inside} of ${total}`);
  });

  it("is as good when it was learnt in parts, and its first directions hold most", async () => {
    const dim = 60;
    const values = clusteredVectors({ count: 400, dim, seed: 8, families: 0.5, noise: 0.4 });
    for (let i = 0; i < values.length; i++) values[i] *= 0.9 ** (i % dim);
    const learner = await createBasisLearner(engine, values, dim);
    const whole = await learner.learn(40);
    const parts = await learner.learn(40, await learner.learn(12));
    assert.deepEqual([whole.size, parts.size], [40, 40]);
    const energies: number[] = [];
    for (const directions of [whole, parts]) {
      for (const size of [12, 25, 40]) {
        const basis = await learner.basisOf(directions, size);
        assert.ok(basis.defect < 1e-4, `defect ${basis.defect}`);
        let inside = 0;
        for (let row = 0; row < 400; row++) {
          for (let k = 0; k < size; k++) {
            let dot = 0;
            for (let i = 0; i < dim; i++) dot += values[row * dim + i] * basis.directions[i * size + k];
            inside += dot * dot;
          }
        }
        energies.push(inside);
      }
    }
    // Rows of the sample times the components that were not made small: the best that any directions can hold.
    const total = values.reduce((sum, value) => sum + value * value, 0);
    for (const [i, least] of [0.75, 0.95, 0.998].entries()) {
      assert.ok(energies[i] > least * total, `${energies[i]} of ${total} in one go`);
      assert.ok(energies[i + 3] > 0.99 * energies[i], `${energies[i + 3]} in parts, ${energies[i]} in one go`);
    }
    await learner.release();
  });

  it("has no more directions than the sample", async () => {
    const values = clusteredVectors({ count: 5, dim: 64, seed: 7, families: 0, noise: 0 });
    const { size } = await learnBasis(values, 64, 32);
    assert.ok(size >= 5 && size <= 8, `${size} directions from 5 vectors`);
    assert.equal((await learnBasis(new Float32Array(640), 64, 32)).size, 0);
  });
});
