import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { verifyApart } from "../../src/proofs/apart.js";
import { measurePairs } from "../../src/proofs/pairs.js";
import { arrayReader } from "../../src/vectors/array.js";
import { clusteredVectors } from "../join/vectors.js";

const dim = 32;
const engine = createOrtEngine({ threads: 1 });
const all = clusteredVectors({ count: 2600, dim, seed: 3, families: 0.3, noise: 0.2 });
const [own, others] = [all.slice(0, 1300 * dim), all.slice(1300 * dim)];

function dot(a: Float32Array, i: number, b: Float32Array, j: number): number {
  let sum = 0;
  for (let c = 0; c < dim; c++) sum += a[i * dim + c] * b[j * dim + c];
  return sum;
}

/** The largest cosine of a pair that `counts`. */
function largest(counts: (i: number, j: number) => boolean): number {
  let most = -1;
  for (let i = 0; i < 1300; i++) {
    for (let j = 0; j < 1300; j++) if (counts(i, j)) most = Math.max(most, dot(own, i, others, j));
  }
  return most;
}

describe("kept rows against those of a reference", () => {
  const rows = Array.from({ length: 1300 }, (_, i) => 2 * i);
  const placed = (values: Float32Array, positions: number[], signatures?: BigUint64Array) => ({
    vectors: arrayReader(values, dim),
    rows,
    positions,
    signatures,
  });
  const verify = (threshold: number, signed: boolean, memory: number, positions = rows.map((_, i) => i)) =>
    verifyApart({
      kept: placed(own, positions, signed ? BigUint64Array.from(rows, (_, i) => BigInt(i % 2)) : undefined),
      reference: placed(
        others,
        rows.map((_, i) => i),
        signed ? BigUint64Array.from(rows, (_, i) => BigInt(i % 2)) : undefined,
      ),
      name: "night-1",
      threshold,
      engine,
      memory,
      onProgress() {},
    });

  it("are a violation exactly where a brute-force scan finds a pair at the threshold, with and without guards", async () => {
    for (const signed of [false, true]) {
      const most = largest((i, j) => !signed || i % 2 === j % 2);
      for (const memory of [1, 1 << 30]) {
        const found = await verify(most, signed, memory);
        assert.match(found.violation ?? "", new RegExp(`is kept, but its cosine with row \\d+ of night-1 is ${most}`));
        const above = await verify(most + 1e-12, signed, memory);
        assert.deepEqual(above, { pairs: 1300 * 1300 });
      }
    }
  });

  it("without a vector are compared with nothing", async () => {
    const none = await verify(
      0.1,
      false,
      1,
      rows.map(() => -1),
    );
    assert.deepEqual(none, { pairs: 0 });
  });

  it("have the cosine that is recorded, or the first other one is named", async () => {
    const cosine = dot(own, 7, others, 9);
    const pair = { row: 70, vector: 7, keptRow: 90, keptVector: 9, similarity: Math.fround(cosine) };
    const measure = (threshold: number, similarity = pair.similarity) =>
      measurePairs({
        pairs: [{ removed: 0, kept: 0 }],
        removed: { rows: [pair.row], vectors: [pair.vector], similarity: [similarity] },
        kept: { rows: [pair.keptRow], vectors: [pair.keptVector] },
        vectors: arrayReader(own, dim),
        keptVectors: arrayReader(others, dim),
        place: " of night-1",
        threshold,
        memory: 1,
      });
    assert.equal(await measure(cosine), undefined);
    assert.match(
      (await measure(cosine + 1e-12)) ?? "",
      /row 70 was removed for row 90 of night-1, but their cosine is /,
    );
    assert.match((await measure(cosine, 0.5)) ?? "", /with _similarity 0.5, but their cosine is /);
  });
});
