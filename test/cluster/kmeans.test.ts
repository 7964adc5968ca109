import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type KMeansOptions, type KMeansResult, kmeans } from "../../src/cluster/kmeans.js";
import { planMemory } from "../../src/cluster/plan.js";
import { startCentroids } from "../../src/cluster/seed/start.js";
import { UsageError } from "../../src/errors.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { watched } from "../onnx/watched-engine.js";
import { arrayVectors, everyRow, naiveAssign, naiveLloyd, normalise, normals, randomVectors } from "./oracle.js";

const engine = createOrtEngine({ threads: 1 });

function cluster(data: Float32Array, dim: number, options: Partial<KMeansOptions> & { k: number }) {
  const vectors = arrayVectors(data, dim);
  return kmeans({ vectors, positions: everyRow(vectors.count), engine, ...options });
}

/** Fails unless distances, inertia, sizes, medoids and the nearest centroids are what a float64 scan finds. */
function assertConsistent(data: Float32Array, dim: number, found: KMeansResult, k: number): void {
  const naive = naiveAssign(data, found.centroids, dim);
  const sizes = new Uint32Array(k);
  const medoids = new Int32Array(k).fill(-1);
  for (let row = 0; row < found.assignment.length; row++) {
    const j = found.assignment[row];
    let squared = 0;
    for (let i = 0; i < dim; i++) squared += (data[row * dim + i] - found.centroids[j * dim + i]) ** 2;
    assert.equal(squared, naive.squared[row], `row ${row} has a nearer centroid`);
    assert.equal(found.distances[row], Math.fround(Math.sqrt(squared)));
    sizes[j]++;
    if (medoids[j] < 0 || squared < naive.squared[medoids[j]]) medoids[j] = row;
  }
  assert.equal(found.inertia, naive.inertia);
  assert.deepEqual(found.sizes, sizes);
  assert.deepEqual(found.medoids, medoids);
  assert.ok(!sizes.includes(0), "no cluster is empty");
  assert.deepEqual(
    [...sizes],
    [...sizes].sort((a, b) => b - a),
    "largest first",
  );
}

test("assignment, centroids and inertia equal those of a plain float64 Lloyd from the same start", async () => {
  for (const [n, dim, k, seed] of [
    [400, 5, 7, 1],
    [600, 48, 9, 2],
    [300, 130, 4, 3],
  ]) {
    const data = randomVectors(n, dim, seed);
    const vectors = arrayVectors(data, dim);
    const start = await startCentroids({ vectors, positions: everyRow(n), k, seed, tileRows: 64 });
    const naive = naiveLloyd(data, start, dim, 12);
    const found = await cluster(data, dim, { k, start, iterations: 12, tolerance: 0, tileRows: 128 });
    assertConsistent(data, dim, found, k);
    assert.ok(Math.abs(found.inertia - naive.inertia) <= 1e-9 * naive.inertia, `${found.inertia} ${naive.inertia}`);
    const renumbered = new Map<number, number>();
    for (let row = 0; row < n; row++) {
      const j = naive.assignment[row];
      assert.equal(renumbered.get(j) ?? found.assignment[row], found.assignment[row], `row ${row}`);
      renumbered.set(j, found.assignment[row]);
    }
    for (const [from, to] of renumbered) {
      for (let i = 0; i < dim; i++) {
        assert.ok(Math.abs(naive.centroids[from * dim + i] - found.centroids[to * dim + i]) < 1e-7);
      }
    }
  }
});

