import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { type KeptTable, type RemovedTable, verifyCertificates } from "../../src/proofs/certificates.js";
import { verifyIndependence } from "../../src/proofs/independence.js";
import { cosine } from "../../src/vectors/cosine.js";
import { arrayReader, clusteredVectors, normaliseRows } from "../join/vectors.js";

const engine = createOrtEngine({ threads: 1 });
const range = (count: number) => Float64Array.from({ length: count }, (_, i) => i);

/** A table of kept rows, each with a text and a vector of its own. */
function keptTable(count: number, signatures?: BigUint64Array): KeptTable {
  const texts = BigUint64Array.from({ length: count }, (_, i) => BigInt(i));
  return {
    rows: range(count),
    vectors: range(count),
    groupSizes: range(count).fill(1),
    texts,
    forms: texts,
    signatures,
  };
}

async function scan(options: {
  values: Float32Array;
  dim: number;
  threshold: number;
  memory?: number;
  kept?: KeptTable;
}) {
  const { values, dim, threshold, memory = 1 << 26 } = options;
  const vectors = arrayReader(values, dim);
  const kept = options.kept ?? keptTable(vectors.count);
  const progress: number[] = [];
  const onProgress = (rows: number) => void progress.push(rows);
  const result = await verifyIndependence({ vectors, threshold, engine, memory, kept, onProgress });
  return { ...result, progress };
}

describe("the independence scan", () => {
  it("passes where no pair reaches the threshold, fails at the first that does, at exactly its cosine too", async () => {
    const dim = 24;
    const count = 2500;
    const values = clusteredVectors({ count, dim, seed: 3, families: 0.1, noise: 0.3 });
    let highest = 0;
    let pair = [0, 0];
    for (let a = 0; a < count; a++) {
      for (let b = a + 1; b < count; b++) {
        const similarity = cosine(values, a * dim, values, b * dim, dim);
        if (similarity > highest) {
          highest = similarity;
          pair = [a, b];
        }
      }
    }
    // Memory for one slab of many, for all, and the smallest that there is.
    for (const memory of [1 << 26, 1024 * dim * 4, 1]) {
      const above = await scan({ values, dim, threshold: highest + 2 ** -52, memory });
      assert.equal(above.violation, undefined);
      assert.equal(above.pairs, (count * (count - 1)) / 2, "every pair is looked at once");
      const at = await scan({ values, dim, threshold: highest, memory });
      assert.equal(
        at.violation,
        `rows ${pair[0]} and ${pair[1]} are both kept, but their cosine is ${highest}, at or above the threshold ${highest}`,
      );
    }
  });

  it("lets a guard's signatures keep a pair, skips rows without a vector", async () => {
    const values = normaliseRows(Float32Array.of(1, 0, 1, 0, 0, 1), 2);
    const threshold = 0.9;
    assert.match((await scan({ values, dim: 2, threshold })).violation ?? "", /^rows 0 and 1 are both kept/);
    const apart = keptTable(3, BigUint64Array.of(1n, 2n, 1n));
    assert.equal((await scan({ values, dim: 2, threshold, kept: apart })).violation, undefined);
    const without = { ...keptTable(3), vectors: Float64Array.of(-1, 1, 2) };
    const { violation, pairs } = await scan({ values, dim: 2, threshold, kept: without });
    assert.deepEqual([violation, pairs], [undefined, 1]);
  });

  it("finds a vector outside the store and one that is not of unit length", async () => {
    const values = normaliseRows(Float32Array.of(1, 0, 0, 1), 2);
    const outside = { ...keptTable(2), vectors: Float64Array.of(0, 2) };
    assert.equal((await scan({ values, dim: 2, threshold: 0.9, kept: outside })).violation, "row 1 has vector 2 of 2");
    for (const bad of [0.5, 1.001, Number.NaN, Number.POSITIVE_INFINITY]) {
      const { violation } = await scan({ values: Float32Array.of(1, 0, 0, bad), dim: 2, threshold: 0.9 });
      assert.match(violation ?? "", /the vector of row 1 has not length 1/);
    }
  });

  it("has nothing to say of no row and of one", async () => {
    assert.deepEqual(await scan({ values: new Float32Array(0), dim: 2, threshold: 0.9 }), { pairs: 0, progress: [] });
    assert.equal((await scan({ values: Float32Array.of(1, 0), dim: 2, threshold: 0.9 })).pairs, 0);
  });
});

