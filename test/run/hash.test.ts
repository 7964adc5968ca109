import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { hash128 } from "../../src/run/read/hash.js";

function hex(text: string): string {
  const words = new Uint32Array(4);
  hash128(text, words);
  return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}

test("the hash is the first half of the UTF-8 bytes' SHA-256", () => {
  // FIPS 180-2, appendix B.1.
  assert.equal(hex("abc"), "ba7816bf8f01cfea414140de5dae2223");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.equal(hex(text), createHash("sha256").update(text, "utf8").digest("hex").slice(0, 32));
    }),
  );
});

test("texts that differ only in lone surrogates have different hashes", () => {
  const texts = ["\ud800", "\ud801", "\udc00", "\ufffd", "\ud800\ud800", "a\ud800", "\ud800a", "😀", "\ude00\ud83d"];
  assert.equal(new Set(texts.map(hex)).size, texts.length);
});