test("on any small data with repeated and tied rows every row has its nearest centroid and no cluster is empty", async () => {
  const component = fc.integer({ min: -2, max: 2 });
  const rows = fc.array(fc.tuple(component, component, component), { minLength: 1, maxLength: 24 });
  await fc.assert(
    fc.asyncProperty(rows, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 3 }), async (points, k, seed) => {
      const usable = points.filter((point) => point.some((value) => value !== 0));
      const data = normalise(Float32Array.from(usable.flat()), 3);
      const distinct = new Set(
        usable.map((_, row) =>
          data
            .slice(row * 3, row * 3 + 3)
            .map((x) => x + 0)
            .join(),
        ),
      ).size;
      const found = cluster(data, 3, { k, seed, tileRows: 64, iterations: 8 });
      if (k > distinct) await assert.rejects(found, UsageError);
      else assertConsistent(data, 3, await found, k);
    }),
    { numRuns: 60, seed: 5 },
  );
});

test("well separated groups are recovered, largest first", async () => {
  const dim = 40;
  const sizes = [25, 90, 60, 40];
  const centres = randomVectors(sizes.length, dim, 11);
  const next = normals(12);
  const truth = sizes.flatMap((size, group) => new Array<number>(size).fill(group));
  const data = normalise(
    Float32Array.from({ length: truth.length * dim }, (_, at) => {
      return centres[truth[Math.floor(at / dim)] * dim + (at % dim)] + 0.02 * next();
    }),
    dim,
  );
  const found = await cluster(data, dim, { k: 4 });
  const expected = [3, 0, 1, 2];
  assert.deepEqual(
    [...found.assignment],
    truth.map((group) => expected[group]),
  );
  assert.deepEqual([...found.sizes], [90, 60, 40, 25]);
  assert.ok(found.converged);
});

test("the bytes of the result do not depend on tile size or repeats", async () => {
  const data = randomVectors(700, 33, 21);
  const first = await cluster(data, 33, { k: 12, seed: 4, tileRows: 64 });
  for (const tileRows of [64, 100, 1024]) {
    assert.deepEqual(await cluster(data, 33, { k: 12, seed: 4, tileRows }), first);
  }
  const other = await cluster(data, 33, { k: 12, seed: 5, tileRows: 64 });
  assert.notDeepEqual(other.centroids, first.centroids);
});

test("nor on the number of shards, empty clusters and several starts among them", async () => {
  const dim = 12;
  const data = randomVectors(1500, dim, 26);
  // Rows of one direction but for a few, so that clusters run empty on the way.
  for (let row = 0; row < 700; row++) data.copyWithin(row * dim, 0, dim);
  const weights = Uint32Array.from({ length: 1500 }, (_, row) => 1 + (row % 3));
  for (const memory of [0, 2 ** 22, 2 ** 30]) {
    const options = { k: 60, seed: 2, starts: 2, weights, tileRows: 64, memory };
    const first = await cluster(data, dim, { ...options, shards: 1 });
    for (const shards of [2, 3, 5]) {
      assert.deepEqual(await cluster(data, dim, { ...options, shards }), first, `${shards} shards`);
    }
  }
});

test("nor on the memory for vectors", async () => {
  const data = randomVectors(900, 40, 22);
  const options = { k: 9, seed: 1, tileRows: 128, tolerance: 0 };
  const first = await cluster(data, 40, { ...options, memory: 0 });
  // Vectors of no tile, of three and of all eight.
  const tiles = [];
  for (const memory of [80_000, 170_000, 2 ** 30]) {
    const { resident } = planMemory({ memory, dim: 40, k: 9, tileRows: 128 });
    tiles.push(Math.min(8, Math.floor(resident / (128 * 40 * 4))));
    assert.deepEqual(await cluster(data, 40, { ...options, memory }), first, `${memory} bytes`);
  }
  assert.deepEqual(tiles, [0, 3, 8]);
});

test("many clusters end as a float64 scan would have them", async () => {
  const dim = 16;
  const k = 420;
  const data = randomVectors(2500, dim, 25);
  const options = { k, tileRows: 512, tolerance: 0, iterations: 12 };
  const found = await cluster(data, dim, options);
  assertConsistent(data, dim, found, k);
  assert.deepEqual(await cluster(data, dim, { ...options, memory: 0 }), found);
});

