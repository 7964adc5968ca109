import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { assignRows } from "../../src/cluster/assign-rows.js";
import { kmeans } from "../../src/cluster/kmeans.js";
import { centroidShifts, farDistance, farRows, jensenShannon } from "../../src/cluster/like/drift.js";
import { idsOf, matchClusters } from "../../src/cluster/like/matching.js";
import { warmStart } from "../../src/cluster/like/warm-start.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { arrayVectors, everyRow, naiveAssign, normalise, normals, randomVectors } from "./oracle.js";

const engine = createOrtEngine({ threads: 1 });
const memory = 2 ** 26;
const pause = async (): Promise<void> => {};

/** `n` unit vectors around each of some axes, topic after topic. */
function topics(axes: readonly number[], n: number, dim: number, seed: number): Float32Array {
  const normal = normals(seed);
  const data = Float32Array.from({ length: axes.length * n * dim }, (_, at) => {
    const axis = axes[Math.floor(at / (n * dim))];
    return (at % dim === axis ? 1 : 0) + 0.1 * normal();
  });
  return normalise(data, dim);
}

describe("rows in the clusters of given centroids", () => {
  it("are where a float64 scan finds them, with means, inertia and gain, for any number of shards", async () => {
    const [dim, k, n] = [12, 7, 900];
    const data = randomVectors(n, dim, 3);
    // The last centroid is farther from every row than the first, so that its cluster is empty.
    const centroids = Float32Array.from([
      ...randomVectors(k - 1, dim, 4),
      ...randomVectors(1, dim, 5).map((x) => 9 * x),
    ]);
    const weights = Uint32Array.from({ length: n }, (_, row) => 1 + (row % 3));
    const naive = naiveAssign(data, centroids, dim);
    const sums = new Float64Array(k * dim);
    const sizes = new Uint32Array(k);
    let inertia = 0;
    for (let row = 0; row < n; row++) {
      const j = naive.assignment[row];
      sizes[j] += weights[row];
      inertia += weights[row] * naive.squared[row];
      for (let i = 0; i < dim; i++) sums[j * dim + i] += weights[row] * data[row * dim + i];
    }
    const means = Array.from(sums, (sum, at) => {
      const size = sizes[Math.floor(at / dim)];
      return size > 0 ? sum / size : centroids[at];
    });
    assert.equal(sizes[k - 1], 0);
    let saved = 0;
    for (let at = 0; at < means.length; at++) saved += sizes[Math.floor(at / dim)] * (means[at] - centroids[at]) ** 2;
    for (const shards of [1, 2, 3]) {
      const vectors = arrayVectors(data, dim);
      const found = await assignRows({ vectors, positions: everyRow(n), weights, centroids, engine, memory, shards });
      assert.equal(vectors.reads, n, "each vector is read once");
      assert.deepEqual(found.assignment, naive.assignment);
      assert.deepEqual(found.squared, naive.squared);
      assert.deepEqual(found.sizes, sizes);
      assert.equal(found.inertia, inertia);
      for (const [at, mean] of means.entries()) assert.ok(Math.abs(found.means[at] - mean) < 1e-6, `${at}`);
      assert.ok(Math.abs(found.gain - saved / inertia) < 1e-6, `${found.gain} ${saved / inertia}`);
    }
  });

  it("where a run of k-means ended are the rows of that run, to the last bit of the inertia", async () => {
    const dim = 10;
    const vectors = arrayVectors(randomVectors(700, dim, 6), dim);
    for (const spherical of [false, true]) {
      const found = await kmeans({ vectors, k: 9, engine, spherical });
      const positions = everyRow(700);
      const again = await assignRows({ vectors, positions, centroids: found.centroids, spherical, engine, memory });
      assert.deepEqual(again.assignment, found.assignment);
      assert.equal(again.inertia, found.inertia);
      assert.ok(again.gain >= 0 && again.gain < 1e-3, `${again.gain}`);
    }
  });
});

