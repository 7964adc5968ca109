import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { guardDifference, guardSignature } from "../../src/text/guards.js";
import { names } from "../../src/text/names/names.js";
import { Trie } from "../../src/text/names/trie.js";
import { readWords } from "../../src/text/names/word-list.js";
import { normalise } from "../../src/text/normalise.js";
import { frontCoded, makeNames, makeNotice } from "../make/names.js";

const NAMES = { numbers: false, negation: false, names: true };
const found = (text: string) => names(normalise(text)).join(" ");

/** What is found in each text, names between spaces. */
function table(name: string, rows: Readonly<Record<string, string>>): void {
  it(name, () => {
    const answers = Object.fromEntries(Object.keys(rows).map((text) => [text, found(text)]));
    assert.deepEqual(answers, rows);
  });
}

describe("in English", () => {
  table("people, places and organisations are found without their capitals", {
    "We met Angela Merkel in Berlin": "angela berlin merkel",
    "we met angela merkel in berlin": "angela berlin merkel",
    "Microsoft and IBM": "ibm microsoft",
    "Boston's mayor": "boston",
    "Beyoncé sang": "beyonce",
  });
  table("names that no dictionary knows are found among words that it knows", {
    "Zelensky spoke to the press": "zelensky",
    "a letter to Adaeze Adeyemi about the car": "adaeze adeyemi",
    "Zelensky Adeyemi Kowalczyk": "",
    "Ich habe mein Passwort vergessen und komme nicht mehr in mein Konto": "",
  });
  table("a typo of a word is no name, and a typo of a long name is that name", {
    "How do I reset my passwrod": "",
    "I recieved the wrong pacakge": "",
    "the shares of Microsfot": "microsoft",
    "colour, neighbour, cheque": "",
  });
  table("capitals make no names", {
    "How To Reset My Password": "",
    "CAN I CHANGE MY PIN AT AN ATM": "",
    "Rose and Bill will mark the target in May": "",
  });
  table("a form of address makes a name of any word", { "Mr Brown and Mrs. Rose": "brown rose", "brown rose": "" });
  table("a country and its people are one name", {
    "the Chinese, French and British": "britain china france",
    "Syrian and Russian": "russia syria",
  });
  table("the names of the United States, months, days and titles tell nothing apart", {
    "the US, the U.S., USA, America": "",
    "on Monday, 3 January, Dr": "",
  });
});

describe("identifiers", () => {
  table("are found in one form", {
    "RTX-4090, RTX4090, rtx 4090": "rtx4090",
    "iPhone 13 Pro, iphone13pro, iPhone-13 Pro": "iphone13pro",
    "SKU-123-AB": "sku123ab",
    "ISBN 978-7-111-21382-6 or 9787111213826": "9787111213826",
    "mail Support@Example.com": "support@example.com",
    "https://www.example.com/a?b=1. www.example.com/a?b=1": "example.com/a?b=1",
    "commit 9e107d9d372bb682": "9e107d9d372bb682",
    "open report-final.docx": "report-final.docx",
    "ask @jane_doe": "@jane_doe",
    "the Boeing 737-800": "boeing737800",
    订单号20231123456789: "20231123456789",
  });
  table("are no quantities, dates, ordinals and compounds of words", {
    "20kg, 3rd, 5g, 30 m, 1080p": "",
    "2024-01-02 and 08:30": "",
    "a 20-year-old man, the top-10": "",
    "room 101, page 250, about 3000 people": "",
    "and/or, 3/4, e.g. this": "",
  });
});

describe("titles", () => {
  table("stand in quotation marks of any kind", {
    "Who wrote “War and Peace”?": "warandpeace",
    'Who wrote "War and Peace"?': "warandpeace",
    "《满江红》好看吗": "满江红",
    "〈三体〉、「三体」和“三体”": "三体",
  });
  table("are no speech, and unpaired marks quote nothing", {
    '"I will not come to the party tonight," she said': "",
    '"No."': "",
    'a 5" screen': "",
  });
});

describe("in Chinese", () => {
  table("names of the dictionary are found as whole words", {
    北京大学和上海: "上海 北京大学",
    明天津贴发放: "",
    诸葛亮与曹操: "曹操 诸葛亮",
    特朗普会见马克龙: "特朗普 马克龙",
    华为Mate60和Mate50: "mate50 mate60 华为",
  });
  table("a surname makes a name with a given name or a form of address", {
    记者采访了李国强: "李国强",
    张艺谋和范冰冰: "张艺谋 范冰冰",
    "王先生，李老师": "李 王",
    姆巴佩进球了: "姆巴佩",
  });
  table("words that begin with a surname are words", {
    "马上就到，周末打开，高兴": "",
    "金额不对，方便退款，白色的": "",
    怎么修改密码: "",
  });
});

