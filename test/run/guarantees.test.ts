import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Guards } from "../../src/text/guard-choice.js";
import { guardSignature } from "../../src/text/guards.js";
import { normalise } from "../../src/text/normalise.js";
import { dedup, numbers, readTable, testFolder, values, verify, writeJsonl } from "./folders.js";

const folder = testFolder();

/** Records with copies planted in them: equal, equal after normalisation, one character changed, a number changed. */
interface Row {
  readonly text: string;
  readonly rank: number | null;
}

const base = fc.constantFrom(
  "how do I reset the password of my account",
  "请问如何重置我的登录密码，急急急",
  "the parcel of order 12 has not arrived yet",
  "快递显示已签收但是我没有收到包裹",
  "no refund is given after 30 days",
  "退款三天没有到账怎么办",
  "",
  "🙂",
  "!",
  "e",
);

const damage = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => `  ${text.replaceAll(" ", "  ")} `,
  (text) => `${text}x`,
  (text) => text.replace("12", "13").replace("三天", "四天").replace("30", "31"),
  (text) => text.replace("not ", "").replace("没有", "已"),
  (text) => [...text].slice(1).join(""),
  (text) => `${text}。`,
  (text) => [...text].reverse().join(""),
);

const rows = fc.array(
  fc.record({
    text: fc.tuple(base, damage, damage).map(([text, first, second]) => second(first(text))),
    rank: fc.option(fc.integer({ min: 0, max: 3 }), { nil: null }),
  }),
  { minLength: 1, maxLength: 40 },
);

const POLICIES = ["first", "last", "longest", "shortest", "max:rank", "min:rank"] as const;

/** Row numbers in priority order, by the definition of each policy; ties, and rows without a rank, by row. */
function priority(records: readonly Row[], policy: (typeof POLICIES)[number]): number[] {
  const key = ({ text, rank }: Row, row: number): number => {
    if (policy === "first") return row;
    if (policy === "last") return -row;
    if (policy === "longest") return -[...text].length;
    if (policy === "shortest") return [...text].length;
    if (rank === null) return Number.POSITIVE_INFINITY;
    return policy === "max:rank" ? -rank : rank;
  };
  const keys = records.map(key);
  return records.map((_, row) => row).sort((a, b) => (keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : a - b));
}

/** What must happen to each row, from the texts and the stored vectors, straight from the guarantees. */
function naiveDecisions(options: {
  records: readonly Row[];
  policy: (typeof POLICIES)[number];
  guards: Guards;
  threshold: number;
  vectorOfRow: ReadonlyMap<number, Float32Array>;
}) {
  const { records, policy, guards, threshold, vectorOfRow } = options;
  const forms = records.map(({ text }) => normalise(text));
  const keptOfForm = new Map<string, { kept: number; similarity: number; group: boolean }>();
  const kept: number[] = [];
  const firstOfForm = new Map<string, number>();
  forms.forEach((form, row) => {
    if (!firstOfForm.has(form)) firstOfForm.set(form, row);
  });
  const vectorOf = (row: number) => vectorOfRow.get(firstOfForm.get(forms[row]) as number);
  for (const row of priority(records, policy)) {
    const form = forms[row];
    if (keptOfForm.has(form)) continue;
    const vector = vectorOf(row);
    const near = kept.find((other) => {
      const theirs = vectorOf(other);
      if (vector === undefined || theirs === undefined) return false;
      const same = guardSignature(records[row].text, guards) === guardSignature(records[other].text, guards);
      return same && dot(vector, theirs) >= threshold;
    });
    if (near === undefined) {
      kept.push(row);
      keptOfForm.set(form, { kept: row, similarity: 1, group: true });
    } else {
      const similarity = dot(vector as Float32Array, vectorOf(near) as Float32Array);
      keptOfForm.set(form, { kept: near, similarity, group: false });
    }
  }
  return records.map(({ text }, row) => {
    const {
      kept: keptRow,
      similarity,
      group,
    } = keptOfForm.get(forms[row]) as {
      kept: number;
      similarity: number;
      group: boolean;
    };
    const equal = records[keptRow].text === text ? "exact" : "normalized";
    return { keptRow, similarity: Math.fround(similarity), reason: group ? equal : "semantic" };
  });
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

describe("the guarantees hold for whatever is read", () => {
  it("rows are kept and removed as a naive float64 scan of the stored vectors decides", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.constantFrom(...POLICIES),
        fc.record({ numbers: fc.boolean(), negation: fc.boolean(), names: fc.boolean() }),
        fc.constantFrom(0.5, 0.7, 0.85, 0.95, 1),
        async (records, keep, guards, threshold) => {
          const name = String(run++);
          const input = writeJsonl(join(folder, `${name}.jsonl`), records);
          const out = join(folder, name);
          // The field of `max:` and `min:` must be there at all.
          const usable = records.length > 0 || !keep.includes(":");
          const { counts } = await dedup([input], out, { keep: usable ? keep : "first", guards, threshold });
          assert.equal(counts.read, records.length);
          assert.equal(counts.kept + counts.removed, records.length, "no row is lost");

          const store = readTable(out, "embeddings.arrow");
          const vectors = values(store, "embedding").map((vector) => (vector as { toArray(): Float32Array }).toArray());
          const vectorOfRow = new Map(numbers(store, "_row").map((row, position) => [row, vectors[position]]));
          for (const vector of vectors) assert.ok(Math.abs(dot(vector, vector) - 1) < 1e-5);
          const expected = naiveDecisions({ records, policy: keep, guards, threshold, vectorOfRow });

          const keptTable = readTable(out, "kept.arrow");
          const removedTable = readTable(out, "removed.arrow");
          const kept = numbers(keptTable, "_row");
          assert.deepEqual(
            kept,
            records.flatMap((_, row) => (expected[row].keptRow === row ? [row] : [])),
          );
          assert.deepEqual(
            numbers(keptTable, "_group_size"),
            kept.map((row) => expected.filter(({ keptRow }) => keptRow === row).length),
          );
          const removed = numbers(removedTable, "_row");
          assert.deepEqual(
            removed,
            records.flatMap((_, row) => (expected[row].keptRow === row ? [] : [row])),
          );
          assert.deepEqual(
            numbers(removedTable, "_kept_row"),
            removed.map((row) => expected[row].keptRow),
          );
          assert.deepEqual(
            numbers(removedTable, "_similarity"),
            removed.map((row) => expected[row].similarity),
          );
          assert.deepEqual(
            values(removedTable, "_reason"),
            removed.map((row) => expected[row].reason),
          );
          if (records.length > 0) {
            const texts = new Map([
              ...kept.map((row, i) => [row, values(keptTable, "text")[i]] as const),
              ...removed.map((row, i) => [row, values(removedTable, "text")[i]] as const),
            ]);
            assert.deepEqual(
              records.map((_, row) => texts.get(row)),
              records.map(({ text }) => text),
            );
          }
          const { ok, violation } = await verify(out);
          assert.ok(ok, violation);
        },
      ),
      { numRuns: 25, seed: 20, endOnFailure: true },
    );
  });
});
