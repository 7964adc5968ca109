import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { HASH_BITS, ngramIds, weightClass } from "../../src/text/ngrams.js";

const MANY = 8192;
const idsOf = (text: string) => Array.from(ngramIds(text, MANY).ids);

/** The same n-grams as readable strings, by splitting instead of scanning: what the hashes stand for. */
function namedNgrams(text: string): { word: Set<string>; character: Set<string> } {
  const grams = { word: new Set<string>(), character: new Set<string>() };
  const units = text.match(/[打车了カ]|[abé7']+|[😀+#]/gu) ?? [];
  let previous: { unit: string; chinese: boolean } | undefined;
  for (const raw of units) {
    const unit = raw.replaceAll("'", "");
    if (unit === "") continue;
    if (/[😀+#]/u.test(unit)) {
      grams.word.add(`symbol ${unit}`);
      continue;
    }
    const chinese = /[打车了カ]/.test(unit);
    grams[chinese ? "character" : "word"].add(`unit ${unit}`);
    if (!chinese) {
      const letters = Array.from(` ${unit} `);
      for (let i = 0; i + 3 <= letters.length; i++) grams.word.add(`triple ${letters.slice(i, i + 3).join("")}`);
    }
    if (previous) grams[chinese && previous.chinese ? "character" : "word"].add(`pair ${previous.unit} ${unit}`);
    previous = { unit, chinese };
  }
  return grams;
}

/** Texts from few letters, so that n-grams repeat within a text and recur in others. */
const texts = fc
  .array(fc.constantFrom("打", "车", "了", "カ", "a", "b", "é", "7", "'", " ", ", ", "-", "😀", "+", "#"), {
    maxLength: 40,
  })
  .map((parts) => parts.join(""));

test("ids stand one to one for the distinct n-grams of a text, in their weight class", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const named = namedNgrams(text);
      const ids = idsOf(text);
      assert.equal(new Set(ids).size, ids.length);
      assert.equal(ids.filter((id) => id >> HASH_BITS === weightClass.word).length, named.word.size);
      assert.equal(ids.filter((id) => id >> HASH_BITS === weightClass.character).length, named.character.size);
    }),
  );
});

test("two texts share an id for each n-gram they share", () => {
  fc.assert(
    fc.property(texts, texts, (left, right) => {
      const shared = new Set(idsOf(left));
      const a = namedNgrams(left);
      const b = namedNgrams(right);
      const words = [...a.word].filter((gram) => b.word.has(gram));
      const characters = [...a.character].filter((gram) => b.character.has(gram));
      assert.equal(idsOf(right).filter((id) => shared.has(id)).length, words.length + characters.length);
    }),
  );
});

test("punctuation and spaces do not matter between Chinese characters, nor apostrophes in words", () => {
  assert.deepEqual(idsOf("今天,天气 很好!"), idsOf("今天天气很好"));
  assert.deepEqual(idsOf("don't stop"), idsOf("dont stop"));
  assert.deepEqual(idsOf("'quoted' words"), idsOf("quoted words"));
});

test("signs that carry meaning count", () => {
  assert.notDeepEqual(idsOf("c# book"), idsOf("c book"));
  assert.notDeepEqual(idsOf("5% less"), idsOf("5 less"));
  assert.equal(idsOf("😀").length, 1);
});

test("a number beside a character belongs to it, so swapped day and month differ", () => {
  assert.notDeepEqual(idsOf("5月6日").sort(), idsOf("6月5日").sort());
});

test("text without letter, digit or symbol has no id", () => {
  for (const text of ["", " ", "...!?", "——", "\ud800", "'"]) assert.deepEqual(idsOf(text), [], JSON.stringify(text));
});

test("a long vowel mark belongs to the kana around it, and characters beyond the first plane are characters", () => {
  assert.equal(idsOf("サーバー").filter((id) => id >> HASH_BITS === weightClass.character).length, 6);
  assert.equal(idsOf("𠮷𠮷").length, 2);
});

test("a text with too many n-grams keeps the first ones and says so", () => {
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 30 }), (text, limit) => {
      const all = idsOf(text);
      const { ids, truncated } = ngramIds(text, limit);
      assert.deepEqual(Array.from(ids), all.slice(0, limit));
      assert.equal(truncated, all.length > limit);
    }),
  );
});

test("ids do not depend on the texts read before", () => {
  fc.assert(
    fc.property(texts, texts, (text, other) => {
      const alone = idsOf(text);
      idsOf(other);
      assert.deepEqual(idsOf(text), alone);
    }),
  );
});

test("hashes spread evenly over every seven bits", () => {
  const grams = new Set<number>();
  for (let i = 0; i < 4000; i++) {
    for (const id of idsOf(String.fromCharCode(0x4e00 + i, 0x4e00 + ((i * 7) % 4001)))) grams.add(id);
  }
  for (let shift = 0; shift < HASH_BITS; shift += 7) {
    const counts = new Array<number>(128).fill(0);
    for (const id of grams) counts[(id >> shift) & 127]++;
    const expected = grams.size / 128;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 127 degrees of freedom: mean 127, standard deviation 16.
    assert.ok(chiSquare > 63 && chiSquare < 191, `chi square ${chiSquare} at bit ${shift}`);
  }
});
