import assert from "node:assert/strict";
import test from "node:test";
import { builtin } from "../../src/models/builtin.js";
import { builtinVectors, pairsAbove } from "../bench/builtin-vectors.js";
import { articles, tnewsTitles } from "../bench/corpora.js";
import { chinesePerturbations } from "../bench/perturb.js";
import { randomSource } from "../join/vectors.js";
import { sharedData } from "./shared.js";

const data = sharedData(".");

for (const count of [100, 1000, 2500] as const) {
  test(`builtin finds all copies among ${count} English articles and nothing else`, async () => {
    const { texts, truth } = articles(data, count);
    const pairs = await pairsAbove(builtinVectors(texts), builtin.dim, builtin.threshold);
    const found = pairs.map(([left, right]) => `${left},${right}`);
    assert.deepEqual(found.sort(), truth.map(String).sort());
  });
}

/** A little under what the model's documentation states, since these are other titles. */
const LEAST: Readonly<Record<string, number>> = {
  "1 character changed": 0.9,
  "2 characters changed": 0.5,
  punctuation: 0.99,
  "full/half width": 1,
  "1-3 inserted": 0.91,
  "1-2 deleted": 0.93,
  "clauses swapped": 0.995,
};

test("builtin finds damaged Chinese titles as often as it documents", async () => {
  const titles = tnewsTitles(data).filter((title) => Array.from(title).length >= 6);
  const hanzi = titles.flatMap((title) => Array.from(title)).filter((character) => /\p{sc=Han}/u.test(character));
  const originals = titles.filter((_, row) => row % 25 === 0);
  const vectors = builtinVectors(originals);
  for (const [kind, damage] of Object.entries(chinesePerturbations(hanzi))) {
    const random = randomSource(11);
    const damaged = originals.map((title) => damage(Array.from(title), random)?.join(""));
    const variants = builtinVectors(damaged.map((title) => title ?? ""));
    let found = 0;
    for (let row = 0; row < originals.length; row++) {
      let cosine = 0;
      for (let i = row * builtin.dim; i < (row + 1) * builtin.dim; i++) cosine += vectors[i] * variants[i];
      if (cosine >= builtin.threshold) found++;
    }
    const share = found / damaged.filter((title) => title !== undefined).length;
    assert.ok(share >= LEAST[kind], `${kind}: ${share}, expected ${LEAST[kind]} or more`);
  }
});
