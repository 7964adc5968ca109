import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsOf, fitted } from "../../src/cli/columns.js";

test("Chinese and full-width characters take two columns, combining marks and joiners none", () => {
  assert.equal(columnsOf("abc"), 3);
  assert.equal(columnsOf("房价，ＡＢ"), 10);
  assert.equal(columnsOf("e\u0301"), 1);
  assert.equal(columnsOf("\u200b"), 0);
  assert.equal(columnsOf("😀"), 2);
});

test("a text that does not fit ends with an ellipsis within the columns", () => {
  assert.equal(fitted("房价走势", 8), "房价走势");
  assert.equal(fitted("房价走势", 7), "房价走…");
  assert.equal(fitted("房价走势", 6), "房价…");
  assert.equal(fitted("one two three", 9), "one two…");
  assert.equal(fitted("😀😀", 3), "😀…");
});
