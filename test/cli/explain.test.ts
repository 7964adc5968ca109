import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { formatExplanation, formatNearest } from "../../src/cli/explain/explain-text.js";
import { formatGroups } from "../../src/cli/explain/groups-text.js";
import { entryLines, type Page, pageFor, textEntries } from "../../src/cli/explain/layout.js";
import { besideThreshold, cosineText, guardSentence } from "../../src/cli/explain/words.js";
import { wrappedLines } from "../../src/cli/marked.js";
import { columnsOf } from "../../src/cli/text-width.js";
import { listGroups } from "../../src/run/groups.js";
import { explain } from "../run/explained.js";
import { dedup, testFolder, writeJsonl } from "../run/folders.js";
import { run } from "./command-line.js";

const folder = testFolder();
const out = join(folder, "out");
const esc = "\u001b";

const plain: Page = {
  marks: { removed: (text) => `[-${text}-]`, added: (text) => `{+${text}+}` },
  width: 100,
  wraps: false,
};
const coloured: Page = {
  marks: { removed: (text) => `${esc}[31m${text}${esc}[39m`, added: (text) => `${esc}[32m${text}${esc}[39m` },
  width: 60,
  wraps: true,
};

before(async () => {
  const file = writeJsonl(join(folder, "rows.jsonl"), [
    { id: "a", text: "please tell me where my parcel of order 12 is" },
    { id: "b", text: "please tell me where my parcel of order 13 is" },
    { id: "c", text: `退款三天没有到账怎么办，我要投诉 ${esc}[2J` },
    { id: "c", text: "退款五天没有到账怎么办，我要投诉" },
    { id: "d", text: "" },
    { id: "e" },
    { id: "f", text: "Please tell me where my parcel of order 12 is" },
  ]);
  await dedup([file], out, { threshold: 0.7, idField: "id" });
});

describe("explain in words", () => {
  it("of a removed row: reason, marked texts, the guard that was missing, and the group", async () => {
    const text = formatExplanation(await explain(out, [1]), plain);
    const rows = join(folder, "rows.jsonl");
    assert.match(text, /\n {2}reason {3}semantic: cosine 0\.\d{4}, 0\.\d{4} above the threshold 0\.7\n/);
    assert.equal(
      text.replace(/0\.\d{4}/g, "0.####"),
      `row 1 (id b): removed on account of row 0 (id a)
  from     record 2 of ${rows}
  reason   semantic: cosine 0.####, 0.#### above the threshold 0.7
  removed  please tell me where my parcel of order [-13-] is
  kept     please tell me where my parcel of order {+12+} is
  guards   numbers differ: 13 against 12 (--guard numbers would have kept them apart)
group of row 0: 3 rows: 1 kept, 1 normalized, 1 semantic; removed:
  row  id      reason  cosine  text
    1   b    semantic  0.####  please tell me where my parcel of order [-13-]{+12+} is
    6   f  normalized  1.0000  [-Please-]{+please+} tell me where my parcel of order 12 is
  [-only in this row-] {+only in the kept row+}
`,
    );
  });

  it("of two rows: whether they were merged and why", async () => {
    const text = formatExplanation(await explain(out, [1, 6]), plain);
    assert.match(text, /\n {2}merged {2}yes: both go on account of row 0, as semantic and as normalized\n {2}cosine /);
    assert.match(text, /\n {2}row 0 {3}please tell me where my parcel of order 12 is\n/);
    const apart = formatExplanation(await explain(out, [0, 4]), plain);
    assert.match(apart, /merged {2}no: row 4 has no vector, because no token of its text is known/);
  });

  it("control characters of a text never reach the terminal", async () => {
    for (const page of [plain, coloured]) {
      const text = formatExplanation(await explain(out, [3]), page);
      assert.ok(text.includes("�[2J"));
      assert.ok(!text.includes(`${esc}[2J`));
    }
  });

  it("on a terminal lines keep within its width, and nothing of a text is lost", async () => {
    const explanation = await explain(out, [3]);
    const text = formatExplanation(explanation, coloured);
    assert.ok(text.includes(`退款${esc}[31m五${esc}[39m天没有到账`), text);
    assert.ok(text.includes(`退款${esc}[32m三${esc}[39m天没有到账`), text);
    const body = text
      .split("\n")
      .slice(1)
      .filter((line) => !line.startsWith("group"));
    for (const line of body) assert.ok(columnsOf(stripVTControlCharacters(line)) <= 60, line);
  });

  it("of a rejected row and of neighbours", async () => {
    const text = formatExplanation(await explain(out, [5]), plain);
    assert.match(
      text,
      /^row 5: rejected\n {2}from {6}record 6 of \S+\n {2}error {5}.*"text".*\n {2}where {5}line 6 of \S+\n/,
    );
    const near = [{ row: 3, id: "c", text: "another", cosine: 0.65, below: 0.05, differs: [] }];
    assert.equal(
      formatNearest(near, await explain(out, [0]), plain, 0.04),
      `nearest kept rows (exact search, 0.0 s); below: distance to the threshold 0.7
  row  id  cosine   below  text
    3   c  0.6500  0.0500  another
`,
    );
  });

  it("groups: counts, similarities and the differences", async () => {
    const text = formatGroups(await listGroups({ folder: out, top: 1, sort: "size" }), plain);
    assert.match(text, /^1 of 2 groups, largest first; 3 removed rows in all\n {2}\[-only in this row-\]/);
    assert.match(text, /\nrow 0 \(id a\): 3 rows: 1 kept, 1 normalized, 1 semantic\n {2}cosine {2}0\.\d{4} at least, /);
    assert.match(text, /\n {2}row 1: numbers differ: 13 against 12\n$/);
  });
});

