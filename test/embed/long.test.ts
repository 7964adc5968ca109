import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { averageParts } from "../../src/embed/local/average.js";
import type { LongText } from "../../src/models/spec.js";
import { startTiny } from "./tiny-embedder.js";

/** Embeds texts by windows of 16 tokens, of which 14 are the text's own. */
async function embed(texts: readonly string[], long: LongText) {
  const embedder = await startTiny({ maxLength: 16, long });
  const { vectors, truncated, directed } = await embedder.embed(texts);
  const { dim } = embedder;
  return { rows: texts.map((_, i) => vectors.subarray(i * dim, (i + 1) * dim)), truncated, directed };
}

const first = "如何重置登录密码怎样修改收货";
const second = "地址为什么订单还没有发货退款";
const rest = "天上";

describe("a text that is longer than the model takes", () => {
  it("is cut, counted, and has the vector of its start where --long is truncate", async () => {
    const { rows, truncated } = await embed([first + second, first], "truncate");
    assert.deepEqual([...truncated], [1, 0]);
    assert.deepEqual(rows[0], rows[1]);
  });

  it("has the mean of its windows' vectors, weighted by their tokens, where --long is mean", async () => {
    const whole = first + second + rest;
    const { rows, truncated } = await embed([whole, first, second, rest], "mean");
    assert.deepEqual([...truncated], [0, 0, 0, 0]);
    const [a, b, c] = rows.slice(1);
    // Windows of 14, 14 and 2 characters, each with two special tokens.
    const sum = Array.from(a, (value, d) => 16 * value + 16 * b[d] + 4 * c[d]);
    const length = Math.hypot(...sum);
    for (const [d, value] of sum.entries()) assert.ok(Math.abs(rows[0][d] - value / length) < 1e-6);
  });

  it("leaves short texts as they are where --long is mean", async () => {
    const texts = [first, "", rest, "\u{20000}"];
    const cut = await embed(texts, "truncate");
    const mean = await embed([...texts, first + second], "mean");
    assert.deepEqual(mean.rows.slice(0, 4), cut.rows);
    assert.deepEqual([...mean.directed], [1, 0, 1, 0, 1]);
  });
});

describe("the mean of parts", () => {
  it("that cancel out has no direction", () => {
    const vectors = Float32Array.of(1, 0, -1, 0, 0, 1);
    const mean = averageParts(vectors, 2, Int32Array.of(0, 5, 10, 12), Int32Array.of(0, 2, 3));
    assert.deepEqual([...mean.vectors], [0, 0, 0, 1]);
    assert.deepEqual([...mean.directed], [0, 1]);
  });
});
