import assert from "node:assert/strict";
import { test } from "node:test";
import { areForms, liesWithin, termsOf } from "../../src/text/terms.js";

test("Chinese words and their phrases come out, stop words, numbers and single characters do not", () => {
  const terms = termsOf("我们为什么喜欢2018年的上海房价？");
  for (const term of ["喜欢", "上海", "房价", "上海房价"]) assert.ok(terms.includes(term), `${term} in ${terms}`);
  for (const term of ["我们", "为什么", "2018", "年", "的", "喜欢上海"]) assert.ok(!terms.includes(term), term);
});

test("a name that the dictionary splits is found as a phrase", () => {
  assert.ok(termsOf("王者荣耀新英雄上线").includes("王者荣耀"));
  assert.ok(termsOf("他买了劳斯莱斯").some((term) => term === "劳斯莱斯"));
});

test("verbs and adjectives with a particle at their end are no terms, nouns that end like them are", () => {
  const terms = termsOf("我看到了他的目的，做了好的准备");
  for (const term of ["目的", "准备"]) assert.ok(terms.includes(term), `${term} in ${terms}`);
  for (const term of ["到了", "做了", "好的"]) assert.ok(!terms.includes(term), term);
});

test("English words are lower-cased and joined across one space only", () => {
  assert.deepEqual(termsOf("The Credit Card, virtual card"), [
    "credit",
    "card",
    "credit card",
    "virtual",
    "virtual card",
  ]);
  assert.deepEqual(termsOf("Bank transfer to Europe"), ["bank", "transfer", "bank transfer", "europe"]);
});

test("scripts do not mix in a phrase and full width equals half width", () => {
  assert.deepEqual(termsOf("ＧＰＵ 显卡"), ["gpu", "显卡"]);
  assert.deepEqual(termsOf("显卡gpu"), ["显卡", "gpu"]);
});

test("each term of a text comes once and texts without words have none", () => {
  assert.deepEqual(termsOf("card card card").filter((term) => term === "card").length, 1);
  for (const text of ["", "123 4.5", "！？…", "😀", "的了", "\ud800"]) assert.deepEqual(termsOf(text), []);
});

test("containment goes by characters in Chinese and by whole words elsewhere", () => {
  assert.ok(liesWithin("荣耀", "王者荣耀"));
  assert.ok(liesWithin("card", "virtual card"));
  assert.ok(!liesWithin("car", "virtual card"));
  assert.ok(!liesWithin("card", "card"));
});

test("inflected forms are one word, other words and Chinese are not", () => {
  assert.ok(areForms("card", "cards") && areForms("activation", "activate") && areForms("verify", "verified"));
  assert.ok(areForms("fees", "fee") && areForms("virtual card", "virtual cards") && areForms("charge", "charging"));
  assert.ok(!areForms("car", "card") && !areForms("学生", "学生们") && !areForms("cash", "case"));
});
