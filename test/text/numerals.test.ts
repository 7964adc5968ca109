import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { normalise } from "../../src/text/normalise.js";
import { numerals } from "../../src/text/numerals.js";

const numbersOf = (text: string): string => numerals(normalise(text)).sort().join(" ");

/** Text, then its canonical numerals in sorted order. */
function table(name: string, rows: readonly (readonly [string, string])[]): void {
  test(name, () => {
    const wrong = rows.filter(([text, expected]) => numbersOf(text) !== expected);
    assert.deepEqual(
      wrong.map(([text]) => [text, numbersOf(text)]),
      wrong,
    );
  });
}

table("Arabic numbers have one form whatever their width, separators and zeros", [
  ["限购5件", "5"],
  ["限购５件", "5"],
  ["１，０００元", "1000"],
  ["1,000元", "1000"],
  ["12,345,678.90", "12345678.9"],
  ["1.50元", "1.5"],
  ["第007号", "7"],
  ["0.5", "0.5"],
  ["1,2,3", "1 2 3"],
  ["iphone13", "13"],
  ["从3到5", "3 5"],
  ["12345678901234567890123", "12345678901234567890123"],
  ["٣ أيام", "3"],
  ["५ दिन", "5"],
  ["²", "2"],
  ["①", "1"],
  ["no numbers at all", ""],
  ["", ""],
]);

table("Chinese numerals are read as numbers", [
  ["三天", "3"],
  ["十天", "10"],
  ["十二个月", "12"],
  ["二十", "20"],
  ["二十五", "25"],
  ["两百", "200"],
  ["两百五", "250"],
  ["两百零五", "205"],
  ["三千六", "3600"],
  ["一万二千", "12000"],
  ["一万二", "12000"],
  ["一万零二", "10002"],
  ["三万五千六百七十八", "35678"],
  ["一亿二千万", "120000000"],
  ["一千万", "10000000"],
  ["三万亿", "3000000000000"],
  ["二〇二四", "2024"],
  ["零", "0"],
  ["廿三", "23"],
  ["卅", "30"],
  ["壹贰叁", "123"],
  ["伍佰元", "500"],
  ["壹万贰仟叁佰肆拾伍元", "12345"],
  ["兩萬", "20000"],
  ["三億", "300000000"],
  ["他们俩", "2"],
  ["第三", "3"],
  ["第十二章", "12"],
  ["三点一四", "3.14"],
  ["星期三", "3"],
  ["周一下午", "1"],
  ["第一下", "1"],
]);

table("Arabic digits and Chinese units mix", [
  ["3万", "30000"],
  ["3万5千", "35000"],
  ["1.5亿", "150000000"],
  ["1.25万", "12500"],
  ["2千", "2000"],
  ["5百", "500"],
  ["1,200万", "12000000"],
  ["5千克", "5"],
  ["五千克", "5"],
  ["3千米", "3"],
]);

table("percentages and fractions", [
  ["5%", "5%"],
  ["５％", "5%"],
  ["5.0 %", "5%"],
  ["5 percent", "5%"],
  ["百分之五", "5%"],
  ["百分之三点五", "3.5%"],
  ["百分之百", "100%"],
  ["百分之二十五", "25%"],
  ["千分之三", "3‰"],
  ["跌了-5%", "-5%"],
  ["3%-5%", "3% 5%"],
  ["三分之一", "1/3"],
  ["1/3", "1/3"],
  ["⅓", "1/3"],
  ["三分之二", "2/3"],
  ["零下5度", "-5"],
  ["气温-5℃", "-5"],
]);

table("dates", [
  ["2024-01-02", "2024-1-2"],
  ["2024年1月2日", "2024-1-2"],
  ["2024年1月2号", "2024-1-2"],
  ["2024/1/2", "2024-1-2"],
  ["2024.01.02", "2024-1-2"],
  ["2024 年 1 月 2 日", "2024-1-2"],
  ["二〇二四年一月二日", "2024-1-2"],
  ["January 2, 2024", "2024-1-2"],
  ["Jan 2nd 2024", "2024-1-2"],
  ["2 January 2024", "2024-1-2"],
  ["2nd of January", "--1-2"],
  ["1月2日", "--1-2"],
  ["十二月二十五号", "--12-25"],
  ["2024年1月", "2024-1"],
  ["March 2024", "2024-3"],
  ["2024-03", "2024-3"],
  ["2024年", "2024"],
  ["5月", "5"],
  ["2020-2024", "2020 2024"],
  ["2024-13-45", "13 2024 45"],
  ["01/02/2024", "1/2/2024"],
  ["2024-01-02T08:30", "2024-1-2 8:30"],
]);

