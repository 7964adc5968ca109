import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { UsageError } from "../../src/errors.js";
import { seededRandom } from "../../src/random.js";
import { openCalibration } from "../../src/run/calibrate/inputs.js";
import { type AskRun, openAsk } from "../../src/run/calibrate-ask.js";
import { calibratePairs } from "../../src/run/calibrate-pairs.js";
import { type AnswerLine, openAnswers } from "../../src/run/pairs/answers.js";
import { dedupOptions, silent, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const SHARED = { inputs: ["input.jsonl"], memory: 2 ** 30 };
const guards = { numbers: false, negation: false, names: false };

const line = (text: string, label: 0 | 1 | null): AnswerLine => ({
  text_a: text,
  text_b: `${text}\u2028\n"`,
  label,
  cosine: 0.9123456789012345,
  rows: [1, 2],
  model: "builtin",
  time: "2026-01-01T00:00:00.000Z",
});

const linesOf = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n");

describe("answers", () => {
  it("are on disk at once, one line each, and come back in the next session", async () => {
    const path = join(folder, "labels.jsonl");
    const first = await openAnswers(path, SHARED);
    assert.ok(!existsSync(path), "nothing is written before the first answer");
    await first.append(line("a", 1));
    assert.equal(linesOf(path).length, 1);
    await first.append(line("b", null));
    await first.close();
    const second = await openAnswers(path, SHARED);
    assert.deepEqual(second.earlier, [
      { first: "a", second: line("a", 1).text_b, same: true, cosine: 0.9123456789012345 },
      { first: "b", second: line("b", 1).text_b, same: undefined, cosine: 0.9123456789012345 },
    ]);
    await second.append(line("c", 0));
    await second.close();
    assert.deepEqual(
      linesOf(path).map((text) => JSON.parse(text)),
      [line("a", 1), line("b", null), line("c", 0)],
    );
  });

  it("survive a line that a crash cut short", async () => {
    const path = writeJsonl(join(folder, "torn.jsonl"), [line("a", 1)]);
    appendFileSync(path, '{"text_a":"b","te');
    const answers = await openAnswers(path, SHARED);
    assert.equal(answers.earlier.length, 1);
    assert.equal(answers.faults.rejected, 1);
    await answers.append(line("c", 0));
    await answers.close();
    assert.deepEqual(JSON.parse(linesOf(path)[2]), line("c", 0));
  });

  it("say at the first answer that their folder has gone meanwhile", async () => {
    const gone = join(folder, "gone");
    mkdirSync(gone);
    const answers = await openAnswers(join(gone, "labels.jsonl"), { inputs: [], memory: 2 ** 30 });
    rmSync(gone, { recursive: true });
    await assert.rejects(answers.append(line("a", 1)), /answers cannot be written to .*; choose another --answers/);
    await answers.close();
  });

  it("are refused a place where they cannot be written", async () => {
    mkdirSync(join(folder, "folder"));
    for (const path of [join(folder, "folder"), join(folder, "missing", "labels.jsonl")]) {
      await assert.rejects(openAnswers(path, SHARED), (error) => {
        assert.ok(error instanceof UsageError && /choose another --answers/.test(error.message), String(error));
        return true;
      });
    }
  });
});

describe("answers among the inputs", () => {
  it("are refused, because a run would read them as rows", async () => {
    const path = writeJsonl(join(folder, "inputs.jsonl"), [line("a", 1)]);
    for (const input of [folder, path]) {
      await assert.rejects(openAnswers(path, { inputs: [input], memory: 2 ** 30 }), (error) => {
        assert.ok(error instanceof UsageError && /among the inputs/.test(error.message), String(error));
        return true;
      });
    }
    const beside = await openAnswers(join(folder, "labels.jsonl"), { inputs: [path], memory: 2 ** 30 });
    await beside.close();
  });
});

/** Texts of which many are near, by typing errors in words. */
function corpus(): string {
  const random = seededRandom(5);
  const word = () => Array.from({ length: 6 }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join("");
  const texts = Array.from({ length: 120 }, () => Array.from({ length: 8 }, word).join(" "));
  const near = texts.slice(0, 60).map((text, i) =>
    text
      .split(" ")
      .map((part, w) => (w < i % 6 ? word() : part))
      .join(" "),
  );
  return writeJsonl(
    join(folder, "corpus.jsonl"),
    [...texts, ...near].map((text) => ({ text })),
  );
}

/** Opens a session over the corpus and hands it to `use`. */
async function withSession(input: string, path: string, use: (run: AskRun) => Promise<void>): Promise<void> {
  const context = { reporter: silent, stdin: process.stdin };
  const inputs = await openCalibration({ ...dedupOptions([input], "bge-out"), modelChosen: false }, context);
  const answers = await openAnswers(path, SHARED);
  try {
    await use(await openAsk({ inputs, answers, path, guards, seed: 1, reporter: silent }));
  } finally {
    await answers.close();
    await inputs.close();
  }
}

describe("a session of questions over an input", () => {
  it("keeps what is said, never asks it again, and its answers are labelled pairs", async () => {
    const [input, path] = [corpus(), join(folder, "session.jsonl")];
    const shown: string[] = [];
    const keyOf = (run: AskRun) => {
      const pair = run.pair();
      return JSON.stringify([pair?.first, pair?.second]);
    };
    await withSession(input, path, async (run) => {
      for (const answer of [true, false, undefined, true]) {
        shown.push(keyOf(run));
        await run.answer(answer);
      }
      run.session.back();
      assert.equal(keyOf(run), shown[3]);
      await run.answer(false);
      const { answers, suggestion } = run.report();
      assert.deepEqual(answers, { file: path, asked: 4, skipped: 1, earlier: 0, same: 1, different: 2 });
      assert.ok(suggestion !== undefined && suggestion.low <= suggestion.threshold);
    });
    assert.equal(linesOf(path).length, 5);
    await withSession(input, path, async (run) => {
      assert.deepEqual(run.session.judged, { same: 1, different: 2 }, "the later line replaces the earlier one");
      for (let i = 0; i < 20; i++) {
        assert.ok(!shown.includes(keyOf(run)), keyOf(run));
        await run.answer(i % 2 === 0);
      }
    });
    const options = { ...dedupOptions([path], "bge-out"), pairs: path, precision: 0.9 };
    const { pairs, curve } = await calibratePairs(options, { reporter: silent, stdin: process.stdin });
    assert.deepEqual([pairs.same, pairs.different, pairs.unlabelled, pairs.repeated], [11, 12, 1, 1]);
    const lines = linesOf(path).map((text) => JSON.parse(text) as AnswerLine);
    const cosines = lines.filter(({ label }) => label !== null).map(({ cosine }) => cosine);
    for (const { cosine } of curve)
      assert.ok(
        cosines.some((kept) => Math.abs(kept - cosine) < 1e-7),
        `${cosine}`,
      );
  });
});
