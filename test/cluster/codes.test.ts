import assert from "node:assert/strict";
import { test } from "node:test";
import { createEncoder, ZERO_POINT } from "../../src/cluster/codes.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { normals, randomVectors } from "./oracle.js";

const engine = createOrtEngine({ threads: 1 });

test("codes are off by no more than the error they state, and not by much less", async () => {
  const dim = 100;
  const tileRows = 320;
  const rows = randomVectors(tileRows, dim, 1);
  // One row on the centre, one with all of its length in one component.
  const centre = new Float32Array(dim).map(normals(2)).map((x) => x / 30);
  rows.set(centre, 0);
  rows.fill(0, dim, 2 * dim);
  rows[dim] = 1;
  const encoder = await createEncoder(engine, centre, tileRows);
  const { codes, scale, error, length } = await encoder.encode(rows);
  await encoder.release();
  let tight = 0;
  for (let r = 0; r < tileRows; r++) {
    let squaredError = 0;
    let squaredCode = 0;
    let squaredLength = 0;
    for (let i = 0; i < dim; i++) {
      const y = rows[r * dim + i] - centre[i];
      const coded = scale[r] * (codes[r * dim + i] - ZERO_POINT);
      squaredError += (y - coded) ** 2;
      squaredCode += coded ** 2;
      squaredLength += y ** 2;
    }
    assert.ok(Math.sqrt(squaredError) <= error[r], `row ${r} is off by ${Math.sqrt(squaredError)}, stated ${error[r]}`);
    assert.ok(Math.sqrt(squaredLength) <= length[r] && Math.sqrt(squaredCode) <= length[r]);
    assert.ok(error[r] < 0.01 * length[r] || r < 2, `row ${r}: ${error[r]} of ${length[r]}`);
    if (error[r] < 1.001 * Math.sqrt(squaredError)) tight++;
  }
  assert.ok(tight > 310, `${tight} of 320`);
});
