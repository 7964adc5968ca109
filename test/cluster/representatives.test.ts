import assert from "node:assert/strict";
import { test } from "node:test";
import { membersByDistance } from "../../src/cluster/members.js";
import { chooseRepresentatives } from "../../src/cluster/representatives.js";
import { arrayVectors, randomVectors } from "./oracle.js";

/** Distance of two rows in float64. */
function apart(data: Float32Array, dim: number, a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += (data[a * dim + i] - data[b * dim + i]) ** 2;
  return Math.sqrt(sum);
}

/** 600 random rows in 4 clusters, each with the distance to the mean of its cluster. */
function clustered(dim: number) {
  const data = randomVectors(600, dim, 3);
  const assignment = Int32Array.from({ length: 600 }, (_, row) => row % 4);
  const means = new Float64Array(4 * dim);
  for (let row = 0; row < 600; row++) {
    for (let i = 0; i < dim; i++) means[(row % 4) * dim + i] += data[row * dim + i] / 150;
  }
  const distances = Float32Array.from({ length: 600 }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += (data[row * dim + i] - means[(row % 4) * dim + i]) ** 2;
    return Math.sqrt(sum);
  });
  return { data, assignment, distances, positions: Uint32Array.from({ length: 600 }, (_, row) => row) };
}

test("the first is the nearest, and each other the farthest of the nearest rows from those before it", async () => {
  const dim = 16;
  const { data, assignment, distances, positions } = clustered(dim);
  const members = membersByDistance({ assignment, distances, k: 4 });
  const vectors = arrayVectors(data, dim);
  const chosen = await chooseRepresentatives({ vectors, positions, members, count: 3 });
  for (let j = 0; j < 4; j++) {
    const nearest = [...positions]
      .filter((row) => assignment[row] === j)
      .sort((a, b) => distances[a] - distances[b] || a - b);
    const candidates = nearest.slice(0, 32);
    const expected = [candidates[0]];
    while (expected.length < 3) {
      const least = candidates.map((row) => Math.min(...expected.map((other) => apart(data, dim, row, other))));
      expected.push(candidates[least.indexOf(Math.max(...least))]);
    }
    assert.deepEqual(chosen[j], expected);
  }
});

test("rows with the same vector are one, and a small cluster shows all it has", async () => {
  // Cluster 0: five copies and one other row. Cluster 1: one row. Cluster 2: none.
  const data = Float32Array.from([...Array(5).fill([1, 0]), [0, 1], [-1, 0]].flat());
  const assignment = Int32Array.from([0, 0, 0, 0, 0, 0, 1]);
  const distances = Float32Array.from([0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0]);
  const members = membersByDistance({ assignment, distances, k: 3 });
  const vectors = arrayVectors(data, 2);
  const positions = Uint32Array.from(assignment.keys());
  // A quarter of six rows is two, but three are wanted: the candidates are three copies.
  assert.deepEqual(await chooseRepresentatives({ vectors, positions, members, count: 3 }), [[0], [6], []]);
  assert.deepEqual(await chooseRepresentatives({ vectors, positions, members, count: 6 }), [[0, 5], [6], []]);
});
