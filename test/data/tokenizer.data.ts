import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createEncoder, type TokenizerJson } from "../../src/models/tokenizer.js";
import { sharedData } from "./shared.js";

/** A tokenizer.json with every part of BertNormalizer and WordPiece in it. */
interface BertTokenizer extends TokenizerJson {
  normalizer: { lowercase: boolean };
  model: { vocab: Record<string, number> };
}

const tokenizers = sharedData("tokenizers");
const readTokenizer = (file: string): BertTokenizer => JSON.parse(readFileSync(`${tokenizers}/${file}`, "utf8"));
const chinese = readTokenizer("bge-small-zh-v1.5.tokenizer.json");
const english = readTokenizer("bge-small-en-v1.5.tokenizer.json");
const uncased = readFileSync(`${tokenizers}/bert-base-uncased.vocab.txt`, "utf8").trimEnd().split("\n");

const cases: Record<string, { name: string; text: string; ids: number[] }[]> = JSON.parse(
  readFileSync(`${sharedData("tokenizer-vectors")}/bert-vectors.derived.json`, "utf8"),
);

/** bge-base-zh has the vocabulary of bge-small-zh and lower-cases; bert-base-uncased is bge-small-en's parts over its own list. */
const models: Record<string, TokenizerJson> = {
  "Xenova/bge-small-zh-v1.5": chinese,
  "Xenova/bge-base-zh-v1.5": { ...chinese, normalizer: { ...chinese.normalizer, lowercase: true } } as BertTokenizer,
  "Xenova/bert-base-uncased": {
    ...english,
    model: { ...english.model, vocab: Object.fromEntries(uncased.map((token, id) => [token, id])) },
  } as BertTokenizer,
};

describe("token ids equal those of Hugging Face", () => {
  for (const [model, tokenizer] of Object.entries(models)) {
    const encoder = createEncoder({ tokenizer, maxTokens: 512 });
    it(`for the ${cases[model].length} texts of ${model}`, () => {
      for (const { name, text, ids } of cases[model]) {
        // Its second text is missing from the file; this program never encodes pairs.
        if (name === "TEXT_PAIR") continue;
        assert.deepEqual([...encoder.encode(text).ids], ids, `${name}: ${JSON.stringify(text)}`);
      }
    });
  }
});
