import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import { printable } from "../../src/cli/printable.js";
import { createReporter, progressMode } from "../../src/cli/progress.js";

/** Standard error as a terminal of a width, or not; what is written is kept. */
function fakeStderr(columns?: number) {
  let written = "";
  const stream = new Writable({
    write(chunk, _, done) {
      written += String(chunk);
      done();
    },
  });
  return {
    stderr: Object.assign(stream, { isTTY: columns !== undefined, columns }) as unknown as NodeJS.WriteStream,
    written: () => written,
  };
}

/** The last state of each line that was drawn, without what moves the cursor. */
function lines(written: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: sequences of a terminal begin with one
  const plain = written.replace(/\x1b\[[0-9;?]*[A-Za-z]|\x1b[78]/g, "\r");
  return plain.split(/[\r\n]+/).filter((line) => line.trim() !== "");
}

describe("progress", () => {
  it("is bars on a terminal and log lines elsewhere, unless the user says otherwise", () => {
    const terminal = fakeStderr(80).stderr;
    const pipe = fakeStderr().stderr;
    assert.deepEqual([progressMode("auto", false, terminal), progressMode("auto", false, pipe)], ["bar", "log"]);
    assert.deepEqual([progressMode("bar", false, pipe), progressMode("log", false, terminal)], ["bar", "log"]);
    assert.deepEqual([progressMode("bar", true, terminal), progressMode("none", false, terminal)], ["none", "none"]);
  });

  it("as log lines: time, stage, rows, rate; nothing where the stage failed", async () => {
    const { stderr, written } = fakeStderr();
    const reporter = await createReporter("log", stderr);
    reporter.note("a note\nforged");
    const stage = reporter.stage("read", 1000);
    stage.advance(1000, 12_345);
    stage.end();
    reporter.stage("embed", 10).advance(5);
    reporter.close();
    const [note, end, ...more] = written().trimEnd().split("\n");
    assert.match(note, /^\d{4}-\d\d-\d\dT[\d:.]+Z a note forged$/);
    assert.match(end, /Z read: done, 12,345 rows in \d+\.\d s, [\d,]+ rows\/s$/);
    assert.deepEqual(more, []);
  });

  it("as JSON lines: each an object with time and stage, rows and rate, or a message that cannot forge another", async () => {
    const { stderr, written } = fakeStderr();
    const reporter = await createReporter("log", stderr, "json");
    reporter.note('a note\n{"level":"error"}\u009b2J\u202e');
    const stage = reporter.stage("read", 1000);
    stage.advance(1000, 12_345);
    stage.end();
    assert.match(written(), /^[\x20-\x7e\n]+$/);
    const [note, end, ...more] = written().trimEnd().split("\n");
    const { time, ...message } = JSON.parse(note) as Record<string, string>;
    assert.equal(new Date(time).toISOString(), time);
    assert.deepEqual(message, { level: "info", message: 'a note\n{"level":"error"}\u009b2J\u202e' });
    const done = JSON.parse(end) as Record<string, number>;
    assert.deepEqual([done.stage, done.rows, done.share, done.done], ["read", 12_345, 1, true]);
    assert.ok(done.rows_per_second > 0);
    assert.deepEqual(more, []);
  });

  it("as bars fits a terminal of 80 columns, ends at 100 % and stays as it was where a stage failed", async () => {
    const { stderr, written } = fakeStderr(80);
    const reporter = await createReporter("bar", stderr);
    reporter.note("before");
    const read = reporter.stage("read", 2_000_000_000);
    read.advance(1_000_000_000, 123_456_789);
    read.end();
    const embed = reporter.stage("embed", 10);
    embed.advance(4, 4);
    reporter.note("between");
    reporter.close();
    const drawn = lines(written());
    for (const line of drawn) assert.ok(line.length <= 80, `${line.length} columns: ${line}`);
    assert.ok(drawn.includes("before") && drawn.some((line) => line.trim() === "between"));
    const last = (stage: string) => drawn.filter((line) => line.startsWith(stage)).at(-1) ?? "";
    assert.match(last("read"), /^read +█+ 100 % \| +123,456,789 rows \| +[\d,]+ rows\/s \| in 0s$/);
    assert.match(last("embed"), /^embed +█+░+ +40 % \| +4 rows \| .* left$/);
    const before = written();
    reporter.close();
    assert.equal(written(), before, "closing twice draws nothing over what was printed since");
  });

  it("is nothing where it is not wanted", async () => {
    const { stderr, written } = fakeStderr(80);
    const reporter = await createReporter("none", stderr);
    reporter.note("note");
    const stage = reporter.stage("read", 10);
    stage.advance(5);
    stage.end();
    reporter.close();
    assert.equal(written(), "");
  });
});

describe("text from outside", () => {
  it("cannot steer a terminal or forge a line", () => {
    assert.equal(printable("a\x1b[2Jb\x07\u202ec\u0085"), "a\ufffd[2Jb\ufffd\ufffdc\ufffd");
    assert.equal(printable("a.jsonl\nerror: forged\r\n  x"), "a.jsonl error: forged x");
    assert.equal(printable("汉字 🙂 é"), "汉字 🙂 é");
  });
});
