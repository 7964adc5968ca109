import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ExactTexts } from "../../src/exact/exact.js";
import { hash128 } from "../../src/run/read/hash.js";

/** `shared` lies beside the checkout; the tests run from its root. */
const DATA = new URL("../shared/data/", `file://${process.cwd()}/`);

function titles(file: string): string[] {
  const path = new URL(file, DATA);
  assert.ok(existsSync(path), `${path.pathname} is missing: run from the checkout with ../shared/data beside it`);
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => line.slice(0, line.lastIndexOf("\t")));
}

for (const [file, rows, surplus] of [
  ["zh-tnews/train.tsv", 53_360, 3_634],
  ["zh-chnsenticorp/train.tsv", 9_600, 1_351],
] as const) {
  test(`${file} has ${surplus} surplus exact rows`, () => {
    const exact = new ExactTexts({ hash128 });
    const list = titles(file);
    for (const title of list) exact.add(title);
    assert.equal(exact.counts.rows, rows);
    assert.equal(exact.counts.exactSurplus, surplus);
    assert.equal(exact.counts.rawTexts, new Set(list).size);
  });
}