test("of several starts the one with the least inertia wins", async () => {
  const data = randomVectors(400, 12, 23);
  const runs = [];
  for (let seed = 3; seed < 8; seed++) runs.push(await cluster(data, 12, { k: 15, seed }));
  const best = runs.reduce((least, run) => (run.inertia < least.inertia ? run : least));
  assert.notEqual(best, runs[0]);
  assert.deepEqual(await cluster(data, 12, { k: 15, seed: 3, starts: 5 }), best);
  await assert.rejects(cluster(data, 12, { k: 15, starts: 0 }), /starts is 0/);
});

test("spherical clusters have unit centroids, equal to plain means scaled, and each row its largest cosine", async () => {
  const dim = 20;
  const data = randomVectors(500, dim, 24);
  const found = await cluster(data, dim, { k: 8, spherical: true, tolerance: 0, iterations: 200 });
  assert.ok(found.converged);
  assertConsistent(data, dim, found, 8);
  const sums = new Float64Array(8 * dim);
  for (let at = 0; at < data.length; at++) {
    sums[found.assignment[Math.floor(at / dim)] * dim + (at % dim)] += data[at];
  }
  for (let j = 0; j < 8; j++) {
    const length = Math.hypot(...sums.subarray(j * dim, (j + 1) * dim));
    for (let at = j * dim; at < (j + 1) * dim; at++) {
      assert.ok(Math.abs(found.centroids[at] - sums[at] / length) < 1e-6);
    }
  }
  for (let row = 0; row < 500; row++) {
    const cosines = Array.from({ length: 8 }, (_, j) => {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += data[row * dim + i] * found.centroids[j * dim + i];
      return sum;
    });
    assert.ok(cosines[found.assignment[row]] >= Math.max(...cosines) - 1e-7);
  }
});

test("a weight counts as that many copies of the row", async () => {
  const dim = 6;
  const data = randomVectors(40, dim, 31);
  const weights = Uint32Array.from({ length: 40 }, (_, row) => 1 + (row % 3));
  const copied = Float32Array.from(
    [...weights].flatMap((w, row) => {
      return Array.from({ length: w }, () => [...data.subarray(row * dim, (row + 1) * dim)]).flat();
    }),
  );
  // One cluster has one answer whatever the start.
  const weighted = await cluster(data, dim, { k: 1, weights });
  const repeated = await cluster(copied, dim, { k: 1 });
  assert.deepEqual(weighted.centroids, repeated.centroids);
  assert.deepEqual(weighted.sizes, repeated.sizes);
  assert.ok(Math.abs(weighted.inertia - repeated.inertia) < 1e-9);
});

test("only the rows at the given positions are clustered, all of them where none are given", async () => {
  const data = randomVectors(50, 8, 41);
  const positions = Uint32Array.of(3, 4, 5, 9, 20, 21, 48);
  const chosen = Float32Array.from([...positions].flatMap((p) => [...data.subarray(p * 8, p * 8 + 8)]));
  const found = await cluster(data, 8, { k: 3, positions });
  assert.deepEqual(await cluster(chosen, 8, { k: 3 }), found);
  assert.deepEqual(await kmeans({ vectors: arrayVectors(chosen, 8), engine, k: 3 }), found);
});

test("k = 1 gives the mean, k = n gives every row its own cluster, equal vectors allow one cluster only", async () => {
  const data = randomVectors(30, 7, 51);
  const one = await cluster(data, 7, { k: 1 });
  for (let i = 0; i < 7; i++) {
    let sum = 0;
    for (let row = 0; row < 30; row++) sum += data[row * 7 + i];
    assert.ok(Math.abs(one.centroids[i] - sum / 30) < 1e-7);
  }
  const all = await cluster(data, 7, { k: 30 });
  assert.equal(all.inertia, 0);
  assert.deepEqual([...all.assignment], [...everyRow(30)], "clusters of one size follow the order of their rows");
  const equal = normalise(new Float32Array(20 * 4).fill(1), 4);
  const same = await cluster(equal, 4, { k: 1 });
  assert.equal(same.inertia, 0);
  assert.ok(same.converged);
  await assert.rejects(cluster(equal, 4, { k: 2 }), {
    name: "Error",
    message: "cannot make 2 clusters of 20 rows with 1 distinct vectors: give a k of at most 1",
  });
});

