import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Change, difference, shortened } from "../../src/text/difference.js";

/** Changes in one line: [-removed-]{+added+}. */
const marked = (changes: readonly Change[]) =>
  changes
    .map(({ kind, text }) => (kind === "same" ? text : kind === "removed" ? `[-${text}-]` : `{+${text}+}`))
    .join("");
const diff = (a: string, b: string) => marked(difference(a, b));

describe("the difference of two texts", () => {
  it("is by character in Chinese and Japanese", () => {
    assert.equal(diff("如何修改密码？", "如何重置密码？"), "如何[-修改-]{+重置+}密码？");
    assert.equal(diff("ログインできない", "ログインできます"), "ログインでき[-ない-]{+ます+}");
  });

  it("is by word elsewhere, and numbers and names stay whole", () => {
    assert.equal(diff("order 1234 shipped", "order 1235 shipped"), "order [-1234-]{+1235+} shipped");
    assert.equal(diff("the cat sat", "the cats sat"), "the [-cat-]{+cats+} sat");
    assert.equal(diff("내 주문 상태", "내 배송 상태"), "내 [-주문-]{+배송+} 상태");
    assert.equal(diff("iPhone13发布", "iPhone14发布"), "[-iPhone13-]{+iPhone14+}发布");
  });

  it("shows replaced words as one phrase, but not what only one text has", () => {
    assert.equal(
      diff("pay by credit card now", "pay by bank transfer now"),
      "pay by [-credit card-]{+bank transfer+} now",
    );
    assert.equal(diff("a b c", "a x b y c"), "a {+x +}b {+y +}c");
  });

  it("has no change for equal texts and only one piece for an empty one", () => {
    assert.deepEqual(difference("same text", "same text"), [{ kind: "same", text: "same text" }]);
    assert.deepEqual(difference("", "new"), [{ kind: "added", text: "new" }]);
    assert.deepEqual(difference("", ""), []);
  });

  it("gives both texts back, whatever they are", () => {
    const text = fc
      .array(fc.constantFrom("a", "b1", " ", "\n", "不", "能", "é", "e\u0301", "👍🏽", "\ud800", "-", "ก"))
      .map((all) => all.join(""));
    fc.assert(
      fc.property(text, text, (a, b) => {
        const changes = difference(a, b);
        const side = (kind: string) =>
          changes
            .filter((c) => c.kind === "same" || c.kind === kind)
            .map((c) => c.text)
            .join("");
        assert.equal(side("removed"), a);
        assert.equal(side("added"), b);
        assert.ok(changes.every((change) => change.text !== ""));
      }),
    );
  });

  it("of long texts without anything in common costs no quadratic time", () => {
    const [a, b] = ["甲", "乙"].map((character) => `同${character.repeat(200_000)}同`);
    assert.deepEqual(
      difference(a, b).map(({ kind, text }) => [kind, text.length]),
      [
        ["same", 1],
        ["removed", 200_000],
        ["added", 200_000],
        ["same", 1],
      ],
    );
  });
});

describe("a shortened difference", () => {
  it("keeps the characters beside each change", () => {
    const changes = difference("0123456789 old 0123456789", "0123456789 new 0123456789");
    assert.equal(marked(shortened(changes, 4)), "…789 [-old-]{+new+} 012…");
  });

  it("shows the beginning of equal texts", () => {
    assert.equal(marked(shortened(difference("abcdefghijk", "abcdefghijk"), 3)), "abcdef…");
  });
});