describe("a guard on names", () => {
  it("keeps swapped names apart and the same names together", () => {
    const pairs: readonly (readonly [string, string, boolean])[] = [
      ["Flights to Paris were cancelled", "Flights to London were cancelled", true],
      ["Paris and London", "London, and Paris", false],
      ["iPhone 13 Pro价格", "iPhone 14 Pro价格", true],
      ["去北京旅游，找李国强", "找李国强，去北京旅游", false],
      ["去北京旅游", "去上海旅游", true],
      ["How do I connect to Wi-Fi?", "how do i connect to WiFi", false],
      ["《红楼梦》好看吗", "《水浒传》好看吗", true],
    ];
    for (const [a, b, apart] of pairs)
      assert.equal(guardSignature(a, NAMES) !== guardSignature(b, NAMES), apart, `${a} | ${b}`);
  });

  it("says in what two texts differ, guard by guard", () => {
    const all = { numbers: true, negation: true, names: true };
    assert.deepEqual(guardDifference("3 flights to Paris, 3 to Rome", "4 flights to Rome, not 3", all), [
      { guard: "numbers", onlyFirst: ["3"], onlySecond: ["4"] },
      { guard: "negation", onlyFirst: [], onlySecond: ["not"] },
      { guard: "names", onlyFirst: ["paris"], onlySecond: [] },
    ]);
    assert.deepEqual(guardDifference("to Paris", "to Rome", { ...all, names: false }), []);
    assert.deepEqual(guardDifference("3天到北京", "北京，三天到", all), []);
  });

  it("tells texts apart exactly where it says in what they differ", () => {
    const piece = fc.constantFrom(
      "北京",
      "李国强",
      "三天",
      "3天",
      "不",
      "Paris",
      " the ",
      "rtx 4090",
      '"ok"',
      "，",
      " ",
    );
    const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
    const guards = fc.record({ numbers: fc.boolean(), negation: fc.boolean(), names: fc.boolean() });
    fc.assert(
      fc.property(text, text, guards, (a, b, active) => {
        const apart = guardSignature(a, active) !== guardSignature(b, active);
        assert.equal(guardDifference(a, b, active).length > 0, apart);
      }),
      { numRuns: 1000 },
    );
  });

  it("depends on the normal form alone", () => {
    const unit = fc.constantFrom(
      ..."北京王李国强特朗普《》“”\"'aAbBＡ１2-._@/:%é　 \u200bͅßſİ",
      "Paris",
      "iPhone 13",
      "𠮷",
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 16 }), (text) => {
        assert.equal(guardSignature(text, NAMES), guardSignature(normalise(text), NAMES));
      }),
      { numRuns: 2000 },
    );
  });

  it("does not depend on the order of clauses", () => {
    const clauses = [
      "we flew to Paris",
      "mr brown called",
      "去北京旅游",
      "记者采访了李国强",
      "the iPhone 13 Pro",
      "《三体》",
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(clauses, { minLength: 2 }), (order) => {
        assert.deepEqual(names(order.join("，")), names([...order].reverse().join("，")));
      }),
    );
  });

  it("reads 200,000 characters of anything in linear time", () => {
    const units = [
      "a",
      "1",
      "a1-",
      "-",
      "a.",
      "@a",
      '"a',
      "<<",
      "王",
      "特",
      "中国",
      "www.",
      "isbn-",
      "pro ",
      "zzqx ",
      "\ud800",
    ];
    names("the first call reads the word lists 词");
    for (const unit of units) {
      const text = unit.repeat(200_000 / unit.length);
      const start = process.cpuUsage();
      names(text);
      assert.ok(process.cpuUsage(start).user < 5_000_000, unit);
    }
  });
});

describe("the word lists", () => {
  it("are what their packages make", () => {
    for (const [file, text] of Object.entries(makeNames()))
      assert.ok(readFileSync(`src/text/names/${file}`, "utf8") === text, `${file}: run node dist/test/make/names.js`);
    assert.equal(readFileSync("src/text/names/NOTICE", "utf8"), makeNotice());
  });

  it("come back from their coding", () => {
    const word = fc.string({ unit: fc.constantFrom(..."abc中国"), minLength: 1, maxLength: 14 });
    fc.assert(
      fc.property(fc.dictionary(word, fc.constantFrom("+", "=")), (kinds) => {
        const read = new Map<string, string>();
        readWords(frontCoded(new Map(Object.entries(kinds))), /[+=]/, (found, kind) => read.set(found, kind));
        assert.deepEqual(Object.fromEntries(read), { ...kinds });
      }),
    );
  });

  it("are looked up in a trie as in a map", () => {
    const word = fc.string({ unit: fc.constantFrom(..."ab中国"), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.integer({ min: 1, max: 9 }))), fc.array(word), (entries, others) => {
        const trie = new Trie(entries.join("").length);
        for (const [key, value] of entries) trie.set(key, value);
        const map = new Map(entries);
        for (const key of [...map.keys(), ...others]) {
          let node = 0;
          let at = 0;
          do node = trie.child(node, key.charCodeAt(at++));
          while (node !== 0 && at < key.length);
          assert.equal(node === 0 ? undefined : trie.value(node) || undefined, map.get(key));
        }
      }),
    );
  });
});