test("an impossible k is refused with the numbers", async () => {
  const data = randomVectors(5, 4, 61);
  await assert.rejects(cluster(data, 4, { k: 6 }), /cannot make 6 clusters of 5 rows: give a k of at most 5/);
  const start = new Float32Array(7);
  await assert.rejects(cluster(data, 4, { k: 2, start }), /start has 7 numbers, expected 2 centroids of 4/);
  for (const k of [0, -1, 2.5, Number.NaN]) await assert.rejects(cluster(data, 4, { k }), UsageError);
  await assert.rejects(cluster(new Float32Array(0), 4, { k: 1 }), /no rows/);
});

test("rare distinct rows outside the sample still get clusters of their own", async () => {
  const dim = 3;
  const n = 30_000;
  const data = new Float32Array(n * dim);
  for (let row = 0; row < n; row++) data[row * dim] = 1;
  for (const [row, component, value] of [
    [12_345, 1, 1],
    [20_001, 2, 1],
    [29_999, 1, -1],
  ]) {
    data[row * dim] = 0;
    data[row * dim + component] = value;
  }
  const found = await cluster(data, dim, { k: 4 });
  assert.equal(found.inertia, 0);
  assert.deepEqual([...found.sizes], [n - 3, 1, 1, 1]);
  assert.deepEqual(
    [12_345, 20_001, 29_999].map((row) => found.assignment[row]),
    [1, 2, 3],
  );
});

test("vectors beyond the memory are read once in each pass, the others once in all", async () => {
  const dim = 16;
  const n = 2000;
  const data = randomVectors(n, dim, 71);
  const read = async (memory: number) => {
    const vectors = arrayVectors(data, dim);
    const options = { k: 20, engine, tolerance: 0, iterations: 6, tileRows: 256, memory };
    const found = await kmeans({ vectors, start: data.slice(0, 20 * dim), ...options });
    assert.equal(found.iterations, 6);
    return vectors.reads;
  };
  // The first tile is read to count distinct vectors. Six updates, and the last assignment with its distances.
  assert.equal(await read(0), 256 + 7 * n);
  assert.equal(await read(2 ** 30), 256 + n);
});

test("a vector that is not of unit length is an error, not a wrong answer", async () => {
  const data = randomVectors(20, 4, 81);
  data.set([3, 0, 0, 0], 12);
  await assert.rejects(cluster(data, 4, { k: 2 }), /vector 3 has length 3, expected 1/);
});

test("a signal stops the run", async () => {
  const stop = new AbortController();
  const onProgress = (): void => stop.abort(new Error("stopped"));
  await assert.rejects(cluster(randomVectors(200, 4, 91), 4, { k: 3, signal: stop.signal, onProgress }), /stopped/);
});

test("a signal stops it after the tile at hand, while the start is refined over the sample too", async () => {
  const stop = new AbortController();
  let stage = "";
  let runs = 0;
  const counting = watched(engine, (run, feeds) => {
    // Nothing but the refinement multiplies before the first iteration.
    if (++runs === 3) stop.abort(new Error(`stopped in ${stage}`));
    return run(feeds);
  });
  const onProgress = (progress: { stage: string }): void => {
    stage = progress.stage;
  };
  const options = { k: 5, tileRows: 256, memory: 0, engine: counting, signal: stop.signal, onProgress };
  await assert.rejects(cluster(randomVectors(11_000, 8, 92), 8, options), /stopped in seed/);
  assert.equal(runs, 3);
});