describe("k-means from a start", () => {
  it("numbers its clusters as the start where that is asked for", async () => {
    const dim = 6;
    const data = Float32Array.from([...topics([0, 1], 20, dim, 1), ...topics([2], 90, dim, 2)]);
    const start = Float32Array.from({ length: 3 * dim }, (_, at) => (at % dim === 2 - Math.floor(at / dim) ? 1 : 0));
    const { sizes } = await kmeans({ vectors: arrayVectors(data, dim), k: 3, start, keepNumbers: true, engine });
    assert.deepEqual([...sizes], [90, 20, 20]);
    const reversed = await kmeans({
      vectors: arrayVectors(data, dim),
      k: 2,
      start: start.slice(dim),
      keepNumbers: true,
      engine,
    });
    assert.ok(reversed.sizes[0] < reversed.sizes[1] || reversed.sizes[0] > 20);
  });

  it("leaves centroids where they are if an update would save too little, and else moves them", async () => {
    const dim = 6;
    const vectors = arrayVectors(topics([0, 1, 2], 50, dim, 3), dim);
    const start = Float32Array.from({ length: 3 * dim }, (_, at) => (at % dim === Math.floor(at / dim) ? 1 : 0));
    const { gain } = await assignRows({ vectors, positions: everyRow(150), centroids: start, engine, memory });
    assert.ok(gain > 0);
    const options = { vectors, k: 3, start, keepNumbers: true, engine };
    const resting = await kmeans({ ...options, leastGain: gain * 1.01 });
    assert.deepEqual(resting.centroids, start);
    assert.equal(resting.converged, true);
    assert.notDeepEqual((await kmeans({ ...options, leastGain: gain * 0.99 })).centroids, start);
    assert.notDeepEqual((await kmeans(options)).centroids, start);
  });
});

describe("a warm start", () => {
  const dim = 8;
  const data = topics([0, 1, 2, 3], 40, dim, 7);
  const vectors = arrayVectors(data, dim);
  const positions = everyRow(160);
  const axis = (...axes: number[]) =>
    Float32Array.from({ length: axes.length * dim }, (_, at) => (at % dim === axes[Math.floor(at / dim)] ? 1 : 0));
  const from = async (centroids: Float32Array, k: number) => {
    const today = await assignRows({ vectors, positions, centroids, engine, memory });
    return warmStart({ ...today, centroids, vectors, positions, k, seed: 1, pause });
  };

  it("is the former centroids where all of them have rows", async () => {
    assert.deepEqual(await from(axis(3, 1, 0, 2), 4), axis(3, 1, 0, 2));
  });

  it("starts a cluster in place of an empty one at rows that are far from the others", async () => {
    // Of two equal centroids the first takes all rows. Topic 3 has no centroid.
    const start = await from(axis(0, 0, 1, 2), 4);
    assert.deepEqual(start.slice(0, 3 * dim), axis(0, 1, 2));
    assert.ok(start[3 * dim + 3] > 0.7, "topic 3 starts its own");
  });

  it("drops the clusters with the fewest rows where fewer are wanted, and adds some where more are", async () => {
    // Two centroids share topic 0.
    const both = Float32Array.from([...axis(1, 0), ...data.slice(0, dim), ...axis(2, 3)]);
    const kept = await from(both, 4);
    for (const centroid of [1, 2, 3]) {
      assert.ok(Array.from({ length: 4 }, (_, j) => kept[j * dim + centroid]).includes(1), `topic ${centroid} stays`);
    }
    const more = await from(axis(0, 1), 4);
    assert.deepEqual(more.slice(0, 2 * dim), axis(0, 1));
    const found = [2, 3].map((slot) => (more[slot * dim + 2] > 0.7 ? 2 : more[slot * dim + 3] > 0.7 ? 3 : -1));
    assert.deepEqual(found.sort(), [2, 3]);
  });
});

