import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { goesBefore } from "../../src/run/check/verify-priority.js";
import { dedup, numbers, readTable, testFolder, values, verify, writeJsonl } from "./folders.js";

const folder = testFolder();
let runs = 0;

const ROWS = [
  { text: "how do I reset my password for this account", n: 5, big: 1 },
  { text: "how do I reset my password for this account", n: 9, big: 2 },
  { text: "how do I reset my password for this account now", n: 1, big: 3 },
  { text: "How do I reset my password for this  account", n: null, big: 4 },
  { text: "退款三天没有到账怎么办，我要投诉 🙂🙂", n: 2, big: 5 },
  { text: "退款三天没有到账怎么办，我要投诉吗 🙂", n: 2, big: 6 },
  { text: "an invoice without tax of order 12", n: 0, big: 7 },
  { text: "an invoice without tax of order 13", n: -1, big: 8 },
];
/** As text, for a 64-bit integer has no place in JavaScript's numbers. */
const file = join(folder, "rows.jsonl");
writeFileSync(
  file,
  ROWS.map((row) => `${JSON.stringify(row).replace(/"big":(\d)/, `"big":900719925474099$1`)}\n`).join(""),
);

async function prove(options: Parameters<typeof dedup>[2]): Promise<string> {
  const out = join(folder, `out-${runs++}`);
  const { counts } = await dedup([file], out, { threshold: 0.7, ...options });
  assert.ok(counts.removed > 0);
  const { violation } = await verify(out);
  assert.equal(violation, undefined, JSON.stringify(options));
  return out;
}

/** The proof of a folder by a manifest with other options, as if the run had had them. */
async function violationUnder(out: string, change: Record<string, unknown>): Promise<string | undefined> {
  const copy = join(folder, `copy-${runs++}`);
  cpSync(out, copy, { recursive: true });
  const path = join(copy, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as { options: object };
  writeFileSync(path, JSON.stringify({ ...manifest, options: { ...manifest.options, ...change } }));
  return (await verify(copy)).violation;
}

describe("verify proves the order in which rows were kept", () => {
  for (const keep of ["first", "last", "longest", "shortest", "max:n", "min:n", "max:big", "min:big"]) {
    it(`of --keep ${keep}, and finds what another policy would have kept`, async () => {
      const out = await prove({ keep });
      const kept = numbers(readTable(out, "kept.arrow"), "_row");
      const removed = readTable(out, "removed.arrow");
      const others = ["first", "last", "longest", "shortest", "max:big", "min:big"].filter((other) => other !== keep);
      let found = 0;
      for (const other of others) {
        const violation = await violationUnder(out, { keep: other });
        if (violation === undefined) continue;
        found++;
        const [, row, keptRow] =
          /^row (\d) was removed for row (\d), but --keep \S+ puts it before that one$/.exec(violation) ?? [];
        assert.ok(kept.includes(Number(keptRow)), violation);
        const at = numbers(removed, "_row").indexOf(Number(row));
        assert.equal(numbers(removed, "_kept_row")[at], Number(keptRow), violation);
      }
      assert.ok(found > 0);
    });
  }

  it("but not where a field is no number, whose order is not told again", async () => {
    const dated = writeJsonl(
      join(folder, "dated.jsonl"),
      ROWS.map(({ text, n }, i) => ({ text, at: `2024-01-0${i + 1}`, mixed: i % 2 === 0 ? n : String(n) })),
    );
    for (const field of ["at", "mixed"]) {
      const out = join(folder, `out-${runs++}`);
      await dedup([dated], out, { threshold: 0.7, keep: `max:${field}` });
      assert.equal((await verify(out)).violation, undefined);
      assert.equal(await violationUnder(out, { keep: `min:${field}` }), undefined);
    }
  });
});

it("verify finds a row that was removed for one which a guard keeps apart from it", async () => {
  const out = await prove({});
  assert.ok(values(readTable(out, "removed.arrow"), "text").some((text) => /order 13/.test(String(text))));
  const violation = await violationUnder(out, { guards: { numbers: true, negation: false, names: false } });
  assert.equal(violation, "row 7 was removed for row 6, but a guard keeps their texts apart");
  await prove({ guards: { numbers: true, negation: true, names: false } });
});

it("the order of two rows is total, and by the key wherever there is one", () => {
  const key = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.bigInt({ min: -3n, max: 3n }), fc.constant(Number.NaN));
  const kind = fc.constantFrom("first", "last", "longest", "shortest");
  fc.assert(
    fc.property(key, key, kind, (x, y, which) => {
      const [a, b] = [
        { row: 0, key: x },
        { row: 1, key: y },
      ];
      const before = goesBefore({ kind: which }, a, b);
      assert.notEqual(before, goesBefore({ kind: which }, b, a));
      const difference = Number(x) - Number(y);
      if (difference !== 0 && !Number.isNaN(difference))
        assert.equal(before, which === "last" || which === "longest" ? difference > 0 : difference < 0);
    }),
  );
});
