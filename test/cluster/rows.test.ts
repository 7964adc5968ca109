import assert from "node:assert/strict";
import { test } from "node:test";
import { openRows } from "../../src/cluster/rows.js";
import { arrayVectors, randomVectors } from "./oracle.js";

const dim = 5;
const tileRows = 8;
const data = randomVectors(100, dim, 1);
// Every third vector: 34 rows in five tiles.
const positions = Uint32Array.from({ length: 34 }, (_, row) => row * 3);
const vectorOf = (row: number) => [...data.subarray(positions[row] * dim, (positions[row] + 1) * dim)];

test("rows are the vectors at their positions, whatever part of them is in memory", async () => {
  for (const tiles of [0, 2, 9]) {
    const vectors = arrayVectors(data, dim);
    const rows = await openRows({ vectors, positions, tileRows, memory: tiles * tileRows * dim * 4 });
    assert.equal(vectors.reads, Math.min(34, tiles * tileRows));
    for (let pass = 0; pass < 2; pass++) {
      for (let start = 0; start < 34; start += tileRows) {
        const tile = await rows.tile(start);
        for (let r = start; r < Math.min(34, start + tileRows); r++) {
          assert.deepEqual([...tile.subarray((r - start) * dim, (r - start + 1) * dim)], vectorOf(r), `row ${r}`);
        }
      }
    }
    await rows.close();
  }
});

test("resident tiles are read once, the others once in every pass and one ahead", async () => {
  const vectors = arrayVectors(data, dim);
  const rows = await openRows({ vectors, positions, tileRows, memory: 2 * tileRows * dim * 4 });
  assert.equal(vectors.reads, 16);
  await rows.tile(0);
  assert.equal(vectors.reads, 16);
  await rows.tile(16);
  assert.equal(vectors.reads, 32);
  await rows.tile(24);
  await rows.tile(32);
  assert.equal(vectors.reads, 34);
  await rows.close();
});

test("a read that fails is reported when its tile is asked for", async () => {
  const vectors = arrayVectors(data, dim);
  const failing = {
    ...vectors,
    gather: (wanted: ArrayLike<number>, into: Float32Array) =>
      wanted[0] === 24 ? Promise.reject(new Error("disk gone")) : vectors.gather(wanted, into),
  };
  const rows = await openRows({ vectors: failing, positions, tileRows, memory: 0 });
  await rows.tile(0);
  await assert.rejects(rows.tile(8), /disk gone/);
  await rows.close();
});
