import assert from "node:assert/strict";
import { test } from "node:test";
import { roughBound } from "../../src/cluster/dot-kernels.js";
import { createRowKernels } from "../../src/cluster/row-kernels.js";
import { plainKernels } from "../../src/cluster/row-kernels-plain.js";
import { randomVectors } from "./oracle.js";

const width = 48;
const bytes = 4 * width;
const count = 20;
const data = randomVectors(count, width, 1);
/** After the rows: a centre, mixed rows, codes, what is known of them, and sums of two clusters with a norm. */
const centreAt = count * bytes;
const mixedAt = centreAt + bytes;
const codesAt = mixedAt + count * bytes;
const outAt = codesAt + count * width;
const sumsAt = outAt + 16 * count;
const size = sumsAt + 16 * width + 8;

/** The kernels in WebAssembly and in plain JavaScript, each on a memory of the same content. */
function both() {
  const wasm = createRowKernels(size);
  const buffer = new ArrayBuffer(wasm.buffer.byteLength);
  const plain = { kernels: plainKernels(buffer), buffer };
  for (const side of [wasm, plain]) {
    const rows = new Float32Array(side.buffer, 0, data.length + width);
    rows.set(data);
    rows.fill(0.01, data.length);
  }
  return { wasm, plain };
}

test("products are those of a plain float64 sum but for its rounding", () => {
  const { wasm, plain } = both();
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < count; b++) {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += data[a * width + i] * data[b * width + i];
      assert.equal(plain.kernels.dot(bytes * a, bytes, bytes * b), sum);
      assert.ok(Math.abs(wasm.kernels.dot(bytes * a, bytes, bytes * b) - sum) < 1e-15);
    }
  }
});

test("sums after additions and moves are the same bits in both", () => {
  const { wasm, plain } = both();
  for (const { kernels } of [wasm, plain]) {
    for (let r = 0; r < count; r++) {
      kernels.add(r * bytes, bytes, sumsAt + (r % 2) * 8 * width, 2 ** 40, 1 + r, sumsAt + 16 * width);
      if (r % 3 === 0) {
        const [from, to] = r % 2 === 0 ? [0, 1] : [1, 0];
        kernels.move(r * bytes, bytes, sumsAt + from * 8 * width, sumsAt + to * 8 * width, 2 ** 40, 1 + r);
      }
    }
  }
  const sums = ({ buffer }: { buffer: ArrayBuffer }) => new Float64Array(buffer, sumsAt, 2 * width);
  assert.deepEqual(sums(wasm), sums(plain));
  assert.ok(sums(wasm).every((units) => Number.isInteger(units) && units !== 0));
});

test("mixed rows are the same bits in both, and codes differ by one where a quotient is halfway at most", () => {
  const { wasm, plain } = both();
  for (const { kernels } of [wasm, plain]) {
    kernels.mix(0, mixedAt, mixedAt + count * bytes, bytes, centreAt, 4 * 12);
    kernels.quantise(mixedAt, mixedAt + count * bytes, bytes, codesAt, outAt);
  }
  const part = <T>(make: (buffer: ArrayBuffer) => T) => [make(wasm.buffer), make(plain.buffer)];
  const [mixedA, mixedB] = part((buffer) => new Float32Array(buffer, mixedAt, count * width));
  assert.deepEqual(mixedA, mixedB);
  const [outA, outB] = part((buffer) => new Float32Array(buffer, outAt, 4 * count));
  for (let at = 0; at < 4 * count; at++) assert.ok(Math.abs(outA[at] - outB[at]) <= 1e-5 * outB[at], `${at}`);
  const [codesA, codesB] = part((buffer) => new Uint8Array(buffer, codesAt, count * width));
  assert.ok(codesA.every((code, at) => Math.abs(code - codesB[at]) <= 1));
  assert.ok(codesA.filter((code, at) => code !== codesB[at]).length < 3);
});

test("rough products are off by no more than is promised", () => {
  const { wasm, plain } = both();
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < count; b++) {
      const exact = plain.kernels.dot(bytes * a, bytes, bytes * b);
      const off = Math.abs(wasm.kernels.roughDot(bytes * a, bytes, bytes * b) - exact);
      assert.ok(off <= roughBound(width) * 1.001, `${off}`);
      assert.ok(a === b || off > 0);
    }
  }
});
