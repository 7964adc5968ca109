import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { guardSignature } from "../../src/text/guards.js";
import { negations } from "../../src/text/negation.js";
import { normalise } from "../../src/text/normalise.js";

const BOTH = { numbers: true, negation: true, names: false };

function table(name: string, rows: readonly (readonly [string, number])[]): void {
  test(name, () => {
    const wrong = rows.filter(([text, expected]) => negations(normalise(text)) !== expected);
    assert.deepEqual(
      wrong.map(([text]) => [text, negations(normalise(text))]),
      wrong,
    );
  });
}

table("Chinese negators are counted", [
  ["不能退款", 1],
  ["没有收到", 1],
  ["未收到", 1],
  ["无法登录", 1],
  ["非会员", 1],
  ["别点链接", 1],
  ["請勿點擊", 1],
  ["沒有收到", 1],
  ["不会没有", 2],
  ["账号不同", 1],
  ["没事", 1],
  ["未婚", 1],
  ["可以退款", 0],
  ["", 0],
]);

table("negators inside fixed words do not negate", [
  ["酒店不错", 0],
  ["特别好", 0],
  ["别人的卡", 0],
  ["别的卡", 0],
  ["有什么区别", 0],
  ["非常满意", 0],
  ["除非下雨", 0],
  ["无论如何", 0],
  ["不但便宜而且好", 0],
  ["不仅便宜", 0],
  ["不过很好", 0],
  ["未来", 0],
  ["无线网", 0],
  ["差不多", 0],
  ["不小心删了", 0],
  ["非洲", 0],
  ["不好意思", 0],
  ["性别和级别", 0],
  ["特别不好", 1],
  ["不得不去", 0],
  ["别墅", 0],
  ["别买别墅", 1],
  ["对不起，没有货", 1],
]);

table("negators that only look like part of a fixed word are counted", [
  ["快递没收到", 1],
  ["这招不管用", 1],
  ["积分不过期", 1],
  ["这项服务不免费", 1],
  ["我没准备好", 1],
  ["查询无数据", 1],
  ["请别处理这单", 1],
  ["不错过优惠", 1],
  ["未来得及付款", 1],
]);

table("questions that offer both answers do not negate", [
  ["能不能退款", 0],
  ["是不是坏了", 0],
  ["有没有货", 0],
  ["可不可以退", 0],
  ["可以不可以退", 0],
  ["到账了没有？", 0],
  ["钱到了没", 0],
  ["能不能不去", 1],
]);

table("English negation is counted", [
  ["I can't log in", 1],
  ["I can’t log in", 1],
  ["I cannot log in", 1],
  ["I can not log in", 1],
  ["dont send it", 1],
  ["never without a receipt", 2],
  ["No refund", 1],
  ["unable to pay", 1],
  ["nothing works", 1],
  ["notice the knot in another note", 0],
  ["order no. 5", 0],
  ["whether or not it rains", 0],
  ["not only cheap", 0],
]);

/** Two texts and whether the guards keep them apart. */
const PAIRS: readonly (readonly [string, string, boolean])[] = [
  ["限购三件", "限购3件", false],
  ["限购三件", "限购四件", true],
  ["一万二千元", "１２，０００元", false],
  ["满100减20", "满200减20", true],
  ["满100减20，限时3天", "限时3天，满100减20", false],
  ["2024年1月2日到期", "到期日 2024-01-02", false],
  ["2024年1月2日到期", "2024年2月1日到期", true],
  ["比分3:2", "比分2:3", true],
  ["升级到v1.2", "升级到v1.3", true],
  ["升级到v1.10", "升级到v1.1", true],
  ["金额1.50", "金额1.5", false],
  ["利率百分之五", "利率5%", false],
  ["利率5%", "利率5", true],
  ["8点半开门", "08:30开门", false],
  ["下午3点", "上午3点", true],
  ["请问一下怎么退货", "请问怎么退货", false],
  ["不能登录", "无法登录", false],
  ["能登录", "不能登录", true],
  ["支持退货", "不支持退货", true],
  ["能不能退货", "能退货吗", false],
  ["收到了", "没收到", true],
  ["I can't log in", "I cannot log in", false],
  ["I can log in", "I can't log in", true],
  ["It works", "It never works", true],
  ["within three days", "within 3 days", false],
  ["within 3 days", "within 5 days", true],
  ["Ｗｉｔｈｉｎ　３ days", "within 3 days", false],
];

test("texts are kept apart exactly where a number or a negation differs", () => {
  for (const [a, b, apart] of PAIRS) {
    assert.equal(guardSignature(a, BOTH) !== guardSignature(b, BOTH), apart, `${a} | ${b}`);
  }
});

test("a guard that is off is not looked at", () => {
  assert.equal(guardSignature("3天不能退", { numbers: false, negation: false, names: false }), "");
  assert.equal(guardSignature("3天不能退", { numbers: true, negation: false, names: false }), "3");
  assert.equal(guardSignature("3天", { numbers: false, negation: true, names: false }), "");
});

test("all texts with one normal form have one signature", () => {
  const unit = fc.constantFrom(..."０1２3一十百万，、。 :：年月日不没别非nNoO'tＶ.％½①");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
      assert.equal(guardSignature(text, BOTH), guardSignature(normalise(text), BOTH));
    }),
    { numRuns: 2000 },
  );
});

test("a megabyte of numerals is read to its end", () => {
  const repeats = 40_000;
  const signature = guardSignature("1,000一亿1/1:2五分之不".repeat(repeats), BOTH);
  assert.ok(signature.endsWith(` not×${repeats}`));
  assert.ok(signature.split(" ").length > 2 * repeats);
  assert.equal(guardSignature("7".repeat(1_000_000), BOTH).length, 1_000_000);
});
