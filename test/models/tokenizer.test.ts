import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createEncoder, MAX_PARTS } from "../../src/models/tokenizer.js";
import { readGolden, tinyModel } from "./golden.js";

const encoderOf = (name: "tiny-bert" | "tiny-xlmr", maxTokens: number) =>
  createEncoder({ tokenizer: JSON.parse(readFileSync(`${tinyModel(name)}/tokenizer.json`, "utf8")), maxTokens });

describe("token ids", () => {
  for (const name of ["tiny-bert", "tiny-xlmr"] as const) {
    it(`of ${name} equal those of Hugging Face tokenizers, cut at 512`, () => {
      const { encode } = encoderOf(name, 512);
      for (const { text, ids } of readGolden(name)) assert.deepEqual([...encode(text).ids], ids, text);
    });
  }

  it("know their largest one, whether the vocabulary is an object or a list", () => {
    for (const name of ["tiny-bert", "tiny-xlmr"] as const) {
      const { vocab_size } = JSON.parse(readFileSync(`${tinyModel(name)}/config.json`, "utf8"));
      assert.equal(encoderOf(name, 512).largestId, vocab_size - 1);
    }
  });

  it("tell a text without a known token from one with", () => {
    for (const name of ["tiny-bert", "tiny-xlmr"] as const) {
      const { encode } = encoderOf(name, 512);
      assert.equal(encode("好").known, true);
      assert.equal(encode("\u{20000}").known, false);
      assert.equal(encode("").known, false);
    }
  });

  it("say that a text was cut, and end as the template wants", () => {
    const { encode } = encoderOf("tiny-bert", 8);
    const whole = encode("好好好好好好");
    assert.deepEqual([whole.truncated, whole.ids.length], [false, 8]);
    const cut = encode("好好好好好好大");
    assert.equal(cut.truncated, true);
    assert.deepEqual([...cut.ids], [...whole.ids]);
  });

  it("leave no room for text: an error", () => {
    assert.throws(
      () => encoderOf("tiny-bert", 2),
      /--max-length 2 leaves no room beside 2 special tokens; expected at least 3/,
    );
  });
});

describe("parts of a long text", () => {
  it("hold every token once, in order, each within the limit and with special tokens", () => {
    const { encodeParts } = encoderOf("tiny-bert", 16);
    const { encode } = encoderOf("tiny-bert", 512);
    fc.assert(
      fc.property(fc.stringMatching(/^[ a-z如何重置登录密码]{0,300}$/), (text) => {
        const { parts, truncated } = encodeParts(text);
        const whole = [...encode(text).ids];
        const inner = parts.flatMap((ids) => [...ids].slice(1, -1));
        assert.deepEqual([whole[0], ...inner, whole.at(-1)], whole);
        assert.equal(truncated, false);
        for (const [i, ids] of parts.entries()) {
          assert.deepEqual([ids[0], [...ids].at(-1)], [whole[0], whole.at(-1)]);
          assert.ok(ids.length === 16 || i === parts.length - 1);
        }
      }),
    );
  });

  it("end somewhere, and then the text counts as cut", () => {
    const { encodeParts } = encoderOf("tiny-bert", 16);
    const { parts, truncated } = encodeParts("好".repeat(14 * MAX_PARTS + 1));
    assert.deepEqual([parts.length, truncated], [MAX_PARTS, true]);
    assert.equal(encodeParts("好".repeat(14 * MAX_PARTS)).truncated, false);
  });
});
