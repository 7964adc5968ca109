import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { transposeCodes } from "../../src/kernels/transpose-codes.js";

describe("transposeCodes", () => {
  it("writes the columns of a panel as a plain loop does, and nothing else", () => {
    const cases = fc
      .record({
        depth: fc.integer({ min: 1, max: 20 }).map((n) => 8 * n),
        shortage: fc.nat(20),
        zeroPoint: fc.constantFrom(127, 128),
        width: fc.constantFrom(64, 320),
        column: fc.nat(63),
        gaps: fc.array(fc.oneof(fc.constant(1), fc.integer({ min: -5, max: 40 })), { maxLength: 257 }),
        seed: fc.nat(250),
      })
      .map(({ shortage, gaps, column, width, ...rest }) => {
        let row = 300;
        const rows = Int32Array.from(gaps.slice(0, width - column), (gap) => {
          row = Math.max(0, row + gap);
          return row;
        });
        return { ...rest, width, column, rows, length: Math.max(0, rest.depth - shortage) };
      });
    fc.assert(
      fc.property(cases, ({ depth, length, zeroPoint, width, column, rows, seed }) => {
        const codes = Uint8Array.from({ length: (Math.max(0, ...rows) + 1) * depth }, (_, i) => (i * 37 + seed) % 256);
        const panel = Int8Array.from({ length: depth * width }, (_, i) => (i * 11) % 128);
        const expected = panel.slice();
        for (const [i, row] of rows.entries())
          for (let k = 0; k < length; k++) expected[k * width + column + i] = codes[row * depth + k] - zeroPoint;
        transposeCodes(codes, depth, zeroPoint, rows, panel, width, column, length);
        assert.deepEqual(panel, expected);
      }),
      { numRuns: 200 },
    );
  });
});
