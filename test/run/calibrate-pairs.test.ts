import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parquetWriteFile } from "hyparquet-writer";
import { InputError } from "../../src/errors.js";
import { calibratePairs, type PairsReport } from "../../src/run/calibrate-pairs.js";
import { run } from "../cli/command-line.js";
import { dedupOptions, noting, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();

interface Labelled {
  readonly text_a: string;
  readonly text_b: string;
  readonly label: unknown;
}

/** Pairs that the builtin model tells apart, and one of each that it does not. */
const PAIRS: readonly Labelled[] = [
  { text_a: "How do I reset my password?", text_b: "How do I reset my pasword?", label: 1 },
  { text_a: "如何重置登录密码？", text_b: "如何重置登陆密码？", label: 1 },
  { text_a: "The shop opens at nine", text_b: "Opening hours of the shop", label: 1 },
  { text_a: "Meeting moved to 12 May", text_b: "Meeting moved to 13 May", label: 0 },
  { text_a: "A dog barks", text_b: "Quarterly revenue grew", label: 0 },
  { text_a: "今天天气很好", text_b: "明天股市大跌", label: 0 },
];

function calibrate(path: string, others: Record<string, unknown> = {}): Promise<PairsReport> {
  const options = { ...dedupOptions([path], "bge-out"), pairs: path, precision: 0.9, ...others };
  return calibratePairs(options, { reporter: noting(), stdin: process.stdin });
}

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const records = (name: string, pairs: readonly object[]) => writeJsonl(join(folder, name), pairs);

/** @throws AssertionError unless the call fails with an InputError that says all of this */
async function refuses(call: Promise<unknown>, ...says: readonly RegExp[]): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof InputError, String(error));
    for (const words of says) assert.match(error.message, words);
    return true;
  });
}

describe("labelled pairs", () => {
  it("are the same from JSON lines, CSV and Parquet, however the labels are written", async () => {
    const jsonl = await calibrate(records("pairs.jsonl", PAIRS));
    assert.deepEqual([jsonl.pairs.same, jsonl.pairs.different], [3, 3]);
    const words = [true, "1", "TRUE", false, "0", "0.0"];
    const strange = records(
      "words.jsonl",
      PAIRS.map((pair, i) => ({ ...pair, label: words[i] })),
    );
    const csv = written(
      "pairs.csv",
      `text_a,text_b,label\n${PAIRS.map(({ text_a, text_b, label }) => `"${text_a}","${text_b}",${label}\n`).join("")}`,
    );
    const parquet = join(folder, "pairs.parquet");
    const column = (name: keyof Labelled) => PAIRS.map((pair) => pair[name]);
    parquetWriteFile({
      filename: parquet,
      columnData: [
        { name: "label", data: column("label"), type: "DOUBLE" },
        { name: "text_b", data: column("text_b"), type: "STRING" },
        { name: "text_a", data: column("text_a"), type: "STRING" },
      ],
    });
    for (const path of [strange, csv, parquet]) {
      const { curve, pairs } = await calibrate(path);
      assert.deepEqual(pairs, jsonl.pairs, path);
      assert.deepEqual(curve, jsonl.curve, path);
    }
  });

  it("give precision and recall at every threshold, the best F1 and the wanted precision", async () => {
    const { best_f1, for_precision, curve, average_precision } = await calibrate(records("six.jsonl", PAIRS));
    assert.equal(curve[0].merged, 1);
    assert.deepEqual([curve.at(-1)?.merged, curve.at(-1)?.correct, curve.at(-1)?.recall], [6, 3, 1]);
    const f1 = curve.map(({ merged, correct }) => (2 * correct) / (merged + 3));
    assert.equal(best_f1?.f1, Math.max(...f1));
    const reached = curve.filter(({ merged, correct }) => correct >= 0.9 * merged).at(-1);
    assert.deepEqual(for_precision?.reached, reached);
    assert.ok((average_precision ?? 0) > 0.5);
  });

  it("that a guard keeps apart count as not merged", async () => {
    const path = records("guard.jsonl", PAIRS);
    const { pairs, curve } = await calibrate(path, { guards: { numbers: true, negation: false, names: false } });
    // Two days of May, and "nine" without its like.
    assert.equal(pairs.guarded, 2);
    assert.deepEqual([curve.at(-1)?.merged, curve.at(-1)?.correct, curve.at(-1)?.recall], [4, 2, 2 / 3]);
  });

  it("that are equal after normalising are merged at every threshold", async () => {
    const { curve } = await calibrate(
      records("equal.jsonl", [
        ...PAIRS,
        { text_a: "Ａ Ｂ", text_b: "a  b", label: 1 },
        { text_a: "", text_b: " ", label: 0 },
      ]),
    );
    assert.equal(curve[0].cosine, 1);
    assert.equal(curve[0].merged, 2);
  });

  it("count once, with the last label, in whichever order the texts come", async () => {
    const [first, ...others] = PAIRS;
    const turned = { text_a: first.text_b, text_b: first.text_a, label: 0 };
    const { pairs } = await calibrate(records("twice.jsonl", [first, ...others, turned]));
    assert.deepEqual([pairs.read, pairs.repeated, pairs.same, pairs.different], [7, 1, 2, 4]);
  });

  it("without a label are passed over, those without a text rejected, and both are said", async () => {
    const faulty = [
      ...PAIRS,
      { text_a: "a", text_b: "b", label: null },
      { text_a: "c", text_b: "d" },
      { text_a: "e", label: 1 },
      { text_a: 5, text_b: "f", label: 1 },
      { text_a: null, text_b: "g", label: 0 },
    ];
    const { pairs, warnings } = await calibrate(records("faulty.jsonl", faulty));
    assert.deepEqual([pairs.read, pairs.rejected, pairs.unlabelled, pairs.same], [8, 3, 2, 3]);
    assert.match(warnings.join("\n"), /3 records were rejected; the first: line 9 of .*text_b/);
    assert.match(warnings.join("\n"), /2 pairs without a label/);
    assert.match(warnings.join("\n"), /only 3 pairs .* intervals are wide/);
  });

  it("with labels of one kind give what can be said, and no threshold", async () => {
    for (const label of [0, 1]) {
      const alike = PAIRS.filter((pair) => pair.label === label);
      const report = await calibrate(records(`all-${label}.jsonl`, alike));
      assert.equal(report.best_f1, undefined);
      assert.equal(report.for_precision, undefined);
      assert.ok(report.curve.length > 0);
    }
  });
});