describe("clusters that are the same", () => {
  it("share more than half of the rows that either has, as a scan of all pairs finds them", () => {
    const rows = fc.array(fc.tuple(fc.nat(4), fc.nat(5), fc.integer({ min: 1, max: 3 })), { minLength: 1 });
    fc.assert(
      fc.property(rows, (given) => {
        const [before, now] = [Int32Array.from(given, ([a]) => a), Int32Array.from(given, ([, b]) => b)];
        const weights = Uint32Array.from(given, ([, , weight]) => weight);
        const partner = matchClusters({ before, now, weights, former: 5, k: 6 });
        for (let b = 0; b < 6; b++) {
          const same: number[] = [];
          for (let a = 0; a < 5; a++) {
            let [both, either] = [0, 0];
            for (const [x, y, weight] of given) {
              if (x === a && y === b) both += weight;
              if (x === a || y === b) either += weight;
            }
            if (either > 0 && both / either > 0.5) same.push(a);
          }
          assert.ok(same.length <= 1);
          assert.equal(partner[b], same[0] ?? -1);
        }
        const kept = [...partner].filter((a) => a >= 0);
        assert.equal(new Set(kept).size, kept.length, "no former cluster is two of today's");
      }),
    );
  });

  it("keep their ids, and new ones get ids that were never used", () => {
    const found = idsOf({ partner: Int32Array.of(2, -1, 0, -1), ids: [4, 6, 9], next: 12 });
    assert.deepEqual([...found.ids], [9, 12, 4, 13]);
    assert.equal(found.next, 14);
  });
});

describe("drift", () => {
  it("of sizes is what the entropies give: H((p + q) / 2) - (H(p) + H(q)) / 2", () => {
    const entropy = (p: readonly number[]) => p.reduce((sum, x) => (x > 0 ? sum - x * Math.log2(x) : sum), 0);
    const shares = fc.array(fc.nat(100), { minLength: 1, maxLength: 6 }).map((sizes) => {
      const total = sizes.reduce((sum, size) => sum + size, 0);
      return total === 0 ? sizes.map((_, i) => (i === 0 ? 1 : 0)) : sizes.map((size) => size / total);
    });
    fc.assert(
      fc.property(shares, shares, (a, b) => {
        const length = Math.max(a.length, b.length);
        const [p, q] = [a, b].map((each) => Array.from({ length }, (_, i) => each[i] ?? 0));
        const expected = entropy(p.map((x, i) => (x + q[i]) / 2)) - (entropy(p) + entropy(q)) / 2;
        assert.ok(Math.abs(jensenShannon(p, q) - expected) < 1e-9);
      }),
    );
    assert.equal(jensenShannon([1, 0], [0, 1]), 1);
    assert.equal(jensenShannon([0.3, 0.7], [0.3, 0.7]), 0);
  });

  it("counts the rows beyond the distance within which 99 % of the former ones lay, copies too", () => {
    const distances = Float32Array.from({ length: 300 }, (_, row) => ((row * 37) % 300) / 300);
    const weights = Uint32Array.from({ length: 300 }, (_, row) => 1 + (row % 4));
    const copies = Array.from(distances).flatMap((distance, row) => new Array<number>(weights[row]).fill(distance));
    copies.sort((a, b) => a - b);
    const far = farDistance(distances, weights);
    assert.equal(far, copies[Math.ceil(0.99 * copies.length) - 1]);
    const squared = Float64Array.from(distances, (distance) => distance ** 2);
    const found = farRows({ squared, weights, beyond: far, shown: 2 });
    assert.equal(found.count, copies.filter((distance) => distance > far).length);
    const beyond = Array.from(distances.keys()).filter((row) => distances[row] > far);
    assert.deepEqual(found.farthest, beyond.sort((a, b) => distances[b] - distances[a]).slice(0, 2));
    assert.equal(farDistance(Float32Array.of(0.5)), 0.5);
  });

  it("says how far centroids went, and which went farther than a tenth of the spread", () => {
    const before = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
    const after = [Float32Array.of(1, 0.5), Float32Array.of(0, 1.0625)];
    assert.deepEqual(centroidShifts({ before, after, spread: [1, 1] }), { shifts: [0.5, 0.0625], moved: 1 });
  });
});
