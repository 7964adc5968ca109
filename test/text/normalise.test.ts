import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { normalise, normaliseAny } from "../../src/text/normalise.js";

/** Text as received, then its normal form. */
const TABLE: readonly (readonly [string, string])[] = [
  ["", ""],
  ["你好", "你好"],
  ["Ｈｅｌｌｏ，Ｗｏｒｌｄ！１２３", "hello,world!123"],
  ["你好，世界。真的？！", "你好,世界.真的?!"],
  ["（一）：“引用”‘内’；、", "(一):\"引用\"'内';,"],
  ["【公告】〖通知〗〔注〕「甲」『乙』", "[公告][通知][注]\"甲\"'乙'"],
  ["《书名》〈篇〉«livre»", "<<书名>><篇><<livre>>"],
  ["等等……", "等等......"],
  ["破折——号–—−－‐", "破折--号-----"],
  ["波浪～〜~", "波浪~~~"],
  ["列奥纳多·达芬奇・・•‧", "列奥纳多·达芬奇····"],
  ["  多个 \t 空白\r\n\u3000\u00a0行\u2028 ", "多个 空白 行"],
  ["打 车", "打 车"],
  ["零\u200b宽\u200d\ufeff\u2060\u00ad度", "零宽度"],
  ["\u202eabc\u202c\u200f", "abc"],
  ["a\0b\x07c\x1f", "abc"],
  ["❤️", "❤"],
  ["👨‍👩‍👧 OK", "👨👩👧 ok"],
  ["STRASSE Straße STRAẞE", "strasse strasse strasse"],
  ["ΟΔΟΣ οδος οδοσ", "οδοσ οδοσ οδοσ"],
  ["İIıi", "i\u0307iıi"],
  ["ﬁnance ② ㎏ ｶﾞ ½", "finance 2 kg ガ 1⁄2"],
  ["a¨b", "a \u0308b"],
  ["e\u0301", "é"],
  ["か\u3099", "が"],
  ["ᾳ ΑΙ", "αι αι"],
  ["\ud800x", "\ud800x"],
  ["  ", ""],
  ["\u200b", ""],
];

test("each text has its expected normal form", () => {
  for (const [text, expected] of TABLE) assert.equal(normalise(text), expected, JSON.stringify(text));
});

/** Strings of everyday, odd and broken units, dense in what this module acts on. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
  fc.string({
    unit: fc.constantFrom(
      ..."aAßẞσςΣİıǰ ｶﾞか\u3099\u0301\u0345\u0338=α\u200d\ufe0f，。…——“”　\u00a0\t\n¨´½①中文\ud83d\ude00".split(""),
    ),
  }),
);

test("normalising twice changes nothing, for any string", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const once = normalise(text);
      assert.equal(normalise(once), once);
    }),
    { numRuns: 20_000 },
  );
});

test("every character between letters has a normal form that stays", () => {
  for (let code = 0; code < 0x110000; code++) {
    const once = normalise(`x${String.fromCodePoint(code)}y`);
    if (normalise(once) !== once) assert.fail(`U+${code.toString(16)}`);
  }
});

test("short texts and long ones take different roads to the same form", () => {
  const padding = "中".repeat(5000);
  fc.assert(
    fc.property(anyText, (text) => {
      assert.equal(normalise(`b${text}b${padding}`), normalise(`b${text}b`) + padding);
    }),
    { numRuns: 3000 },
  );
});

test("upper and lower case of every character are equal, dotless i apart", () => {
  const unequal: string[] = [];
  for (let code = 0; code < 0x110000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const character = String.fromCodePoint(code);
    const form = normalise(character);
    if (normalise(character.toUpperCase()) !== form || normalise(character.toLowerCase()) !== form) {
      unequal.push(character);
    }
  }
  assert.deepEqual(unequal, ["ı"]);
});

test("what disappears is what Unicode calls ignorable, control characters and annotation marks", () => {
  for (let code = 0; code < 0x110000; code++) {
    const character = String.fromCodePoint(code);
    const gone = normalise(`x${character}x`) === "xx";
    const expected =
      /\p{Default_Ignorable_Code_Point}|[\ufff9-\ufffb]/u.test(character) ||
      (/\p{Cc}/u.test(character) && !/\p{White_Space}/u.test(character));
    if (gone !== expected) assert.fail(`U+${code.toString(16)}: removed ${gone}`);
  }
});

test("no white space but single spaces inside is left", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      assert.doesNotMatch(
        normalise(text),
        /^\p{White_Space}|\p{White_Space}$|(?! )\p{White_Space}|\p{White_Space}{2}/u,
      );
    }),
    { numRuns: 5000 },
  );
});

test("a long text has the normal form that the engine gives to the whole of it", () => {
  const everyday = fc.constantFrom(
    "how do I reset ",
    "我的密码，",
    " \t ",
    "“Ａ”……",
    "é",
    "e\u0301",
    "が",
    "か\u3099",
    "Σ",
    "ᾳ",
    "\u1100\u1161",
    "😀",
    "\ud800",
    "\u200b",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(everyday, anyText), { minLength: 5, maxLength: 30 }), fc.nat(400), (parts, shift) => {
      const text = "x".repeat(3900 + shift) + parts.join("") + " y ".repeat(1500) + parts.join("漢");
      assert.equal(normalise(text), normaliseAny(text));
    }),
    { numRuns: 300 },
  );
  assert.equal(normalise(` ${"\u0301".repeat(10_000)} `), normaliseAny(` ${"\u0301".repeat(10_000)} `));
});