table("times of day", [
  ["08:30", "8:30"],
  ["8：30", "8:30"],
  ["8点30分", "8:30"],
  ["八点三十分", "8:30"],
  ["八点半", "8:30"],
  ["八点十分", "8:10"],
  ["8点一刻", "8:15"],
  ["8:05", "8:05"],
  ["8:00", "8"],
  ["早上8点", "8"],
  ["下午3点", "15"],
  ["下午三点半", "15:30"],
  ["下午一点", "13"],
  ["3 pm", "15"],
  ["3:30 p.m.", "15:30"],
  ["12am", "0"],
  ["23:59:59", "23:59:59"],
  ["比分3:2", "3:2"],
  ["100点", "100"],
]);

table("versions keep their parts", [
  ["1.2.3", "1.2.3"],
  ["v1.2.3", "1.2.3"],
  ["v1.2", "1.2"],
  ["v1.10", "1.10"],
  ["1.10", "1.1"],
  ["版本1.10", "1.10"],
  ["version 2.0", "2"],
  ["192.168.0.1", "192.168.0.1"],
]);

table("numerals inside fixed words count nothing", [
  ["请问一下", ""],
  ["一些问题", ""],
  ["一样的", ""],
  ["一起去", ""],
  ["一般一直统一", ""],
  ["唯一的办法", ""],
  ["万一丢了", ""],
  ["十分满意", ""],
  ["十分钟", "10"],
  ["八十分", "80"],
  ["三心二意", ""],
  ["之一", ""],
  ["快一点", ""],
  ["百度一下", ""],
  ["千万不要", ""],
  ["二维码", ""],
  ["二手手机", ""],
  ["买零食", ""],
  ["一个", "1"],
  ["万", ""],
  ["几千一件", "1"],
  ["一半", ""],
]);

table("English number words", [
  ["three days", "3"],
  ["twelve", "12"],
  ["twenty-one", "21"],
  ["ninety nine", "99"],
  ["two hundred", "200"],
  ["two hundred and five", "205"],
  ["a hundred", "100"],
  ["one thousand two hundred thirty-four", "1234"],
  ["three million", "3000000"],
  ["3 million", "3000000"],
  ["1.5 billion", "1500000000"],
  ["5k", "5000"],
  ["one two three", "1 2 3"],
  ["five and six", "5 6"],
  ["the second floor", "2"],
  ["wait a second", ""],
  ["the third time", "3"],
  ["1st and 3rd", "1 3"],
  ["this one", ""],
  ["one account", "1"],
  ["someone phoned", ""],
]);

/** Writes n below 10^8 in Chinese by the school rules; shares nothing with the reader. */
function inChinese(n: number): string {
  const digits = "零一二三四五六七八九";
  const section = (value: number): string => {
    let text = "";
    let zero = false;
    for (const [unit, name] of [
      [1000, "千"],
      [100, "百"],
      [10, "十"],
      [1, ""],
    ] as const) {
      const digit = Math.floor(value / unit) % 10;
      if (digit === 0) zero = text !== "";
      else {
        text += (zero ? "零" : "") + digits[digit] + name;
        zero = false;
      }
    }
    return text;
  };
  const high = Math.floor(n / 10_000);
  const low = n % 10_000;
  if (high === 0) return section(low) || "零";
  return `${section(high)}万${low > 0 && low < 1000 ? "零" : ""}${section(low)}`;
}

test("every number below a hundred million is read back from its Chinese spelling", () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(99_999_999), fc.nat(20_000)), (n) => {
      assert.equal(numbersOf(`共${inChinese(n)}元`), String(n));
    }),
    { numRuns: 3000 },
  );
});

test("a number with thousands separators equals the plain one", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 30n), (n) => {
      assert.equal(numbersOf(`共${n.toLocaleString("en-US")}元`), String(n));
    }),
  );
});

test("any string is read without an error", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(..."一十百万亿点分之零半%1,.:/-年月日v") }),
      (a, b) => {
        assert.ok(Array.isArray(numerals(normalise(a + b))));
      },
    ),
    { numRuns: 3000 },
  );
});
