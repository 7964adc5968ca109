import assert from "node:assert/strict";
import { it } from "node:test";
import { lengthClasses } from "../../src/report/page/figures.js";
import { wantedRows } from "../../src/run/page/columns.js";

it("the texts held for a page stay below 64 MB, however many rows there are: near pairs first, then groups", () => {
  const rows = 100_000;
  const kept = {
    row: Float64Array.of(0),
    vector: Float64Array.of(0),
    groupSize: Uint32Array.of(rows + 1),
    units: Uint16Array.of(600),
  };
  const removed = {
    row: Float64Array.from({ length: rows }, (_, i) => i + 1),
    keptRow: new Float64Array(rows),
    keptIn: new Int32Array(rows).fill(-1),
    similarity: new Float32Array(rows).fill(0.9),
    reason: new Uint8Array(rows).fill(2),
    units: new Uint16Array(rows).fill(65_535),
  };
  const wanted = wantedRows({
    survey: { kept, removed, lengths: lengthClasses(), folders: [] },
    groups: {
      total: 1,
      kept: Int32Array.of(0),
      keptRow: Float64Array.of(0),
      keptIn: Int32Array.of(-1),
      size: Uint32Array.of(rows + 1),
      members: Uint32Array.from({ length: rows }, (_, i) => i),
      counts: Uint32Array.of(rows),
      near: [{ member: rows - 1, group: 0 }],
    },
    apart: [],
    keepers: new Map(),
    keptVectors: { rows: Float64Array.of(0), positions: Uint32Array.of(0) },
  });
  assert.deepEqual([...wanted].slice(0, 4), [rows, 0, 1, 2], "the near pair, then the group from its beginning");
  assert.ok(wanted.size * 600 * 2 < 64e6, `${wanted.size} texts of 600 units`);
  assert.ok(wanted.size > 40_000);
});
