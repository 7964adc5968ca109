import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { makeRoom, noteOverMemory, noteSmallMemory, vectorBudget } from "../../src/run/work/memory.js";
import { dedup, noting, testFolder, writeJsonl } from "./folders.js";

const MiB = 2 ** 20;

/** What is said of a ceiling. */
function said(note: (memory: number, note: (message: string) => void) => void, memory: number): string[] {
  const notes: string[] = [];
  note(memory, (message) => notes.push(message));
  return notes;
}

test("a ceiling below what the program takes is said to be so before anything else, and the run goes on", async () => {
  const folder = testFolder();
  const file = writeJsonl(join(folder, "rows.jsonl"), [{ text: "one" }, { text: "two" }]);
  const reporter = noting();
  const { counts } = await dedup([file], join(folder, "out"), { memory: 64 * MiB, context: { reporter } });
  assert.equal(counts.kept, 2);
  assert.match(reporter.notes[0], /^--memory 64 MB cannot be held: the program alone takes about 256 MB/);
  assert.deepEqual(said(noteSmallMemory, 256 * MiB), []);
});

test("a ceiling that was passed is said to be so with both sizes", () => {
  assert.match(said(noteOverMemory, MiB)[0], /^resident memory reached \d+ MB, above --memory 1 MB: /);
  assert.deepEqual(said(noteOverMemory, 2 ** 40), []);
});

/** Leaves 132 MB of garbage behind, in pieces that the C library gives back at once, and tells what was resident with it. */
function waste(): number {
  const buffers = Array.from({ length: 3 }, () => new Uint8Array(44 * MiB).fill(1));
  const resident = process.memoryUsage.rss();
  assert.equal(buffers.length, 3);
  return resident;
}

test("garbage of the stage before is not taken for used", () => {
  const ceiling = waste() + 122 * MiB;
  const budget = vectorBudget(ceiling);
  // 10 MB if it were, or an eighth of the ceiling.
  assert.ok(
    budget > 100 * MiB && budget > ceiling / 8,
    `${Math.round(budget / MiB)} MB of ${Math.round(ceiling / MiB)}`,
  );
});

test("room is made where garbage is in the way of the next stage, and only there", () => {
  const ceiling = waste() + 10 * MiB;
  makeRoom(2 ** 40);
  makeRoom(ceiling);
  const resident = process.memoryUsage.rss();
  assert.ok(resident < ceiling - 100 * MiB, `${Math.round(resident / MiB)} MB of ${Math.round(ceiling / MiB)}`);
});
