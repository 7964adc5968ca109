import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { openResultRows } from "../../src/run/read/result-rows.js";
import { dedup, numbers, readTable, testFolder, values, writeJsonl } from "./folders.js";

const folder = testFolder();
const out = join(folder, "out");

const RECORDS = [
  { key: { id: null }, text: "how do I reset my password for this account", title: "a" },
  { text: "how do I reset my password for this account", title: "b", key: { id: 7 } },
  { text: 5 },
  { text: "How do I reset my password for this  account", title: "c", key: { id: 7 } },
  { text: "how do I reset my password for this account!!?", title: "d", key: { id: "7" } },
  { text: "退款三天没有到账怎么办，我要投诉", title: "e", key: { id: "文-1" } },
  { text: "an invoice without tax", title: "f", key: { id: null } },
];

before(async () => {
  const file = writeJsonl(join(folder, "rows.jsonl"), RECORDS);
  await dedup([file], out, { threshold: 0.8, idField: "key.id", textFields: ["title", "text"] });
});

describe("single rows of a result", () => {
  it("are those that the reference reader finds in the tables", async () => {
    const rows = await openResultRows({ folder: out, needs: "this" });
    const kept = readTable(out, "kept.arrow");
    const removed = readTable(out, "removed.arrow");
    const found = new Map<number, unknown>();
    for (let row = 0; row < 9; row++) found.set(row, await rows.find(row));
    for (const [i, row] of numbers(kept, "_row").entries()) {
      const { id: _, ...rest } = found.get(row) as Record<string, unknown>;
      assert.deepEqual(rest, {
        fate: "kept",
        row,
        text: `${values(kept, "title")[i]}\n${values(kept, "text")[i]}`,
        vector: numbers(kept, "_vector")[i],
        groupSize: numbers(kept, "_group_size")[i],
      });
      found.delete(row);
    }
    assert.ok(removed.numRows > 0);
    for (const [i, row] of numbers(removed, "_row").entries()) {
      const { id: _, ...rest } = found.get(row) as Record<string, unknown>;
      assert.deepEqual(rest, {
        fate: "removed",
        row,
        text: `${values(removed, "title")[i]}\n${values(removed, "text")[i]}`,
        vector: numbers(removed, "_vector")[i],
        keptRow: numbers(removed, "_kept_row")[i],
        similarity: values(removed, "_similarity")[i],
        reason: values(removed, "_reason")[i],
      });
      found.delete(row);
    }
    assert.deepEqual(
      [...found],
      [
        [2, undefined],
        [7, undefined],
        [8, undefined],
      ],
    );
    assert.deepEqual([rows.rejectedBefore(2), rows.rejectedBefore(3), rows.rejectedBefore(7)], [0, 1, 1]);
    await rows.close();
  });

  it("are found by ids of any type, all rows of one that occurs several times", async () => {
    const rows = await openResultRows({ folder: out, needs: "this" });
    assert.deepEqual((await rows.withId("7")).sort(), [1, 3, 4]);
    assert.deepEqual(await rows.withId("文-1"), [5]);
    assert.deepEqual(await rows.withId("文"), []);
    assert.equal((await rows.find(6))?.id, null);
    await rows.close();
    const titled = await openResultRows({ folder: out, idField: "title", needs: "this" });
    assert.deepEqual(await titled.withId("e"), [5]);
    assert.equal((await titled.find(5))?.id, "e");
    await titled.close();
    await assert.rejects(openResultRows({ folder: out, idField: "name", needs: "this" }), /no field "name"; .*title/);
  });

  it("a folder without its tables says how to get them", async () => {
    const copy = join(folder, "copy");
    cpSync(out, copy, { recursive: true });
    rmSync(join(copy, "kept.arrow"));
    await assert.rejects(
      openResultRows({ folder: copy, needs: "explain" }),
      /kept\.arrow is missing, though the run wrote it/,
    );
    const parquet = join(folder, "parquet");
    await dedup([join(folder, "rows.jsonl")], parquet, { formats: ["parquet"] });
    await assert.rejects(
      openResultRows({ folder: parquet, needs: "explain" }),
      /kept\.arrow is missing; explain needs the Arrow files of a run \(bge-dedup --format arrow\)/,
    );
    await assert.rejects(openResultRows({ folder, needs: "explain" }), /cannot read .*manifest\.json.*; name a folder/);
  });
});
