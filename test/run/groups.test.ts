import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { listGroups } from "../../src/run/groups.js";
import { rowsOf } from "./explained.js";
import { dedup, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const out = join(folder, "out");

/** Families of different sizes: copies, and texts with one or two more words. */
const RECORDS = Array.from({ length: 30 }, (_, family) =>
  Array.from({ length: 1 + ((family * 7) % 11) }, (_, i) => {
    const base = `the ${family} quick brown foxes jump over lazy dog number ${family * 31} and run home`;
    return { text: `${base}${[" today", "", " now", " today", " so soon"][i % 5]}` };
  }),
).flat();

before(async () => {
  await dedup([writeJsonl(join(folder, "rows.jsonl"), RECORDS)], out, {
    threshold: 0.85,
    guards: { numbers: true, negation: false, names: false },
  });
});

/** What the reference reader's tables say of a group. */
function naive(keptRow: number) {
  const { kept, removed } = rowsOf(out);
  const members = removed.filter((row) => row.keptRow === keptRow);
  const similarities = members.map(({ similarity }) => similarity);
  const firstOfText = members.filter(({ vector }, i) => members.findIndex((other) => other.vector === vector) === i);
  const count = (reason: string) => members.filter((row) => row.reason === reason).length;
  return {
    size: kept.find(({ row }) => row === keptRow)?.size,
    exact: count("exact"),
    normalized: count("normalized"),
    semantic: count("semantic"),
    least: Math.min(...similarities),
    mean: similarities.reduce((sum, value) => sum + value, 0) / similarities.length,
    rows: firstOfText
      .sort((a, b) => a.similarity - b.similarity || a.row - b.row)
      .map(({ row }) => row)
      .slice(0, 3),
  };
}

describe("groups", () => {
  it("lists the largest first, each as the tables have it", async () => {
    const { top, groups, removed } = await listGroups({ folder: out, top: 12, sort: "size" });
    const tables = rowsOf(out);
    const expected = tables.kept.filter(({ size }) => size > 1).sort((a, b) => b.size - a.size || a.row - b.row);
    assert.ok(expected.length > 12);
    assert.deepEqual([groups, removed], [expected.length, tables.removed.length]);
    assert.deepEqual(
      top.map(({ kept }) => kept.row),
      expected.slice(0, 12).map(({ row }) => row),
    );
    for (const { kept, mean, removed, ...group } of top) {
      const { mean: naiveMean, rows, ...counts } = naive(kept.row);
      assert.deepEqual(group, counts);
      assert.ok(Math.abs(mean - naiveMean) < 1e-12);
      assert.deepEqual(
        removed.map(({ row }) => row),
        rows,
      );
      assert.equal(kept.text, tables.kept.find(({ row }) => row === kept.row)?.text);
    }
    assert.ok(top.some(({ removed }) => removed.length > 1));
  });

  it("lists those with the least similar row first", async () => {
    const { top } = await listGroups({ folder: out, top: 5, sort: "similarity" });
    const keepers = [...new Set(rowsOf(out).removed.map(({ keptRow }) => keptRow))].sort((a, b) => a - b);
    const expected = keepers
      .map((row) => ({ row, least: naive(row).least }))
      .sort((a, b) => a.least - b.least || a.row - b.row);
    assert.ok(expected[0].least < 1);
    assert.deepEqual(
      top.map(({ kept, least }) => ({ row: kept.row, least })),
      expected.slice(0, 5),
    );
  });

  it("are none where nothing was removed", async () => {
    const alone = join(folder, "alone");
    await dedup([writeJsonl(join(folder, "one.jsonl"), [{ text: "only one" }])], alone);
    const report = await listGroups({ folder: alone, top: 3, sort: "size" });
    assert.deepEqual([report.groups, report.removed, report.top], [0, 0, []]);
  });
});
