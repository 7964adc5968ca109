import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ExactTexts } from "../../src/exact/exact.js";
import { HashTable } from "../../src/exact/hash-table.js";
import { exactDecisions, reasonOf } from "../../src/exact/winners.js";
import { hash128 } from "../../src/run/read/hash.js";
import { normalise } from "../../src/text/normalise.js";

function addAll(texts: readonly (string | null)[]): { exact: ExactTexts; started: boolean[] } {
  const exact = new ExactTexts({ hash128 });
  return { exact, started: texts.map((text) => exact.add(text)) };
}

/** The same with maps of whole strings. */
function oracle(texts: readonly (string | null)[]) {
  const raws = new Map<string, number>();
  const groups = new Map<string, number>();
  let exactSurplus = 0;
  let normalisedSurplus = 0;
  const rows = texts.map((text) => {
    if (text === null) return { raw: -1, group: -1, started: false };
    const normal = normalise(text);
    const started = !groups.has(normal);
    if (raws.has(text)) exactSurplus++;
    else if (!started) normalisedSurplus++;
    if (!raws.has(text)) raws.set(text, raws.size);
    if (started) groups.set(normal, groups.size);
    return { raw: raws.get(text) as number, group: groups.get(normal) as number, started };
  });
  const rejected = texts.filter((text) => text === null).length;
  const counts = { rows: texts.length, rejected, rawTexts: raws.size, groups: groups.size };
  return { rows, counts: { ...counts, exactSurplus, normalisedSurplus } };
}

/** Few texts in many spellings, so that raw, normal and shared forms meet in every order. */
const texts = fc.array(
  fc.option(
    fc.string({ unit: fc.constantFrom("a", "A", "ａ", " ", "，", ",", "\u200b", "\ud800", "好"), maxLength: 3 }),
  ),
  { maxLength: 60 },
);

test("texts and groups are numbered as maps of whole strings would number them", () => {
  fc.assert(
    fc.property(texts, (list) => {
      const { exact, started } = addAll(list);
      const expected = oracle(list);
      assert.deepEqual(exact.counts, expected.counts);
      for (const [row, { raw, group, started: start }] of expected.rows.entries()) {
        assert.equal(exact.rawOf(row), raw);
        assert.equal(exact.groupOf(row), group);
        assert.equal(started[row], start);
        if (raw >= 0) assert.equal(exact.groupOfRaw(raw), group);
        if (start) assert.equal(exact.firstRow(group), row);
      }
    }),
    { numRuns: 1000 },
  );
});

test("the winner of a group is its first row in priority order, the lower row on a tie", () => {
  fc.assert(
    fc.property(texts, fc.array(fc.nat(5), { minLength: 60, maxLength: 60 }), (list, priority) => {
      const { exact } = addAll(list);
      const { winner, size } = exactDecisions(exact, (a, b) => priority[b] - priority[a]);
      const { rows } = oracle(list);
      for (let group = 0; group < exact.counts.groups; group++) {
        const members = rows.flatMap((row, at) => (row.group === group ? [at] : []));
        const best = Math.max(...members.map((row) => priority[row]));
        assert.equal(
          winner[group],
          members.find((row) => priority[row] === best),
        );
        assert.equal(size[group], members.length);
        assert.equal(exactDecisions(exact).winner[group], members[0]);
      }
    }),
  );
});

test("a row goes as exact where it equals the row that stays, else as normalized", () => {
  const { exact } = addAll(["你好，世界", "你好,世界", "你好，世界", "你好,世界"]);
  assert.deepEqual(
    [1, 2, 3].map((row) => reasonOf(exact, row, 0)),
    ["normalized", "exact", "normalized"],
  );
  assert.equal(reasonOf(exact, 3, 1), "exact");
});

test("no rows, and rejected rows alone, give no group", () => {
  assert.deepEqual(exactDecisions(addAll([]).exact), { winner: new Int32Array(0), size: new Uint32Array(0) });
  const { exact } = addAll([null, null]);
  const counts = { rows: 2, rejected: 2, rawTexts: 0, groups: 0, exactSurplus: 0, normalisedSurplus: 0 };
  assert.deepEqual(exact.counts, counts);
});

test("a text seen before is hashed once and not normalised", () => {
  let hashed = 0;
  const exact = new ExactTexts({
    hash128: (text, into) => {
      hashed++;
      hash128(text, into);
    },
  });
  exact.add("Ａ");
  assert.equal(hashed, 2);
  for (let copy = 0; copy < 100; copy++) exact.add("Ａ");
  assert.equal(hashed, 102);
});

test("two hundred thousand texts through every growth keep their numbers within 100 bytes each", () => {
  const count = 200_000;
  const exact = new ExactTexts({ hash128 });
  for (let row = 0; row < count; row++) assert.ok(exact.add(`Text ${row}`));
  for (let row = 0; row < count; row += 7) assert.ok(!exact.add(`text ${row}`));
  assert.equal(exact.counts.groups, count);
  assert.equal(exact.groupOf(count), 0);
  assert.equal(exact.groupOf(count + 1), 7);
  assert.ok(exact.byteLength < 100 * count, `${exact.byteLength / count} bytes a text`);
});

test("once closed, texts keep their groups in 12 bytes each and no further one is taken", () => {
  const count = 100_000;
  const exact = new ExactTexts({ hash128 });
  for (let row = 0; row < count; row++) exact.add(`text ${row % (count / 2)}`);
  const { counts } = exact;
  exact.close();
  assert.deepEqual(exact.counts, counts);
  for (let row = 0; row < count; row += 777) {
    assert.equal(exact.groupOf(row), row % (count / 2));
    assert.equal(exact.firstRow(exact.groupOf(row)), row % (count / 2));
  }
  assert.ok(exact.byteLength < 16 * count, `${exact.byteLength / count} bytes a text`);
  assert.throws(() => exact.add("text 1"), /a record after the last one/);
});

test("keys that share three of their four words stay apart", () => {
  const table = new HashTable();
  const keys: number[][] = [[0, 0, 0, 0]];
  for (let word = 0; word < 4; word++) {
    for (const value of [1, 0x1000, 0x80000000, 0xffffffff]) keys.push([0, 0, 0, 0].with(word, value));
  }
  for (const round of [1, 2]) {
    for (const [at, key] of keys.entries()) assert.equal(table.findOrAdd(Uint32Array.from(key)), at, `round ${round}`);
  }
  assert.equal(table.count, keys.length);
});

test("rejected groups lose all their rows, the others keep their numbers, and the counts stay", () => {
  fc.assert(
    fc.property(texts, fc.uniqueArray(fc.nat(8)), (list, chosen) => {
      const { exact } = addAll(list);
      const before = list.map((_, row) => [exact.rawOf(row), exact.groupOf(row)]);
      const { counts } = exact;
      const groups = new Set(chosen.filter((group) => group < counts.groups));
      const gone = exact.reject(groups);
      assert.deepEqual(
        gone,
        before.flatMap(([, group], row) => (groups.has(group) ? [{ row, group }] : [])),
      );
      for (const [row, [raw, group]] of before.entries()) {
        assert.deepEqual([exact.rawOf(row), exact.groupOf(row)], groups.has(group) ? [-1, -1] : [raw, group]);
      }
      assert.deepEqual(exact.counts, counts);
      const { size } = exactDecisions(exact);
      for (const group of groups) assert.equal(size[group], 0);
    }),
  );
});