describe("files that hold no labelled pairs are refused", () => {
  it("where a field is missing, with the fields there are", async () => {
    const renamed = PAIRS.map(({ text_a, text_b, label }) => ({ text_a, text_b, score: label }));
    await refuses(calibrate(records("score.jsonl", renamed)), /no field label/, /"score"/, /jq/);
    const questions = PAIRS.map(({ text_a, text_b, label }) => ({ question1: text_a, question2: text_b, label }));
    await refuses(calibrate(records("quora.jsonl", questions)), /no record .* text_a/, /"question1"/, /rename/);
    await refuses(calibrate(written("other.csv", "a,b,c\n1,2,3\n")), /text_a/, /"a", "b", "c"/);
    const path = join(folder, "other.parquet");
    parquetWriteFile({ filename: path, columnData: [{ name: "sentence", data: ["x"], type: "STRING" }] });
    await refuses(calibrate(path), /no field text_a/, /"sentence"/);
  });

  it("where a label is neither 0 nor 1, with its line and the cure", async () => {
    const graded = [PAIRS[0], { ...PAIRS[1], label: 3.8 }];
    const path = written("graded.jsonl", graded.map((pair) => `${JSON.stringify(pair)}\n\n`).join(""));
    await refuses(calibrate(path), /line 3 of/, /the number 3.8/, />= 4/);
    await refuses(calibrate(records("yes.jsonl", [{ ...PAIRS[0], label: "yes" }])), /line 1 of/, /"yes"/, /write 1/);
  });

  it("where nobody has judged them, and where there are none", async () => {
    const open = PAIRS.map(({ text_a, text_b }) => ({ text_a, text_b, label: null }));
    await refuses(calibrate(records("open.jsonl", open)), /none of the 6 pairs .* has a label/, /--ask/);
    await refuses(calibrate(written("bad.jsonl", "{oops\n")), /not valid JSON/);
  });

  it("where --vector-field finds no cosine in them, and takes those of answers", async () => {
    const options = { vectorField: "embedding" };
    await refuses(calibrate(records("no-cosine.jsonl", PAIRS), options), /no cosine/, /leave out --vector-field/);
    const answers = PAIRS.map((pair, i) => ({ ...pair, cosine: 0.9 - i / 10 }));
    const { curve, warnings } = await calibrate(records("cosines.jsonl", answers), options);
    assert.match(warnings.join("\n"), /--ask chose these pairs around the boundary/);
    assert.deepEqual(
      curve.map(({ cosine }) => cosine),
      answers.map(({ cosine }) => cosine),
    );
  });
});

describe("bge-dedup calibrate --pairs", () => {
  it("prints lines of 80 columns and the next command with the model's flags", async () => {
    const path = records("judged.jsonl", PAIRS);
    const { code, stdout } = await run("dedup", ["calibrate", "--pairs", path, "--guard", "numbers", "--long", "mean"]);
    assert.equal(code, 0);
    assert.match(stdout, /\nNext: bge-dedup INPUT --long mean --threshold 0\.\d+ --guard numbers\n$/);
    for (const line of stdout.split("\n").filter((text) => !text.startsWith("Next:")))
      assert.ok(line.length <= 80, line);
  });
});
