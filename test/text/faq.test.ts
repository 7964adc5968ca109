import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { guardSignature } from "../../src/text/guards.js";
import { normalise } from "../../src/text/normalise.js";
import { type Family, type Kind, makeFaq } from "../make/faq.js";

// Tests are run from the package's root.
const jsonl = readFileSync("fixtures/faq.jsonl", "utf8");
const truth = readFileSync("fixtures/faq.truth.json", "utf8");
const texts = jsonl
  .trim()
  .split("\n")
  .map((line): string => JSON.parse(line).text);
const { families } = JSON.parse(truth) as { families: Family[] };
const BOTH = { numbers: true, negation: true, names: false };

function pairs(...kinds: Kind[]): [string, string][] {
  return families.filter(({ kind }) => kinds.includes(kind)).map(({ rows: [a, b] }) => [texts[a], texts[b]]);
}

/** Levenshtein distance over code points. */
function distance(a: string, b: string): number {
  const [x, y] = [[...a], [...b]];
  let above = Array.from({ length: y.length + 1 }, (_, at) => at);
  for (let i = 0; i < x.length; i++) {
    const row = [i + 1];
    for (let j = 0; j < y.length; j++) {
      row.push(Math.min(above[j] + (x[i] === y[j] ? 0 : 1), above[j + 1] + 1, row[j] + 1));
    }
    above = row;
  }
  return above[y.length];
}

test("the fixture is what its notes make", () => {
  const made = makeFaq();
  assert.equal(jsonl, made.jsonl);
  assert.equal(truth, made.truth);
});

test("it has a few hundred rows, wide ids, an emoji and an empty text, and every kind of pair", () => {
  assert.ok(texts.length >= 300 && texts.length <= 400, `${texts.length} rows`);
  assert.ok([...jsonl.matchAll(/"id":(\d+)/g)].some(([, id]) => BigInt(id) > 2n ** 53n && String(Number(id)) !== id));
  assert.ok(texts.some((text) => text.includes("🎉")));
  assert.equal(texts.filter((text) => text === "").length, 1);
  for (const kind of ["exact", "normalized", "typo", "insertion", "swap"] as const)
    assert.ok(pairs(kind).length >= 10, kind);
  for (const kind of ["number-differs", "negation-differs"] as const) assert.ok(pairs(kind).length >= 8, kind);
});

test("rows are equal exactly where the truth says exact or normalized", () => {
  const parent = texts.map((_, row) => row);
  for (const { kind, rows } of families) if (kind === "exact" || kind === "normalized") parent[rows[1]] = rows[0];
  for (const [a, b] of pairs("exact")) assert.equal(a, b);
  for (const [a, b] of pairs("normalized")) {
    assert.notEqual(a, b);
    assert.equal(normalise(a), normalise(b));
  }
  const forms = new Map<string, number>();
  for (const [row, text] of texts.entries()) {
    const first = forms.get(normalise(text)) ?? row;
    forms.set(normalise(text), first);
    assert.equal(parent[row], first, `row ${row}: ${text}`);
  }
});

test("typos are one or two edits, insertions only add, swaps keep nearly every character", () => {
  for (const [a, b] of pairs("typo")) assert.ok(distance(a, b) >= 1 && distance(a, b) <= 2, b);
  for (const [a, b] of pairs("insertion")) assert.equal(distance(a, b), [...b].length - [...a].length, b);
  for (const [a, b] of pairs("swap")) {
    const sorted = (text: string): string => [...normalise(text).replace(/[^\p{L}]/gu, "")].sort().join("");
    assert.equal(sorted(a), sorted(b));
  }
});

test("the guards separate what differs by a number or a negation and nothing else", () => {
  for (const [a, b] of pairs("number-differs", "negation-differs")) {
    assert.notEqual(guardSignature(a, BOTH), guardSignature(b, BOTH), b);
  }
  for (const [a, b] of pairs("exact", "normalized", "typo", "insertion", "swap", "word-differs")) {
    assert.equal(guardSignature(a, BOTH), guardSignature(b, BOTH), b);
  }
});
