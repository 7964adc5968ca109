import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { builtin } from "../../src/models/builtin.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { builtinFeeds, builtinSums, builtinVectors } from "../bench/builtin-vectors.js";
import { randomSource } from "../join/vectors.js";

const { dim, threshold } = builtin;

/** The projection by the book: one signed weight in each block of 64. */
function projected(text: string): number[] {
  const sums = new Array<number>(256).fill(0);
  for (const id of builtin.encode(text, builtin.maxTokens).ids) {
    const weight = [0, 2, 3][Math.floor(id / 2 ** 28)];
    for (let block = 0; block < 4; block++) {
      const digit = Math.floor(id / 128 ** block) % 128;
      sums[block * 64 + (digit % 64)] += digit < 64 ? weight : -weight;
    }
  }
  return sums;
}

/** Texts of 0 to 600 units, Chinese, English or both, with repeats. */
function randomTexts(count: number, seed: number): string[] {
  const random = randomSource(seed);
  return Array.from({ length: count }, () => {
    const units = Math.floor(random() ** 3 * 600);
    const chinese = random();
    let text = "";
    for (let i = 0; i < units; i++) {
      if (random() < chinese) text += String.fromCharCode(0x4e00 + Math.floor(random() ** 2 * 3000));
      else text += ` ${Math.floor(random() ** 4 * 1e6).toString(36)} `;
    }
    return text;
  });
}

function cosine(vectors: Float32Array, left: number, right: number): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += vectors[left * dim + i] * vectors[right * dim + i];
  return sum;
}

test("the signed projection is the same to the last bit by the graph, without it, and by the book", async () => {
  const texts = ["", "好", "c# 5%", ...randomTexts(120, 1)];
  const sums = await builtinSums(texts);
  const direct = new Int32Array(dim);
  texts.forEach((text, row) => {
    const expected = projected(text);
    builtin.project(builtin.encode(text, builtin.maxTokens).ids, direct);
    assert.deepEqual(Array.from(direct), expected, JSON.stringify(text));
    assert.deepEqual(Array.from(sums.subarray(row * dim, (row + 1) * dim)), expected, JSON.stringify(text));
  });
});

test("what the graph gives does not depend on the batch, the padding or the number of threads", async () => {
  const texts = randomTexts(150, 2);
  const expected = await builtinSums(texts, texts.length, 1);
  for (const [batch, threads] of [
    [1, 1],
    [7, 2],
    [64, 2],
    [150, 2],
  ]) {
    assert.deepEqual(await builtinSums(texts, batch, threads), expected, `batch ${batch}, ${threads} threads`);
  }
  const kernel = await createOrtEngine({ threads: 1 }).compile(builtin.graph());
  const { sentence_embedding } = await kernel.run(builtinFeeds(texts, 3000));
  assert.deepEqual(sentence_embedding.data, expected);
  await kernel.release();
});

test("masked positions do not count, whatever their id", async () => {
  const kernel = await createOrtEngine({ threads: 1 }).compile(builtin.graph());
  const feeds = builtinFeeds(["今天天气很好", "好"]);
  const expected = await kernel.run(feeds);
  const ids = (feeds.input_ids.data as BigInt64Array).map((id, at) =>
    (feeds.attention_mask.data as BigInt64Array)[at] ? id : 0x2abcdefn,
  );
  const got = await kernel.run({ ...feeds, input_ids: { ...feeds.input_ids, data: ids } });
  assert.deepEqual(got.sentence_embedding.data, expected.sentence_embedding.data);
  await kernel.release();
});

test("vectors have length 1, and a text without n-grams has the zero vector", async () => {
  const vectors = builtinVectors(["", "……!", "好", "打车去机场", "a"]);
  for (let row = 0; row < 5; row++) assert.ok(Math.abs(cosine(vectors, row, row) - (row < 2 ? 0 : 1)) < 1e-6);
  assert.ok(vectors.subarray(0, 2 * dim).every((value) => value === 0));
});

test("texts of one or two characters are no near-duplicates of each other", async () => {
  const characters = Array.from({ length: 900 }, (_, i) => String.fromCharCode(0x4e00 + 7 * i));
  const couples = characters.slice(1).map((character, i) => characters[i] + character);
  const texts = [...characters, ...couples];
  const vectors = builtinVectors(texts);
  for (let left = 0; left < texts.length; left++) {
    for (let right = left + 1; right < texts.length; right++) {
      const value = cosine(vectors, left, right);
      assert.ok(value < threshold, `${texts[left]} and ${texts[right]}: ${value}`);
    }
  }
});

test("cosines follow those of the weighted n-gram sets", async () => {
  const random = randomSource(3);
  const texts = randomTexts(60, 4).filter((text) => text.length > 10);
  // Beside each text one that has lost a random share of it.
  const cut = texts.map((text) => text.slice(0, Math.ceil(text.length * random())));
  const vectors = builtinVectors([...texts, ...cut]);
  const weigh = (ids: Int32Array) => ids.reduce((sum, id) => sum + [0, 2, 3][id >> 28] ** 2, 0);
  texts.forEach((text, row) => {
    const whole = builtin.encode(text, builtin.maxTokens).ids.slice();
    const part = builtin.encode(cut[row], builtin.maxTokens).ids;
    const shared = part.filter((id) => whole.includes(id));
    const exact = weigh(shared) / Math.sqrt(weigh(whole) * weigh(part));
    const error = cosine(vectors, row, texts.length + row) - exact;
    assert.ok(Math.abs(error) <= (5 * (1 - exact ** 2)) / Math.sqrt(dim) + 1e-6, `${exact} came out off by ${error}`);
  });
});

test("damaged copies are found, other texts are not", async () => {
  const copies = [
    [
      "通过中介公司买了二手房,首付都付了,现在卖家不想卖了。怎么处理?",
      "通过中介公司买了二手房,首付都交了,现在卖家不想卖了,怎么处理",
    ],
    ["无法登录手机银行,提示密码错误次数过多", "提示密码错误次数过多,无法登录手机银行"],
    ["How do I reset the password of my online account?", "how do i reset teh password of my online account"],
    ["Ｉｎｖｏｉｃｅ　２０２４ is missing from my order", "invoice 2024 is missing from my order!"],
  ];
  const vectors = builtinVectors(copies.flat());
  for (let left = 0; left < 2 * copies.length; left++) {
    for (let right = left + 1; right < 2 * copies.length; right++) {
      const value = cosine(vectors, left, right);
      const found = value >= threshold;
      assert.equal(found, left >> 1 === right >> 1, `${copies.flat()[left]} and ${copies.flat()[right]}: ${value}`);
    }
  }
});

test("the vectors of this version are these", async () => {
  const vectors = builtinVectors([
    "",
    "今天天气很好",
    "The quick brown fox",
    "iPhone 15 降价 500 元",
    "ＡＢＣ",
    "서울 날씨",
    ...randomTexts(50, 5),
  ]);
  const digest = createHash("sha256").update(new Uint8Array(vectors.buffer)).digest("hex");
  // Where this fails because the vectors are meant to change, raise `version` with it: stored vectors must not be mixed.
  assert.deepEqual([builtin.version, digest.slice(0, 16)], ["2", "057bace6d55c9e23"]);
});
