import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "../../src/random.js";
import { DAMAGES, type DamageKind, damageTexts, MUST_MERGE } from "../../src/report/calibrate/damage.js";
import { guardSignature } from "../../src/text/guards.js";

const TEXTS = [
  "2024年3月5日，华为在深圳发布了3款新手机，价格没有上涨",
  "小米公司今天表示不会裁员，北京总部照常上班",
  "Yesterday the manager in Lisbon said that Nokia cannot deliver 350 phones, but Siemens will.",
  "please tell me where my parcel is",
  "好的",
];
const damages = damageTexts(TEXTS, seededRandom(1));
const of = (origin: number, kind: DamageKind) =>
  damages.find((damage) => damage.origin === origin && damage.kind === kind)?.text;

describe("planted damages", () => {
  it("are the same for the same seed, and others for another", () => {
    assert.deepEqual(damageTexts(TEXTS, seededRandom(1)), damages);
    assert.notDeepEqual(damageTexts(TEXTS, seededRandom(2)), damages);
  });

  it("differ from the text and come at most once of a kind", () => {
    for (const { origin, text } of damages) assert.notEqual(text, TEXTS[origin]);
    assert.equal(new Set(damages.map(({ origin, kind }) => `${origin} ${kind}`)).size, damages.length);
  });

  it("leave numbers and negations alone where the texts must merge", () => {
    const facts = { numbers: true, negation: true, names: false };
    for (let seed = 0; seed < 50; seed++) {
      for (const { origin, kind, text } of damageTexts(TEXTS, seededRandom(seed))) {
        if (!MUST_MERGE.some((must) => must === kind)) continue;
        assert.equal(guardSignature(text, facts), guardSignature(TEXTS[origin], facts), `${kind}: ${text}`);
      }
    }
  });

  it("change what a guard sees where the texts must stay apart", () => {
    for (const origin of [0, 2]) {
      for (const kind of ["number", "negation"] as const) {
        const facts = { numbers: kind === "number", negation: kind === "negation", names: false };
        const text = of(origin, kind);
        assert.ok(text !== undefined && guardSignature(text, facts) !== guardSignature(TEXTS[origin], facts), text);
      }
    }
    assert.notEqual(of(0, "date"), undefined);
    assert.match(of(2, "date") ?? "", /^(Today|Tomorrow) the manager/);
  });

  it("turn a negation round in both languages", () => {
    assert.equal(of(0, "negation"), "2024年3月5日，华为在深圳发布了3款新手机，价格有上涨");
    assert.equal(of(1, "negation"), "小米公司今天表示会裁员，北京总部照常上班");
    assert.match(of(2, "negation") ?? "", /Nokia can deliver/);
  });

  it("swap a name for one of another text, else for a known one", () => {
    const names = new Set<string | undefined>();
    for (let seed = 0; seed < 30; seed++) {
      names.add(
        damageTexts(TEXTS, seededRandom(seed)).find(({ origin, kind }) => origin === 1 && kind === "name")?.text,
      );
    }
    assert.deepEqual([...names].sort(), [
      "华为公司今天表示不会裁员，北京总部照常上班",
      "小米公司今天表示不会裁员，深圳总部照常上班",
    ]);
    assert.notEqual(of(2, "name"), undefined);
  });

  it("swap the clauses around the mark nearest to the middle", () => {
    assert.equal(of(1, "clauses"), "北京总部照常上班，小米公司今天表示不会裁员");
  });

  it("come only where a text has a place for them", () => {
    const kinds = (origin: number) => DAMAGES.filter((kind) => of(origin, kind) !== undefined);
    assert.deepEqual(kinds(3), ["typo", "insertion", "deletion", "punctuation", "negation"]);
    assert.deepEqual(kinds(4), ["typo", "insertion", "punctuation"]);
    assert.deepEqual(
      damageTexts(["", "123", "🎉"], seededRandom(1)).filter(({ kind }) => kind === "clauses"),
      [],
    );
  });

  it("are more in a longer text", () => {
    const long = Array.from({ length: 10 }, () => TEXTS[0].replace(/\d/g, "")).join("");
    const typo = damageTexts([long], seededRandom(1)).find(({ kind }) => kind === "typo")?.text ?? "";
    assert.ok([...typo].filter((character, i) => character !== [...long][i]).length >= 4);
  });
});
