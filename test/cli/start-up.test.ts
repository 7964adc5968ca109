import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

const bundle = new URL("../../src/bundle/commands/", import.meta.url);
/** Imports that are loaded before a module runs; `import()` has a parenthesis. */
const STATIC = /(?:from|import)"\.\/([^"]+\.js)"/g;

/** Text of each file of the bundle that comes with one of them. */
function loaded(file: string, found = new Map<string, string>()): Map<string, string> {
  if (found.has(file)) return found;
  const text = readFileSync(new URL(file, bundle), "utf8");
  found.set(file, text);
  for (const [, other] of text.matchAll(STATIC)) loaded(other, found);
  return found;
}

describe("a command that only tells its flags", () => {
  for (const command of ["dedup.js", "cluster.js"]) {
    it(`loads few files and none of what runs need: ${command}`, () => {
      const files = loaded(command);
      const bytes = [...files.values()].reduce((sum, text) => sum + text.length, 0);
      assert.ok(files.size > 1 && files.size <= 8, `${files.size} files`);
      assert.ok(bytes < 300_000, `${bytes} characters`);
      for (const text of files.values()) {
        assert.doesNotMatch(text, /RecordBatchFileWriter|from"onnxruntime-node"|new Intl\./);
      }
    });
  }
});
