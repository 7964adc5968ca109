import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { codeCoordinates, SUMS } from "../../src/kernels/code-coordinates.js";
import { randomSource } from "../join/vectors.js";

describe("codeCoordinates", () => {
  it("codes to the nearest whole number within the levels, and sums as a plain loop does", () => {
    let clipped = 0;
    const codings = fc.record({
      size: fc.integer({ min: 0, max: 70 }),
      gap: fc.integer({ min: 0, max: 9 }),
      count: fc.constantFrom(1, 2, 7, 2049),
      levels: fc.constantFrom(1, 63, 79, 127),
      zeroPoint: fc.constantFrom(127, 128),
      reach: fc.constantFrom(0.3, 1, 3),
      seed: fc.integer({ min: 1, max: 1000 }),
    });
    fc.assert(
      fc.property(codings, ({ size, gap, count, levels, zeroPoint, reach, seed }) => {
        const random = randomSource(seed);
        const depth = size + gap;
        const coordinates = Float32Array.from({ length: count * size }, () => random() - 0.5);
        const centre = Float64Array.from({ length: size + 1 }, () => (random() - 0.5) / 4);
        const scale = reach / levels / 2;
        const bytes = new Uint8Array(count * depth);
        const coding = { size, centre, scale, levels, zeroPoint, depth };
        const sums = codeCoordinates(coding, coordinates, count, bytes);
        for (let row = 0; row < count; row++) {
          const expected = [0, 0, 0, 0, 0];
          for (let i = 0; i < size; i++) {
            const u = coordinates[row * size + i];
            const w = u - centre[i];
            const q = bytes[row * depth + i] - zeroPoint;
            const wanted = Math.max(-levels, Math.min(levels, w / scale));
            if (Math.abs(wanted) === levels) clipped++;
            assert.ok(Math.abs(q) <= levels && Math.abs(q - wanted) <= 0.5 + 1e-9, `${q} is the code of ${wanted}`);
            for (const [at, term] of [u * u, centre[i] * w, w * w, (w - q * scale) ** 2, q * q].entries())
              expected[at] += term;
          }
          for (let at = 0; at < SUMS; at++) {
            const sum = sums[row * SUMS + at];
            assert.ok(
              Math.abs(sum - expected[at]) <= 1e-13 * (1 + Math.abs(expected[at])),
              `sum ${at}: ${sum}, ${expected[at]}`,
            );
          }
        }
      }),
      { numRuns: 60 },
    );
    assert.ok(clipped > 100, `codes must be clipped, ${clipped} were`);
  });
});
