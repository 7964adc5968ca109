import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { scanStrips } from "../../src/kernels/scan-strips.js";

/** The pairs that a plain loop over all listed products finds. */
function plainScan(scan: Parameters<typeof scanStrips>[0]): [number, number][] {
  const { depth, codes, zeroPoint, thresholds, panels, panelColumns, columns, rows, strips, listed } = scan;
  const found: [number, number][] = [];
  for (let i = 0; i < listed; i++) {
    for (let column = strips[i] * 64; column < Math.min(columns, strips[i] * 64 + 64); column++) {
      const panel = Math.floor(column / panelColumns) * depth * panelColumns + (column % panelColumns);
      let product = 0;
      for (let k = 0; k < depth; k++) {
        product += (codes[rows[i] * depth + k] - zeroPoint) * panels[panel + k * panelColumns];
      }
      if (product >= thresholds[rows[i]]) found.push([rows[i], column]);
    }
  }
  return found;
}

function scanned(scan: Parameters<typeof scanStrips>[0]): [number, number][] {
  const found: [number, number][] = [];
  scanStrips(scan, { push: (row, column) => found.push([row, column]) });
  return found;
}

/** Scans with codes of up to `levels`, some of them at the limit, and with thresholds of which some equal a product. */
const scans = fc
  .record({
    depth: fc.integer({ min: 1, max: 20 }).map((n) => 8 * n),
    count: fc.integer({ min: 1, max: 300 }),
    columns: fc.integer({ min: 1, max: 700 }),
    panelColumns: fc.constantFrom(64, 320),
    levels: fc.constantFrom(1, 63, 90, 127),
    zeroPoint: fc.constantFrom(127, 128),
    listed: fc.integer({ min: 0, max: 200 }),
    seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  })
  .map(({ depth, count, columns, panelColumns, levels, zeroPoint, listed, seed }) => {
    let state = seed;
    const below = (n: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return Math.floor((state / 2 ** 31) * n);
    };
    const code = () => (below(4) === 0 ? (below(2) === 0 ? levels : -levels) : below(2 * levels + 1) - levels);
    const panels = Int8Array.from({ length: Math.ceil(columns / panelColumns) * panelColumns * depth }, code);
    const codes = Uint8Array.from({ length: count * depth }, () => code() + zeroPoint);
    const thresholds = new Int32Array(count);
    for (let row = 0; row < count; row++) {
      const column = below(columns);
      const at = Math.floor(column / panelColumns) * depth * panelColumns + (column % panelColumns);
      for (let k = 0; k < depth; k++)
        thresholds[row] += (codes[row * depth + k] - zeroPoint) * panels[at + k * panelColumns];
      if (below(3) === 0) thresholds[row] += below(3) - 1;
      if (below(20) === 0) thresholds[row] = below(2) === 0 ? -(2 ** 31) : 2 ** 31 - 1;
    }
    const rows = Int32Array.from({ length: listed }, () => below(count));
    const strips = Int32Array.from({ length: listed }, () => below(Math.ceil(columns / 64)));
    return { depth, codes, zeroPoint, thresholds, panels, panelColumns, columns, rows, strips, listed };
  });

describe("scanStrips", () => {
  it("finds what a plain loop finds, in the same order", () => {
    let pairs = 0;
    fc.assert(
      fc.property(scans, (scan) => {
        const expected = plainScan(scan);
        pairs += expected.length;
        assert.deepEqual(scanned(scan), expected);
      }),
      { numRuns: 300 },
    );
    assert.ok(pairs > 1000, `the scans must find pairs, they found ${pairs}`);
  });

  it("sums the largest codes of the deepest code without overflow", () => {
    const depth = 4104;
    const scan = {
      depth,
      codes: new Uint8Array(depth).fill(0),
      zeroPoint: 128,
      thresholds: Int32Array.of(128 * 127 * depth),
      panels: new Int8Array(depth * 64).fill(-127),
      panelColumns: 64,
      columns: 63,
      rows: Int32Array.of(0),
      strips: Int32Array.of(0),
      listed: 1,
    };
    assert.equal(scanned(scan).length, 63);
    scan.thresholds[0]++;
    assert.equal(scanned(scan).length, 0);
  });

  it("refuses codes of a length it cannot take", () => {
    const scan = {
      depth: 12,
      codes: new Uint8Array(12),
      zeroPoint: 128,
      thresholds: new Int32Array(1),
      panels: new Int8Array(12 * 64),
      panelColumns: 64,
      columns: 64,
      rows: Int32Array.of(0),
      strips: Int32Array.of(0),
      listed: 1,
    };
    assert.throws(() => scanned(scan), /12 components; expected a multiple of 8/);
  });
});
