import assert from "node:assert/strict";
import { test } from "node:test";
import { createLabeller } from "../../src/cluster/labels.js";

const corpus: readonly (readonly string[])[] = [
  [
    "上海房价又涨了，年轻人买房压力大",
    "买房还是租房？专家谈房价走势",
    "二手房价格下跌，买房的机会来了",
    "为什么县城的房价也这么高",
    "首付多少才能在北京买房",
    "房价会不会继续上涨",
  ],
  [
    "王者荣耀新英雄上线，玩家热议",
    "王者荣耀哪个英雄最适合新手",
    "这款游戏的玩家已经超过一亿",
    "玩王者荣耀总是输怎么办",
    "职业玩家教你玩英雄",
    "王者荣耀新赛季游戏更新内容",
  ],
  [
    "How do I activate my virtual card?",
    "My virtual card is not working",
    "Where can I find my virtual card number",
    "I want to order a virtual card",
    "The virtual card was declined in a shop",
    "Can I use virtual cards abroad?",
  ],
  [
    "What is the exchange rate for euros?",
    "The exchange rate was wrong for my purchase",
    "Do you update the exchange rate every day",
    "I was charged a bad exchange rate in Japan",
    "Which exchange rate applies to cash",
    "Why was my card charged with another exchange rate",
  ],
];

test("a bilingual corpus gets the terms that a person would choose", () => {
  const labeller = createLabeller({ k: 4 });
  for (let line = 0; line < 6; line++) for (const [j, texts] of corpus.entries()) labeller.add(j, texts[line]);
  const labels = labeller.labels(3);
  assert.deepEqual(new Set(labels[0].slice(0, 2)), new Set(["房价", "买房"]));
  assert.equal(labels[1][0], "王者荣耀");
  assert.equal(labels[2][0], "virtual card");
  assert.equal(labels[3][0], "exchange rate");
  for (const label of labels) assert.ok(label.length > 0 && label.length <= 3);
  for (const part of ["王者", "荣耀", "virtual", "card", "exchange", "rate"])
    assert.ok(!labels.flat().includes(part), part);
});

test("one cluster alone is named by its most frequent terms", () => {
  const labeller = createLabeller({ k: 1 });
  for (const text of corpus[1]) labeller.add(0, text);
  assert.equal(labeller.labels(1)[0][0], "王者荣耀");
});

test("clusters without texts or terms have no label", () => {
  const labeller = createLabeller({ k: 3 });
  for (let row = 0; row < 20; row++) {
    labeller.add(0, "123");
    labeller.add(2, "苹果手机");
  }
  assert.deepEqual(labeller.labels(2), [[], [], ["苹果手机"]]);
});

test("a cluster larger than its sample is named from all of it, and labels may be asked for at any time", () => {
  const k = 400;
  const labeller = createLabeller({ k });
  const interrupted = createLabeller({ k });
  for (let row = 0; row < 3000; row++) {
    const topic = row < 1000 ? "apples" : row < 2000 ? "bananas" : "cherries";
    for (const each of [labeller, interrupted]) {
      each.add(0, `${topic} grow ${row}`);
      each.add(1, "stones rest");
    }
    if (row % 700 === 0) interrupted.labels(2);
  }
  const labels = labeller.labels(4);
  assert.ok(
    ["apples", "bananas", "cherries"].every((topic) => labels[0].join(" ").includes(topic)),
    `${labels[0]}`,
  );
  assert.deepEqual(interrupted.labels(4), labels);
});

test("only the start of a long text counts, up to its last whole word", () => {
  const labeller = createLabeller({ k: 2 });
  for (let row = 0; row < 20; row++) labeller.add(0, `harbour ${"x ".repeat(260)}lighthouse`);
  for (let row = 0; row < 20; row++) labeller.add(1, `forest ${". ".repeat(250)}broken`);
  assert.deepEqual(labeller.labels(5), [["harbour"], ["forest"]]);
});

test("terms that do not set a cluster apart are left out, down to none at all", () => {
  const labeller = createLabeller({ k: 3 });
  const words = ["river", "market", "engine", "window", "garden", "letter", "bridge", "silver"];
  for (let row = 0; row < 400; row++) {
    // The same eight words everywhere, and in cluster 2 a ninth: in every fifth text.
    for (let j = 0; j < 3; j++) labeller.add(j, `${words[row % 8]}, ${words[(row + 3) % 8]}`);
    labeller.add(2, row % 5 === 0 ? "lighthouse" : words[row % 8]);
  }
  const [first, second, third] = labeller.labels(5);
  assert.deepEqual([first, second], [[], []]);
  assert.deepEqual(third, ["lighthouse"]);
});

test("a few texts do not name a large cluster, however rare their words are elsewhere", () => {
  const labeller = createLabeller({ k: 2 });
  for (let row = 0; row < 1000; row++) {
    labeller.add(0, row % 2 === 0 ? "harbour" : row % 200 === 1 ? "walrus" : `ship ${row}`);
    labeller.add(1, "forest");
  }
  // Every text with the word walrus is in cluster 0, but five of 1,000 do not describe it.
  assert.deepEqual(labeller.labels(5)[0], ["harbour", "ship"]);
});

test("a piece that the dictionary cut out of a name does not stand beside the name's other piece", () => {
  const labeller = createLabeller({ k: 2 });
  for (let row = 0; row < 60; row++) {
    labeller.add(0, ["汶川地震十年", "重走汶川", "汶川孩子"][row % 3]);
    labeller.add(1, "股市行情");
  }
  const [label] = labeller.labels(5);
  assert.ok(label.includes("汶川") || label.includes("汶川地震"), label.join());
  assert.ok(!label.includes("川地震"), label.join());
});