describe("what guards say of two texts", () => {
  it("those of the run in any case, the others where they would have helped", () => {
    const numbers = { guard: "numbers" as const, onlyFirst: ["13"], onlySecond: ["14", "5%"] };
    const negation = { guard: "negation" as const, onlyFirst: ["not", "not"], onlySecond: [] };
    assert.equal(
      guardSentence([numbers, negation], ["numbers"], true),
      "numbers differ: 13 against 14, 5%; negation differs: 2 negations against none (--guard negation would have kept them apart)",
    );
    assert.equal(guardSentence([numbers], ["negation"], false), "numbers differ: 13 against 14, 5%; negation agrees");
    assert.equal(guardSentence([], ["numbers", "negation"], true), "numbers and negation agree");
    assert.equal(guardSentence([], [], true), undefined);
  });
});

describe("the layout", () => {
  it("a text is broken between words, with its marks on every line", () => {
    const [first] = textEntries(["a", "one two three four five six"], ["b", "one two three four five seven"]);
    assert.deepEqual(wrappedLines(first.pieces, 14, plain.marks), ["one two three", "four five", "[-six-]"]);
    const long = [{ kind: "removed" as const, text: "x".repeat(30) }];
    assert.deepEqual(wrappedLines(long, 14, plain.marks), ["[-xxxxxxxxxx-]", "[-xxxxxxxxxx-]", "[-xxxxxxxxxx-]"]);
    const chinese = [{ kind: "same" as const, text: "退款三天没有到账" }];
    assert.deepEqual(wrappedLines(chinese, 7, plain.marks), ["退款三", "天没有", "到账"]);
    const spaces = [
      { kind: "same" as const, text: "one two" },
      { kind: "removed" as const, text: "  " },
    ];
    assert.deepEqual(wrappedLines(spaces, 8, plain.marks), ["one two", "[-  -]"], "spaces that only one text has");
  });

  it("texts that share little are shown without marks, long ones are shortened around the difference", () => {
    const lines = (a: string, b: string) => entryLines(textEntries(["a", a], ["b", b]), plain);
    assert.equal(lines("one two", "three four"), "  a  one two\n  b  three four\n");
    const long = `${"word ".repeat(400)}12 ${"tail ".repeat(400)}`;
    const text = lines(long, long.replace("12", "13"));
    assert.ok(text.length < 500 && text.includes("[-12-]") && text.includes("{+13+}"), text);
  });

  it("a stream that is no terminal gets brackets and one line a text", () => {
    const page = pageFor({ isTTY: false } as NodeJS.WriteStream);
    assert.deepEqual([page.marks.removed("x"), page.width, page.wraps], ["[-x-]", 110, false]);
    const terminal = { isTTY: true, columns: 64, hasColors: () => false } as unknown as NodeJS.WriteStream;
    assert.deepEqual([pageFor(terminal).width, pageFor(terminal).wraps], [64, true]);
  });

  it("a cosine never reads as the threshold that it misses", () => {
    assert.equal(cosineText(0.85, 0.85), "0.8500");
    assert.equal(cosineText(0.849996, 0.85), "0.849996");
    assert.equal(besideThreshold(0.849996, 0.85), "cosine 0.849996, 4.0e-6 below the threshold 0.85");
  });
});

describe("the commands", () => {
  it("answer on standard output, as JSON where asked, and end with the codes of their errors", async () => {
    const [text, json, unknown, usage, groups] = await Promise.all([
      run("dedup", ["explain", out, "0"]),
      run("dedup", ["explain", out, "b", "--json"]),
      run("dedup", ["explain", out, "99"]),
      run("dedup", ["explain", out, "c"]),
      run("dedup", ["groups", out, "--top", "1", "--json"]),
    ]);
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /^row 0 \(id a\): kept\n[\s\S]*\nnearest kept rows \(exact search, \d/);
    const { rows, guards } = JSON.parse(json.stdout) as { rows: { row: number; fate: string }[]; guards: string[] };
    assert.deepEqual([rows[0].row, rows[0].fate, guards], [1, "removed", []]);
    assert.deepEqual([unknown.code, unknown.stdout], [3, ""]);
    assert.match(unknown.stderr, /^error: \S+ has no row 99: the run read 7 rows, numbered from 0 to 6; /);
    assert.equal(usage.code, 2);
    assert.match(usage.stderr, /^error: 2 rows have the id "c": 2, 3; name one by its number, without --id-field\n$/);
    assert.equal((JSON.parse(groups.stdout) as { top: unknown[] }).top.length, 1);
    const bad = await Promise.all([
      run("dedup", ["explain", out, "1", "2", "3"]),
      run("dedup", ["groups", out, "--top", "0"]),
      run("dedup", ["groups", folder]),
    ]);
    assert.deepEqual(
      bad.map(({ code }) => code),
      [2, 2, 3],
    );
  });
});
