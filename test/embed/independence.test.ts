import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { groupByLength, paddedLength } from "../../src/embed/local/batching.js";
import { testFolder } from "../run/folders.js";
import { writePooledBert, writeStaticModel } from "./pooled-models.js";
import { startTiny } from "./tiny-embedder.js";

const folder = testFolder();

/** Texts of many lengths, from none to far over the limit, seeded. */
const texts = (() => {
  const characters = [..."如何重置登录密码怎样修改收货地址 order refund my。"];
  let state = 7;
  const random = () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  return Array.from({ length: 70 }, () => {
    const length = Math.floor(Math.exp(random() * 6.3)) - 1;
    return Array.from({ length }, () => characters[Math.floor(random() * characters.length)]).join("");
  });
})();

/** Vectors of `texts`, embedded in windows of `size` texts, two of them at a time. */
async function embedAll({ size, ...options }: { size: number } & Parameters<typeof startTiny>[0]): Promise<Uint8Array> {
  const embedder = await startTiny(options);
  const windows: Promise<{ vectors: Float32Array }>[] = [];
  for (let at = 0; at < texts.length; at += size) windows.push(embedder.embed(texts.slice(at, at + size)));
  const parts = (await Promise.all(windows)).map(({ vectors }) => new Uint8Array(vectors.buffer));
  return Buffer.concat(parts);
}

describe("a vector does not depend on its neighbours, to the last bit", () => {
  for (const [name, model] of Object.entries({
    "in fp32 pooled by cls": { dtype: "fp32", pooling: "cls" },
    "in fp32 pooled by mean": { dtype: "fp32", pooling: "mean" },
    "in fp16 pooled by cls": { dtype: "fp16", pooling: "cls" },
    "in int8 pooled by cls": { dtype: "int8", pooling: "cls" },
    "of a static model": { folder: writeStaticModel(join(folder, "static")), pooling: "none" },
    "of a BERT that pools by itself": { folder: writePooledBert(join(folder, "bert")), pooling: "none" },
  } as const)) {
    it(`${name}: any batch size, window and number of threads and sessions`, async () => {
      const expected = await embedAll({ ...model, batchTokens: 1, threads: 1, size: texts.length });
      for (const options of [
        { batchTokens: 512, threads: 1, size: texts.length },
        { batchTokens: 4096, threads: 2, size: 40 },
        { batchTokens: 32_768, threads: 2, size: texts.length },
        { threads: 2, size: 7, tokenizers: 2 },
        { threads: 4, sessions: 3, size: 30 },
      ]) {
        const found = await embedAll({ ...model, ...options });
        assert.ok(Buffer.compare(found, expected) === 0, JSON.stringify(options));
      }
    });
  }
});

describe("padding", () => {
  it("goes to a length that depends on the text alone, by a sixteenth at most and within the limit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8192 }), fc.integer({ min: 1, max: 8192 }), (a, b) => {
        const [tokens, limit] = [Math.min(a, b), Math.max(a, b)];
        const padded = paddedLength(tokens, limit);
        assert.ok(padded >= tokens && padded <= limit && padded <= tokens * (1 + 1 / 16));
      }),
    );
  });

  it("knows 96 lengths up to 512", () => {
    const lengths = new Set(Array.from({ length: 512 }, (_, i) => paddedLength(i + 1, 512)));
    assert.equal(lengths.size, 96);
  });

  it("puts each text with tokens in one group, longest first", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 600 })), (lengths) => {
        const offsets = new Int32Array(lengths.length + 1);
        for (const [i, tokens] of lengths.entries()) offsets[i + 1] = offsets[i] + tokens;
        const groups = groupByLength(offsets, (tokens) => paddedLength(tokens, 600));
        const members = groups.flatMap((group) => [...group.members]).sort((a, b) => a - b);
        assert.deepEqual(
          members,
          lengths.flatMap((tokens, i) => (tokens > 0 ? [i] : [])),
        );
        for (const [g, { length, members: theirs }] of groups.entries()) {
          if (g > 0) assert.ok(length < groups[g - 1].length);
          for (const i of theirs) assert.equal(paddedLength(lengths[i], 600), length);
        }
      }),
    );
  });
});
