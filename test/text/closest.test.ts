import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { closest } from "../../src/text/closest.js";

const WORDS = ["threshold", "threads", "format", "out", "verify", "max-removed"];

/** One slip of a finger. */
function slip(word: string, at: number, kind: number): string {
  const i = at % word.length;
  if (kind === 0) return word.slice(0, i) + word.slice(i + 1);
  if (kind === 1) return `${word.slice(0, i)}x${word.slice(i)}`;
  if (kind === 2) return `${word.slice(0, i)}x${word.slice(i + 1)}`;
  return word.slice(0, i) + (word[i + 1] ?? "") + word[i] + word.slice(i + 2);
}

test("one slip away from a word of four letters and more it is found again", () => {
  const word = fc.constantFrom(...WORDS.filter(({ length }) => length > 3));
  fc.assert(
    fc.property(word, fc.nat(20), fc.nat(3), (meant, at, kind) => {
      const typed = slip(meant, at, kind);
      assert.equal(closest(typed, WORDS), WORDS.includes(typed) ? undefined : meant);
    }),
  );
});

test("what is far from every word, or is one of them, brings no suggestion", () => {
  for (const word of ["rows.jsonl", "xyz", "", "threshold", "u"]) {
    assert.equal(closest(word, WORDS), undefined, word);
  }
});
