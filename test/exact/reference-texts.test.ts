import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ExactTexts } from "../../src/exact/exact.js";
import { type ReferenceText, ReferenceTexts } from "../../src/exact/reference-texts.js";
import { hash128 } from "../../src/run/read/hash.js";
import { normalise } from "../../src/text/normalise.js";

/** Few texts in many spellings. */
const text = fc.string({ unit: fc.constantFrom("a", "A", "ａ", " ", "，", ",", "\ud800", "好"), maxLength: 3 });

const row = fc.record<ReferenceText>({
  text,
  folder: fc.nat(2),
  row: fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1),
  similarity: fc.constantFrom(0, 0, 0.9),
  asKept: fc.boolean(),
});

test("texts share the fate of the first row of a reference with the same form, and are exact where a row tells it", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 30 }), fc.array(fc.option(text), { maxLength: 30 }), (references, list) => {
      const known = new ReferenceTexts({ hash128 });
      for (const reference of references) known.add(reference);
      const exact = new ExactTexts({ hash128, known });
      const started = list.map((each) => exact.add(each));
      const first = (form: string) => references.find((each) => normalise(each.text) === form);
      const counts = { rows: 0, rawTexts: new Set<string>(), groups: new Set<string>() };
      const seen = new Set<string>();
      for (const [at, each] of list.entries()) {
        if (each === null) continue;
        const form = normalise(each);
        const expected = first(form);
        const entry = exact.entryOf(exact.groupOf(at));
        assert.equal(started[at], expected === undefined && !seen.has(form));
        seen.add(form);
        assert.equal(entry >= 0, expected !== undefined);
        if (expected === undefined) continue;
        counts.rows++;
        counts.rawTexts.add(each);
        counts.groups.add(form);
        const { folder, row, similarity } = expected;
        assert.deepEqual(known.fate(entry), { folder, row, similarity });
        // The kept row's text, where the row itself or another removed one that equals it is among the references.
        const keeper = references.find(
          (other) =>
            normalise(other.text) === form &&
            other.asKept &&
            similarity === 0 &&
            other.similarity === 0 &&
            other.folder === folder &&
            other.row === row,
        );
        assert.equal(exact.equalsKnown(at), keeper?.text === each);
      }
      const { rows, rawTexts, groups } = counts;
      assert.deepEqual({ ...exact.known }, { rows, rawTexts: rawTexts.size, groups: groups.size });
      known.close();
      assert.equal(known.count, new Set(references.map((each) => normalise(each.text))).size);
      assert.throws(() => known.find(new Uint32Array(4)), /a text after the last one/);
    }),
    { numRuns: 1000, seed: 5 },
  );
});

test("a reference's text takes at most 52 bytes", () => {
  const count = 1 << 18;
  const known = new ReferenceTexts({ hash128 });
  for (let i = 0; i < count; i++) known.add({ text: `text ${i}`, folder: 0, row: i, similarity: 0, asKept: true });
  assert.equal(known.count, count);
  assert.ok(known.byteLength < 52 * count, `${known.byteLength / count} bytes a text`);
});
