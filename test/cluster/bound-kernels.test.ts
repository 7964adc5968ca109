import assert from "node:assert/strict";
import { test } from "node:test";
import { createRowKernels } from "../../src/cluster/row-kernels.js";
import { plainKernels } from "../../src/cluster/row-kernels-plain.js";
import { normals } from "./oracle.js";

const rows = 7;
const stride = 20;
const columns = 3 * stride;
/** One after the other: products, terms, coefficients, bounds, hits of two words a row, what `lead` finds. */
const termsAt = 4 * rows * columns;
const coefficientsAt = termsAt + 12 * columns;
const boundsAt = coefficientsAt + 16 * rows;
const hitsAt = boundsAt + 4 * rows * stride;
const leadsAt = hitsAt + 8 * rows;
const size = leadsAt + 32 * rows;

/** The kernels in WebAssembly and in plain JavaScript after a pass over the same content, which is returned too. */
function both() {
  const next = normals(5);
  const values = Float32Array.from({ length: hitsAt / 4 }, next);
  // Columns that only fill up, a row's own column, and a group of it alone.
  for (const column of [19, 39, 59]) values[termsAt / 4 + 12 * (column >> 2) + (column & 3)] = Number.NEGATIVE_INFINITY;
  for (let r = 0; r < rows; r++) {
    values[r * columns + 5 * r] = Number.NEGATIVE_INFINITY;
    values[coefficientsAt / 4 + 4 * r + 3] = r === 6 ? Number.NEGATIVE_INFINITY : 2 + next();
  }
  values[boundsAt / 4 + 3] = Number.NEGATIVE_INFINITY;
  const wasm = createRowKernels(size);
  const buffer = new ArrayBuffer(wasm.buffer.byteLength);
  const sides = [wasm, { kernels: plainKernels(buffer), buffer }];
  for (const { kernels, buffer: memory } of sides) {
    new Float32Array(memory).set(values);
    const bounds = new Float32Array(memory, boundsAt, rows * stride);
    kernels.lead(0, termsAt, 4 * columns, 4 * stride, termsAt, coefficientsAt, boundsAt, leadsAt);
    for (const [i, bound] of bounds.entries())
      assert.equal(bound, values[coefficientsAt / 4 + 4 * Math.floor(i / stride) + 3]);
    bounds.set(values.subarray(boundsAt / 4, hitsAt / 4));
    kernels.follow(0, termsAt, 4 * columns, 4 * stride, termsAt, coefficientsAt, boundsAt, hitsAt, 8);
  }
  return { values, wasm: new DataView(sides[0].buffer), plain: new DataView(sides[1].buffer) };
}

test("bounds, hits and leads are the same bits in WebAssembly and in plain JavaScript", () => {
  const { wasm, plain } = both();
  for (let at = boundsAt; at < size; at++) assert.equal(wasm.getUint8(at), plain.getUint8(at), `byte ${at}`);
});

test("bounds rise by the largest product with its widening in their group, and hits say which reach the threshold", () => {
  const { values, wasm } = both();
  const term = (column: number, of: number) => values[termsAt / 4 + 12 * (column >> 2) + 4 * of + (column & 3)];
  for (let r = 0; r < rows; r++) {
    const [a, b, c, threshold] = values.subarray(coefficientsAt / 4 + 4 * r, coefficientsAt / 4 + 4 * r + 4);
    const scores: number[] = [];
    for (let g = 0; g < stride; g++) {
      const members = [g, g + stride, g + 2 * stride].map((column) => {
        scores[column] = values[r * columns + column] + a * term(column, 0);
        return scores[column] + b * term(column, 1) + c * term(column, 2);
      });
      const expected = values[boundsAt / 4 + r * stride + g] + Math.max(...members);
      const bound = wasm.getFloat32(boundsAt + 4 * (r * stride + g), true);
      assert.ok(bound === expected || Math.abs(bound - expected) < 1e-5, `${bound} for ${expected}`);
      const hit = (wasm.getUint8(hitsAt + 8 * r + (g >> 2)) >> (g & 3)) & 1;
      assert.equal(hit, bound >= threshold ? 1 : 0);
    }
    const lanes = [0, 1, 2, 3].map((lane) => wasm.getInt32(leadsAt + 32 * r + 16 + 4 * lane, true));
    const best = scores.indexOf(Math.max(...scores));
    assert.equal(lanes[best % 4], best);
  }
});
