import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Guards } from "../../src/text/guard-choice.js";
import { dedup, numbers, readTable, testFolder, values, verify, writeJsonl } from "./folders.js";

const folder = testFolder();

/** What became of a row, by numbers that run through all nights. */
interface Fate {
  readonly keptRow: number;
  readonly reason: string;
  readonly similarity: number;
}

/** Reads removed.arrow. @param offsetOf number of the first row of a folder among the rows of all nights */
function removedRows(out: string, first: number, offsetOf: (path: string) => number): Map<number, Fate> {
  const table = readTable(out, "removed.arrow");
  const keptIn = table.getChild("_kept_in") === null ? [] : values(table, "_kept_in");
  const [reasons, similarities] = [values(table, "_reason"), values(table, "_similarity")];
  const keptRows = numbers(table, "_kept_row");
  return new Map(
    numbers(table, "_row").map((row, i) => {
      const place = keptIn[i] as string | null | undefined;
      const offset = place === null || place === undefined ? first : offsetOf(place);
      const fate = { reason: String(reasons[i]), similarity: similarities[i] as number };
      return [first + row, { ...fate, keptRow: offset + keptRows[i] }];
    }),
  );
}

/** Reads guarded.arrow in the same way: for each row the row from which a guard keeps it apart. */
function guardedRows(out: string, first: number, offsetOf: (path: string) => number): Map<number, number> {
  const table = readTable(out, "guarded.arrow");
  const places = table.getChild("_guarded_in") === null ? [] : values(table, "_guarded_in");
  const from = numbers(table, "_guarded_from");
  return new Map(
    numbers(table, "_row").map((row, i) => {
      const place = places[i] as string | null | undefined;
      return [first + row, from[i] + (place === null || place === undefined ? first : offsetOf(place))];
    }),
  );
}

/** Texts with planted relatives: equal, equal after normalisation, near, near in a chain, told apart by a guard. */
const base = fc.constantFrom(
  "how do I reset the password of my account today please",
  "请问如何重置我的登录密码，急急急急，在线等待回复",
  "the parcel of order 12 has not arrived yet at my home",
  "快递显示已签收但是我没有收到包裹，请帮我查一查",
  "no refund is given after 30 days of the purchase date",
  "",
  "🙂",
  "\ud800 lone",
);
const damage = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => ` ${text.replaceAll(" ", "  ")} `,
  (text) => `${text}x`,
  (text) => `${text}xy`,
  (text) => `${text} and so on`,
  (text) => text.replace("12", "13").replace("30", "31"),
  (text) => text.replace("not ", "").replace("没有", "已"),
  (text) => [...text].slice(2).join(""),
  (text) => [...text].slice(0, -2).join(""),
  (text) => `${text}。`,
);
const night = fc.array(
  fc.tuple(base, damage, damage).map(([text, first, second]) => second(first(text))),
  { minLength: 15, maxLength: 40 },
);
const guards = fc.constantFrom<Guards>(
  { numbers: false, negation: false, names: false },
  { numbers: true, negation: true, names: false },
);

describe("night by night", () => {
  it("gives what one run over all nights gives: rows, reasons and similarities", async () => {
    let against = 0;
    let guarded = 0;
    const same = async (nights: readonly (readonly string[])[], threshold: number, guards: Guards) => {
      const root = join(folder, String(Math.random()));
      const starts = nights.map((_, n) => nights.slice(0, n).flat().length);
      const pathOf = (n: number) => join(root, "nights", String(n));
      const offsetOf = (path: string) => starts[nights.findIndex((_, n) => pathOf(n) === path)];
      rmSync(root, { recursive: true, force: true });
      const inputs = nights.map((texts, n) =>
        writeJsonl(
          join(folder, `night-${n}.jsonl`),
          texts.map((text) => ({ text })),
        ),
      );
      const whole = join(root, "all");
      await dedup(inputs, whole, { threshold, guards });
      const removed: [number, Fate][] = [];
      const apart: [number, number][] = [];
      for (const [n, input] of inputs.entries()) {
        const { counts } = await dedup([input], pathOf(n), { threshold, guards, against: [join(root, "nights/*")] });
        against += counts.against ?? Number.NaN;
        removed.push(...removedRows(pathOf(n), starts[n], offsetOf));
        if (guards.numbers) apart.push(...guardedRows(pathOf(n), starts[n], offsetOf));
        assert.equal((await verify(pathOf(n))).violation, undefined);
      }
      assert.deepEqual(new Map(removed), removedRows(whole, 0, offsetOf));
      if (guards.numbers) assert.deepEqual(new Map(apart), guardedRows(whole, 0, offsetOf));
      guarded += apart.filter(([row, from]) => starts.some((start) => from < start && start <= row)).length;
      rmSync(root, { recursive: true });
    };
    await fc.assert(
      fc.asyncProperty(fc.array(night, { minLength: 2, maxLength: 3 }), fc.constantFrom(0.7, 0.8, 0.9), guards, same),
      { numRuns: 10, seed: 12 },
    );
    assert.ok(against > 50, `${against} rows were removed on account of references`);
    assert.ok(guarded > 0, `${guarded} rows were kept apart from rows of references`);
  });
});
