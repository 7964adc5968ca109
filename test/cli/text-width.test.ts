import assert from "node:assert/strict";
import { test } from "node:test";
import { beginning, columnsOf, fitted, rightAligned, widthOf } from "../../src/cli/text-width.js";

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

test("a beginning fits into the columns and cuts no character", () => {
  assert.equal(beginning("房价走势", 5), "房价");
  assert.equal(beginning("a😀b", 2), "a");
  assert.equal(beginning("e\u0301f", 1), "e\u0301");
  assert.equal(beginning("房", 1), "");
});

test("cells are aligned by the columns that they take, not by their characters", () => {
  assert.deepEqual(
    rightAligned([
      ["row", "id"],
      ["7", "房价"],
      ["12", "a"],
    ]),
    ["row    id", "  7  房价", " 12     a"],
  );
  assert.deepEqual(rightAligned([[], []]), ["", ""]);
});

test("a stream without a width, or with a width of none, takes lines of 80 columns", () => {
  assert.deepEqual([{}, { columns: 0 }, { columns: 120 }].map(widthOf), [80, 80, 120]);
});
