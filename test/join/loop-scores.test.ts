import assert from "node:assert/strict";
import { it } from "node:test";
import { areFewScores, loopScores } from "../../src/join/codes/loop-scores.js";
import { createScoreProduct } from "../../src/join/codes/tile-product.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { seededRandom } from "../../src/random.js";
import { float32DotError } from "../../src/vectors/cosine.js";

/** `count` unit vectors of `dim` components. */
function unitVectors(count: number, dim: number, random: () => number): Float32Array {
  const values = new Float32Array(count * dim);
  for (let row = 0; row < count; row++) {
    const raw = Array.from({ length: dim }, () => random() - 0.5);
    const norm = Math.hypot(...raw);
    for (let i = 0; i < dim; i++) values[row * dim + i] = raw[i] / norm;
  }
  return values;
}

it("scores by loops are those of the engine, within the error of a float32 dot product, for any number of components", async () => {
  const random = seededRandom(7);
  for (const dim of [1, 3, 4, 6, 256, 1027]) {
    const [rows, columns] = [unitVectors(5, dim, random), unitVectors(9, dim, random)];
    const product = await createScoreProduct(createOrtEngine({ threads: 1 }), dim);
    const expected = await product.scores(rows, columns);
    const scores = await loopScores(dim).scores(rows, columns);
    await product.release();
    assert.equal(scores.length, 45);
    for (const [at, score] of scores.entries()) {
      assert.ok(Math.abs(score - expected[at]) <= 2 * float32DotError(dim), `${dim} components, score ${at}`);
      const [r, c] = [Math.floor(at / 9), at % 9];
      let exact = 0;
      for (let i = 0; i < dim; i++) exact += rows[r * dim + i] * columns[c * dim + i];
      assert.ok(Math.abs(score - exact) <= float32DotError(dim), `${dim} components, score ${at}`);
    }
  }
});

it("few scores are those of a few hundred vectors", () => {
  assert.ok(areFewScores(270 * 270, 256));
  assert.ok(!areFewScores(290 * 290, 256));
});
