import assert from "node:assert/strict";
import { test } from "node:test";
import { plusPlus } from "../../src/cluster/seed/plus-plus.js";
import { seededRandom } from "../../src/random.js";
import { normals } from "./oracle.js";

const noPause = async (): Promise<void> => {};

/** Sum over points of the squared distance to the nearest centre. */
function spread(points: number[][], centres: number[][]): number {
  const squared = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0);
  return points.reduce((sum, point) => sum + Math.min(...centres.map((centre) => squared(point, centre))), 0);
}

test("every one of far groups gets a centre, whatever the seed", async () => {
  const next = normals(1);
  const points = Array.from({ length: 300 }, (_, p) => [100 * (p % 6) + next(), next(), next()]);
  for (let seed = 0; seed < 20; seed++) {
    const centres = await plusPlus(points, 6, seededRandom(seed), noPause);
    assert.equal(new Set(centres.map(([x]) => Math.round(x / 100))).size, 6);
    assert.ok(centres.every((centre) => points.includes(centre)));
  }
});

test("centres lie better than as many random points", async () => {
  const next = normals(2);
  const points = Array.from({ length: 500 }, () => Array.from({ length: 11 }, next));
  let better = 0;
  for (let seed = 0; seed < 10; seed++) {
    const centres = await plusPlus(points, 20, seededRandom(seed), noPause);
    if (spread(points, centres) < spread(points, points.slice(20 * seed, 20 * seed + 20))) better++;
  }
  assert.ok(better >= 9, `${better} of 10`);
});

test("where points repeat every distinct one becomes a centre before any does twice", async () => {
  const points = [[0], [0], [0], [1], [0], [5], [1]];
  const centres = await plusPlus(points, 5, seededRandom(3), noPause);
  assert.equal(centres.length, 5);
  assert.deepEqual(new Set(centres.slice(0, 3).flat()), new Set([0, 1, 5]));
});
