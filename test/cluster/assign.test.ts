import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Assigner, createAssigner } from "../../src/cluster/assign/assigner.js";
import { squaredDistance } from "../../src/cluster/assign/distance.js";
import { createSums, type Totals } from "../../src/cluster/sums.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { arrayVectors, everyRow, naiveAssign, normals, randomVectors } from "./oracle.js";

const engine = createOrtEngine({ threads: 1 });

/** An assigner of `rows` rows, of which `bounded` keep their bounds. */
function open(size: {
  dim: number;
  k: number;
  tileRows: number;
  rows: number;
  bounded?: number;
  weights?: Uint32Array;
}) {
  const { rows, bounded = rows } = size;
  return createAssigner({ ...size, engine, bounded, positions: everyRow(rows), totalWeight: 3 * rows });
}

async function assignAll(data: Float32Array, centroids: Float32Array, dim: number, tileRows: number) {
  const rows = data.length / dim;
  const assigner = await open({ dim, k: centroids.length / dim, tileRows, rows });
  await pass(assigner, data, centroids, tileRows);
  await assigner.release();
  return [...assigner.assignment];
}

/** Assigns all rows, tile by tile, and measures their distances. */
async function pass(assigner: Assigner, data: Float32Array, centroids: Float32Array, tileRows: number) {
  const rows = assigner.assignment.length;
  const dim = data.length / rows;
  const squared = new Float64Array(rows);
  assigner.use(centroids);
  for (let start = 0; start < rows; start += tileRows) {
    const vectors = new Float32Array(tileRows * dim);
    const count = Math.min(tileRows, rows - start);
    await arrayVectors(data, dim).gather(everyRow(rows).subarray(start, start + count), vectors);
    await assigner.assign({ start, count, vectors, squared });
  }
  return squared;
}

test("rows get the centroid that a float64 scan finds, also where float32 cannot tell", async () => {
  const dim = 96;
  const data = randomVectors(500, dim, 1);
  const next = normals(2);
  // Groups of twelve centroids that differ by less than float32 rounding of the score.
  const spots = randomVectors(4, dim, 3);
  const close = Float32Array.from({ length: 48 * dim }, (_, at) => {
    return spots[(Math.floor(at / dim) % 4) * dim + (at % dim)] + 1e-7 * next();
  });
  for (const tileRows of [64, 512]) {
    const cluster = await assignAll(data, close, dim, tileRows);
    assert.deepEqual(cluster, [...naiveAssign(data, close, dim).assignment]);
  }
});

test("of equal centroids the lowest wins", async () => {
  const dim = 5;
  const data = randomVectors(100, dim, 4);
  const pair = randomVectors(2, dim, 5);
  for (const copies of [2, 5]) {
    const centroids = Float32Array.from(Array.from({ length: copies }, () => [...pair]).flat());
    const cluster = await assignAll(data, centroids, dim, 64);
    assert.ok(Math.max(...cluster) === 1 && Math.min(...cluster) === 0);
  }
});

test("a row of which no candidate is certain gets the nearest of all centroids", async () => {
  const dim = 8;
  const data = randomVectors(50, dim, 6);
  const next = normals(7);
  // More centroids around one spot than the product lists for a row.
  const centroids = Float32Array.from({ length: 9 * dim }, (_, at) => 0.3 + 1e-9 * next() + (at % dim) * 1e-3);
  const cluster = await assignAll(data, centroids, dim, 64);
  assert.deepEqual(cluster, [...naiveAssign(data, centroids, dim).assignment]);
});

test("centroids that move a little, a lot or not at all get their rows, with exact sums and distances", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        dim: fc.integer({ min: 1, max: 40 }),
        k: fc.integer({ min: 1, max: 40 }),
        rows: fc.integer({ min: 1, max: 400 }),
        bounded: fc.integer({ min: 0, max: 6 }),
        seed: fc.integer({ min: 1, max: 1000 }),
        shifts: fc.array(fc.constantFrom(0, 1e-8, 1e-4, 1e-2, 0.1, 1), { minLength: 1, maxLength: 6 }),
        weighted: fc.boolean(),
      }),
      async ({ dim, k, rows, bounded, seed, shifts, weighted }) => {
        const data = randomVectors(rows, dim, seed);
        // Some rows repeat.
        for (let row = 3; row < rows; row += 7) data.copyWithin(row * dim, (row - 3) * dim, (row - 2) * dim);
        const weights = weighted ? Uint32Array.from({ length: rows }, (_, row) => 1 + (row % 3)) : undefined;
        const assigner = await open({ dim, k, tileRows: 64, rows, bounded: 64 * bounded, weights });
        const next = normals(seed + 1);
        let centroids = randomVectors(k, dim, seed + 2).map((value) => 0.7 * value);
        for (const shift of [0, ...shifts]) {
          centroids = centroids.map((value) => value + (shift * next()) / Math.sqrt(dim));
          const squared = await pass(assigner, data, centroids, 64);
          const { assignment } = naiveAssign(data, centroids, dim);
          assert.deepEqual(assigner.assignment, assignment);
          assert.deepEqual(
            squared,
            Float64Array.from(assignment, (j, row) => squaredDistance(data, row * dim, centroids, j * dim, dim)),
          );
          assertTotals(assigner.totals, data, assignment, weights);
        }
        // A row that is put elsewhere returns in the next pass.
        const row = seed % rows;
        assigner.move(row, (assigner.assignment[row] + 1) % k, data.slice(row * dim, (row + 1) * dim));
        assertTotals(assigner.totals, data, assigner.assignment, weights);
        await pass(assigner, data, centroids, 64);
        assert.deepEqual(assigner.assignment, naiveAssign(data, centroids, dim).assignment);
        await assigner.release();
      },
    ),
    { numRuns: 150, seed: 5 },
  );
});

/** Sums of the components rounded to the grid, added up one by one. */
function assertTotals(totals: Totals, data: Float32Array, assignment: Int32Array, weights?: Uint32Array): void {
  const { dim, scale } = totals;
  const expected = createSums(totals.weight.length, dim, 3 * assignment.length);
  assert.equal(scale, expected.scale);
  assignment.forEach((j, row) => {
    const weight = weights?.[row] ?? 1;
    let squaredNorm = 0;
    for (let i = 0; i < dim; i++) {
      const units = data[row * dim + i] * scale;
      const floor = Math.floor(units);
      const up = units - floor > 0.5 || (units - floor === 0.5 && floor % 2 !== 0);
      expected.sums[j * dim + i] += weight * (up ? floor + 1 : floor);
      squaredNorm += data[row * dim + i] ** 2;
    }
    expected.weight[j] += weight;
    expected.members[j]++;
    expected.squaredNorms += weight * squaredNorm * scale;
  });
  for (const name of ["sums", "weight", "members"] as const) assert.deepEqual(totals[name], expected[name]);
  assert.ok(Math.abs(totals.squaredNorms / expected.squaredNorms - 1) < 1e-12);
}

test("a vector that has not unit length is refused", async () => {
  const data = randomVectors(70, 8, 3);
  data[67 * 8 + 1] += 0.2;
  await assert.rejects(assignAll(data, randomVectors(3, 8, 4), 8, 64), /vector 67 has length 1\.\d+, expected 1/);
});
