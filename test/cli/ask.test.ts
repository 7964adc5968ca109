import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { ask, requireTerminal } from "../../src/cli/ask/ask.js";
import { commandOf } from "../../src/cli/ask/keyboard.js";
import { type AskView, screenLines } from "../../src/cli/ask/screen.js";
import { UsageError } from "../../src/errors.js";
import { AskSession } from "../../src/report/calibrate/ask-session.js";
import type { AskRun } from "../../src/run/calibrate-ask.js";
import { seededRandom } from "../faults/random.js";

const BRACKETS = { removed: (text: string) => `[-${text}-]`, added: (text: string) => `{+${text}+}` };

function view(first: string, second: string, others: Partial<AskView> = {}): AskView {
  return { question: 3, most: 40, first, second, cosine: 0.93125, rows: [17, 2041], ...others };
}

/** Cells of a line without control characters: wide characters by their blocks, which the tests keep to. */
function cells(line: string): number {
  return [...line].reduce((sum, character) => sum + (/[\u2e80-\u9fff\uff00-\uffef]/u.test(character) ? 2 : 1), 0);
}

describe("the screen of a question", () => {
  it("shows both texts with their differences, where the session stands, and the keys", () => {
    const estimate = { threshold: 0.93, low: 0.9, high: 0.95, f1: 0.8, loss: 0.01, worst_loss: 0.04 };
    const lines = screenLines(view("a red fox", "a grey fox", { estimate }), { columns: 80, rows: 24 }, BRACKETS);
    assert.deepEqual(lines, [
      "3 of 40   cosine 0.9313   rows 17 and 2041",
      "threshold so far 0.93, likely between 0.9 and 0.95",
      "",
      "A  a [-red-] fox",
      "",
      "B  a {+grey+} fox",
      "",
      "same?   y yes   n no   s skip   b back   q quit",
    ]);
  });

  it("tells the answer that a pair has had", () => {
    for (const [answer, word] of [
      [true, "was yes"],
      [false, "was no"],
      [undefined, "was skipped"],
    ] as const) {
      const lines = screenLines(view("a", "b", { before: { answer } }), { columns: 80, rows: 24 }, BRACKETS);
      assert.match(lines.at(-1) ?? "", new RegExp(word));
    }
  });

  it("fits terminals of any size, with Chinese and English of any length, and keeps a difference in sight", () => {
    const texts = [
      ["我们在春天去了北京的颐和园".repeat(400), `${"我们在春天去了北京的颐和园".repeat(400)}3次`],
      [
        `${"lorem ipsum dolor ".repeat(500)}Monday${" sit amet".repeat(500)}`,
        `${"lorem ipsum dolor ".repeat(500)}Friday${" sit amet".repeat(500)}`,
      ],
      ["x".repeat(3000), "y".repeat(3000)],
      ["", "短"],
    ];
    for (const [first, second] of texts) {
      for (const [columns, rows] of [
        [80, 24],
        [40, 24],
        [40, 8],
        [200, 60],
        [12, 5],
        [8, 3],
      ]) {
        const lines = screenLines(view(first, second), { columns, rows }, BRACKETS);
        assert.ok(lines.length <= rows, `${lines.length} lines on ${columns} x ${rows}`);
        for (const line of lines) assert.ok(cells(line) <= columns, `${line} is wider than ${columns}`);
        if (rows >= 24) assert.match(lines.join(""), /\{\+|\[-/);
        if (rows >= 24) assert.match(lines.join(" "), /same\?/);
      }
    }
  });

  it("replaces what would steer the terminal, and line ends", () => {
    const lines = screenLines(view("a\x1b[2Jb\nc", "a\x07\u202eb\r\nc"), { columns: 80, rows: 24 }, BRACKETS);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    assert.doesNotMatch(lines.join(""), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  });
});

describe("the keys", () => {
  it("are letters of either case, and the usual control keys", () => {
    const keys = ["y", "n", "s", "b", "q", "x", "return"].map((name) => commandOf({ name }));
    assert.deepEqual(keys, ["yes", "no", "skip", "back", "quit", undefined, undefined]);
    const controls = ["c", "d", "z", "l", "y"].map((name) => commandOf({ name, ctrl: true }));
    assert.deepEqual(controls, ["interrupt", "quit", "suspend", "redraw", undefined]);
    assert.equal(commandOf({ name: "y", meta: true }), undefined);
  });

  it("need a terminal on both sides", () => {
    requireTerminal({ isTTY: true }, { isTTY: true });
    for (const [keys, screen, which] of [
      [false, true, /standard input.*--pairs/],
      [true, false, /standard error.*--pairs/],
    ] as const) {
      assert.throws(
        () => requireTerminal({ isTTY: keys }, { isTTY: screen }),
        (error) => error instanceof UsageError && which.test(error.message),
      );
    }
  });
});

/** A session of pairs with letters as texts, a screen that remembers, and keys that a test types. */
function scene() {
  const pairs = Array.from({ length: 30 }, (_, i) => ({
    first: `first ${i}`,
    second: `second ${i}`,
    rows: [i, i + 100] as [number, number],
    cosine: 0.7 + i / 100,
    weight: 1,
  }));
  const session = new AskSession({ candidates: pairs, random: seededRandom(1).fraction });
  const kept: unknown[] = [];
  const run: AskRun = {
    session,
    pair: () => (session.question === undefined ? undefined : pairs[session.question]),
    async answer(answer) {
      kept.push(answer);
      session.answer(answer);
    },
    report: () => assert.fail("nobody asked for a report"),
  };
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), { setRawMode: (on: boolean) => raw.push(on) });
  let drawn = "";
  const screen = Object.assign(new PassThrough(), { columns: 60, rows: 20, isTTY: true, hasColors: () => false });
  screen.on("data", (chunk) => {
    drawn += chunk;
  });
  const controller = new AbortController();
  const start = (most: number) =>
    ask({ run, most, input, screen: screen as unknown as NodeJS.WriteStream, signal: controller.signal });
  return { kept, raw, input, screen, controller, start, drawn: () => drawn, session };
}

/** Lets everything run that is ready to. */
const idle = () => new Promise((resolve) => setTimeout(resolve, 20));

describe("a session at the terminal", () => {
  it("keeps an answer for each key until it is quit, and gives the terminal back", async () => {
    const { kept, raw, input, start, drawn } = scene();
    const done = start(40);
    input.write("yn?s");
    await idle();
    input.write("bYq");
    await done;
    assert.deepEqual(kept, [true, false, undefined, true]);
    assert.deepEqual(raw, [true, false]);
    assert.ok(drawn().startsWith("\x1b[?1049h") && drawn().endsWith("\x1b[?25h\x1b[?1049l"));
    assert.match(drawn(), /1 of 40.*2 of 40.*3 of 40.*4 of 40.*3 of 40.*4 of 40/s);
  });

  it("takes no key for an answer that a terminal kept from before the first pair was shown", async () => {
    const { kept, input, start, drawn } = scene();
    Object.assign(input, { isTTY: true });
    input.write("yynq");
    const done = start(40);
    while (!drawn().includes("1 of 40")) await idle();
    assert.deepEqual(kept, []);
    input.write("nq");
    await done;
    assert.deepEqual(kept, [false]);
  });

  it("ends after the number of pairs that was asked for", async () => {
    const { kept, input, start } = scene();
    const done = start(3);
    input.write("nnnnn");
    await done;
    assert.equal(kept.length, 3);
  });

  it("draws again where the terminal changes its size", async () => {
    const { input, screen, start, drawn } = scene();
    const done = start(40);
    await idle();
    screen.columns = 30;
    screen.emit("resize");
    await idle();
    input.write("q");
    await done;
    assert.equal(drawn().split("1 of 40").length, 3);
  });

  it("gives the terminal back and rejects with the reason where it is stopped", async () => {
    const { raw, controller, start, drawn, kept, input } = scene();
    const done = start(40);
    input.write("y");
    await idle();
    controller.abort(new Error("stopped"));
    await assert.rejects(done, /stopped/);
    assert.deepEqual(raw, [true, false]);
    assert.deepEqual(kept, [true]);
    assert.ok(drawn().endsWith("\x1b[?1049l"));
  });

  it("ends where the terminal goes away", async () => {
    const { input, start } = scene();
    const done = start(40);
    input.end();
    await done;
  });
});
