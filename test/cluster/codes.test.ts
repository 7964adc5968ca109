import assert from "node:assert/strict";
import { test } from "node:test";
import { createCodeTile, createEncoder, ZERO_POINT } from "../../src/cluster/codes.js";
import { createRowMemory } from "../../src/cluster/row-memory.js";
import { normals, randomVectors } from "./oracle.js";

/** The mixed vector by the Hadamard matrix of the stages, entry by entry. */
function mixedBy(values: number[], { width, least }: { width: number; least: number }): number[] {
  return Array.from({ length: width }, (_, to) => {
    let sum = 0;
    for (let from = to % least; from < values.length; from += least) {
      let sign = 1;
      for (let bits = Math.floor(from / least) & Math.floor(to / least); bits > 0; bits &= bits - 1) sign = -sign;
      sum += sign * values[from];
    }
    return sum;
  });
}

test("codes are off by no more than the error they state, and not by much less", () => {
  for (const dim of [5, 100, 384]) {
    const count = 321;
    const rows = randomVectors(count, dim, 1);
    // One row on the centre, one with all of its length in one component.
    const centre = new Float32Array(dim).map(normals(2)).map((x) => x / 30);
    rows.set(centre, 0);
    rows.fill(0, dim, 2 * dim);
    rows[dim] = 1;
    const memory = createRowMemory(dim, 0, 64_000);
    const encoder = createEncoder(memory, centre);
    const { width, stages, factor } = encoder.mixing;
    assert.ok(width >= dim && width % 16 === 0 && factor === 2 ** stages);
    const tile = createCodeTile(count, width);
    // In two parts, as a whole.
    encoder.encode(rows, 100, tile, 0);
    encoder.encode(rows.subarray(100 * dim), count - 100, tile, 100);
    const { codes, scale, error, length } = tile;
    let tight = 0;
    for (let r = 0; r < count; r++) {
      let squaredError = 0;
      let squaredCode = 0;
      let squaredLength = 0;
      const plain = Array.from({ length: dim }, (_, i) => rows[r * dim + i] - centre[i]);
      const mixed = mixedBy(plain, encoder.mixing);
      for (let i = 0; i < width; i++) {
        const code = codes[r * width + i] - ZERO_POINT;
        assert.ok(Math.abs(code) <= 127);
        squaredError += (mixed[i] - scale[r] * code) ** 2;
        squaredCode += (scale[r] * code) ** 2;
        squaredLength += mixed[i] ** 2;
      }
      assert.ok(Math.abs(squaredLength / factor - plain.reduce((sum, x) => sum + x * x, 0)) < 1e-12, "H is orthogonal");
      assert.ok(
        Math.sqrt(squaredError) <= error[r],
        `row ${r} is off by ${Math.sqrt(squaredError)}, stated ${error[r]}`,
      );
      assert.ok(Math.sqrt(squaredLength) <= length[r] && Math.sqrt(squaredCode) <= length[r]);
      assert.ok(error[r] < 0.01 * length[r] || r < 2, `row ${r}: ${error[r]} of ${length[r]}`);
      if (error[r] < 1.002 * Math.sqrt(squaredError)) tight++;
    }
    assert.ok(tight > 310, `${tight} of 321`);
  }
});

test("a vector whose length is in few components has codes with a fraction of the error that its plain ones would have", () => {
  const dim = 1024;
  const next = normals(3);
  const rows = new Float32Array(8 * dim).map((_, at) => next() * ((at % dim) + 1) ** -0.4);
  const tile = createCodeTile(8, dim);
  createEncoder(createRowMemory(dim, 0, 64_000), new Float32Array(dim)).encode(rows, 8, tile, 0);
  const { error, scale } = tile;
  for (let r = 0; r < 8; r++) {
    const row = rows.subarray(r * dim, (r + 1) * dim);
    const step = Math.max(...row.map(Math.abs)) / 127;
    const plain = Math.sqrt(row.reduce((sum, x) => sum + (x - step * Math.round(x / step)) ** 2, 0));
    // Mixed rows are longer by the root of the factor, 32.
    assert.ok(error[r] / Math.sqrt(32) < 0.6 * plain, `${error[r] / Math.sqrt(32)} ${plain} ${scale[r]}`);
  }
});