describe("the certificates", () => {
  const dim = 2;
  // Rows 0 and 1 are kept; 2 equals 0, 3 equals 0 in normal form, 4 is near 1.
  const values = normaliseRows(Float32Array.of(1, 0, 0, 1, 0.3, 1), dim);
  const similarity = cosine(values, 2, values, 4, dim);
  const kept: KeptTable = {
    rows: Float64Array.of(0, 1),
    vectors: Float64Array.of(0, 1),
    groupSizes: Float64Array.of(3, 2),
    texts: BigUint64Array.of(10n, 11n),
    forms: BigUint64Array.of(20n, 21n),
  };
  const removed: RemovedTable = {
    rows: Float64Array.of(2, 3, 4),
    vectors: Float64Array.of(0, 0, 2),
    keptRows: Float64Array.of(0, 0, 1),
    similarity: Float64Array.of(1, 1, Math.fround(similarity)),
    reasons: ["exact", "normalized", "semantic"],
    texts: BigUint64Array.of(10n, 12n, 13n),
    forms: BigUint64Array.of(20n, 20n, 22n),
  };
  const prove = (changes: {
    kept?: Partial<KeptTable>;
    removed?: Partial<RemovedTable>;
    threshold?: number;
    memory?: number;
  }) =>
    verifyCertificates({
      vectors: arrayReader(values, dim),
      threshold: changes.threshold ?? similarity,
      memory: changes.memory ?? 1 << 20,
      kept: { ...kept, ...changes.kept },
      removed: { ...removed, ...changes.removed },
    });

  it("hold for equal texts, equal forms and a cosine of exactly the threshold", async () => {
    assert.equal(await prove({}), undefined);
    assert.equal(await prove({ memory: 1 }), undefined);
  });

  it("fail with the row and what is wrong with it", async () => {
    const cases: [changes: Parameters<typeof prove>[0], message: RegExp][] = [
      [{ removed: { keptRows: Float64Array.of(0, 2, 1) } }, /^row 3 was removed for row 2, which is not a kept row$/],
      [
        { removed: { texts: BigUint64Array.of(9n, 12n, 13n) } },
        /^row 2 was removed as exact for row 0, but their texts/,
      ],
      [{ removed: { forms: BigUint64Array.of(20n, 9n, 22n) } }, /^row 3 .* differ after normalisation$/],
      [{ removed: { reasons: ["exact", "normalized", "else"] } }, /^row 4 was removed for the unknown reason else$/],
      [{ removed: { vectors: Float64Array.of(0, 0, 3) } }, /^row 4 .* has no vector in the store$/],
      [{ kept: { vectors: Float64Array.of(0, -1) } }, /^row 4 .* has no vector in the store$/],
      [{ kept: { groupSizes: Float64Array.of(3, 1) } }, /^row 1 has _group_size 1, but 2 rows belong to it$/],
      [
        { threshold: similarity + 2 ** -52 },
        /^row 4 was removed for row 1, but their cosine is .*, below the threshold/,
      ],
      [
        { removed: { similarity: Float64Array.of(1, 1, 0.5) } },
        /^row 4 was removed for row 1 with _similarity 0\.5, but/,
      ],
    ];
    for (const [changes, message] of cases) assert.match((await prove(changes)) ?? "none", message);
  });

  it("of equal texts the similarity is 1", async () => {
    assert.match(
      (await prove({ removed: { similarity: Float64Array.of(0.5, 1, Math.fround(similarity)) } })) ?? "none",
      /^row 2 .* _similarity 0\.5/,
    );
  });

  it("measure thousands of pairs in chunks of little memory as in one", async () => {
    const count = 3000;
    const vectors = clusteredVectors({ count: count + 1, dim: 8, seed: 5, families: 1, noise: 0.01 });
    const rows = Float64Array.from({ length: count }, (_, i) => i + 1);
    const dots = Float64Array.from(rows, (row) => cosine(vectors, 0, vectors, row * 8, 8));
    const lowest = dots.reduce((a, b) => Math.min(a, b));
    const at = dots.indexOf(lowest) + 1;
    const none = new BigUint64Array(count);
    const tables = {
      kept: { ...keptTable(1), groupSizes: Float64Array.of(count + 1) },
      removed: {
        rows,
        vectors: rows,
        keptRows: new Float64Array(count),
        similarity: dots.map(Math.fround),
        reasons: Array.from({ length: count }, () => "semantic"),
        texts: none,
        forms: none,
      },
    };
    for (const memory of [1 << 20, 8 * 4 * 700, 1]) {
      const options = { vectors: arrayReader(vectors, 8), memory, ...tables };
      assert.equal(await verifyCertificates({ ...options, threshold: lowest }), undefined);
      assert.match(
        (await verifyCertificates({ ...options, threshold: lowest + 2 ** -52 })) ?? "",
        RegExp(`^row ${at} `),
      );
    }
  });
});
