import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { InputError, UsageError } from "../../src/errors.js";
import { type Calibration, calibrate } from "../../src/index.js";
import { run } from "../cli/command-line.js";
import { dedup, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const faq = join(process.cwd(), "fixtures/faq.jsonl");
const input = (name: string, texts: readonly string[]) =>
  writeJsonl(
    join(folder, name),
    texts.map((text) => ({ text })),
  );

describe("calibrate", () => {
  let report: Calibration;
  before(async () => {
    report = await calibrate({ inputs: faq });
  });

  it("counts the rows that bge-dedup removes at every threshold of its table", async () => {
    assert.equal(report.removed_by, "all pairs");
    for (const [i, at] of [0, Math.floor(report.thresholds.length / 2), report.thresholds.length - 1].entries()) {
      const { threshold, removed_rows, removed_share } = report.thresholds[at];
      const { counts } = await dedup([faq], join(folder, `faq-${i}`), { threshold });
      assert.equal(removed_rows, counts.removed);
      assert.equal(removed_share, counts.removed / counts.read);
    }
  });

  it("finds fewer damages, and merges fewer traps, the higher the threshold", () => {
    assert.deepEqual(Object.keys(report.damages).sort(), [
      ...["clauses", "date", "deletion", "insertion", "name", "negation", "number", "punctuation", "typo"],
    ]);
    for (const [i, row] of report.thresholds.slice(1).entries()) {
      const before = report.thresholds[i];
      assert.ok(row.threshold > before.threshold);
      assert.ok((row.found ?? 2) <= (before.found ?? -1) && (row.traps ?? 2) <= (before.traps ?? -1));
      assert.ok(row.removed_rows <= before.removed_rows);
    }
    assert.ok((report.thresholds[0].found ?? 0) > 0.8);
  });

  it("suggests a threshold of the table, with the guards for what it merges wrongly", () => {
    const { threshold, reason, guards } = report.suggestion;
    const row = report.thresholds.find((other) => other.threshold === threshold);
    assert.ok(row !== undefined && /finds [\d.]+ % of the planted damages/.test(reason), reason);
    for (const { merged } of guards) for (const share of Object.values(merged)) assert.ok(share >= 0.1);
    const numbers = Math.max(row.traps_by.number ?? 0, row.traps_by.date ?? 0);
    assert.equal(
      guards.some(({ guard }) => guard === "numbers"),
      numbers >= 0.1,
    );
  });

  it("shows pairs of the user's rows beside each threshold, with their texts", () => {
    assert.ok(report.pairs.length > 10);
    for (const { rows, texts, cosine, threshold } of report.pairs) {
      assert.ok(rows[0] < rows[1] && texts[0] !== texts[1] && texts.every((text) => text !== ""));
      const others = report.thresholds.map((other) => Math.abs(other.threshold - cosine));
      assert.ok(Math.abs(cosine - threshold) <= Math.min(...others) + 1e-9);
    }
  });

  it("gives the same for the same seed, from the files and from a folder of bge-dedup", async () => {
    const out = join(folder, "finished");
    await dedup([faq], out, {});
    const again = await calibrate({ inputs: out, threads: 1 });
    const { seconds: _, warnings: __, next: ___, ...expected } = report;
    const { seconds: ____, warnings: _____, next, ...got } = again;
    assert.ok(next.includes(out), "the next run is one in that folder");
    assert.deepEqual(got, expected);
  });

  it("leaves no files behind", async () => {
    // A folder of its own: other test files run beside this one and use the common one.
    const own = mkdtempSync(join(tmpdir(), "only-calibrate-"));
    const before = process.env.TMPDIR;
    process.env.TMPDIR = own;
    try {
      assert.equal(tmpdir(), own);
      await calibrate({ inputs: input("few.jsonl", ["a text", "another text"]) });
      await assert.rejects(calibrate({ inputs: input("empty.jsonl", []) }), InputError);
      assert.deepEqual(readdirSync(own), []);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      rmSync(own, { recursive: true });
    }
  });
});

describe("calibrate on odd inputs", () => {
  it("with vectors of the input says that nothing can be planted, and suggests from the neighbours", async () => {
    const path = join(folder, "vectors.jsonl");
    const rows = Array.from({ length: 60 }, (_, i) => ({
      text: `text ${i}`,
      v: [Math.cos(i / 9), Math.sin(i / 9), 0.3 * Math.sin(i)],
    }));
    writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const { damages, suggestion, warnings, thresholds } = await calibrate({ inputs: path, vectorField: "v" });
    assert.deepEqual(damages, {});
    assert.match(suggestion.reason, /hardly any text|neighbours alone/);
    assert.match(warnings.join(), /vectors came with the input.*--model/);
    assert.ok(thresholds.every(({ found, traps, false_merges }) => found ?? traps ?? false_merges === null));
    assert.ok(thresholds.some(({ threshold }) => threshold === suggestion.threshold));
  });

  it("of one row, or of equal rows, gives the model's own threshold and says why", async () => {
    for (const texts of [["one single text of a row"], Array.from({ length: 50 }, () => "the same text in each row")]) {
      const { suggestion, warnings, counts, pairs } = await calibrate({ inputs: input("one.jsonl", texts) });
      assert.equal(suggestion.threshold, 0.85);
      assert.match(suggestion.reason, /1 distinct text says too little/);
      assert.match(warnings.join(), /single distinct text/);
      assert.equal(counts.copies, texts.length - 1);
      assert.deepEqual(pairs, []);
    }
  });

  it("smaller than the sample uses all texts and says so", async () => {
    const { counts, warnings } = await calibrate({ inputs: faq, sample: 5000 });
    assert.equal(counts.sampled, 265);
    assert.match(warnings.join(), /fewer distinct texts \(265\) than --sample 5000/);
  });

  it("that are empty, rejected as a whole or without a known token are input errors", async () => {
    await assert.rejects(calibrate({ inputs: input("none.jsonl", []) }), InputError);
    const numbers = join(folder, "numbers.jsonl");
    writeFileSync(numbers, '{"text":1}\n{"text":2}\n');
    await assert.rejects(calibrate({ inputs: numbers }), InputError);
    await assert.rejects(calibrate({ inputs: input("blank.jsonl", ["...", "!!"]) }), InputError);
  });

  it("refuses a folder of another model, an option that has no meaning here, and a sample of none", async () => {
    const out = join(folder, "another");
    await dedup([faq], out, { maxLength: 64 });
    await assert.rejects(calibrate({ inputs: faq, sample: 0 }), UsageError);
    await assert.rejects(calibrate({ inputs: faq, out: "x" } as never), UsageError);
    const manifest = JSON.parse(
      await import("node:fs").then((fs) => fs.readFileSync(join(out, "manifest.json"), "utf8")),
    );
    manifest.model.fingerprint = "another model";
    writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest));
    await assert.rejects(calibrate({ inputs: out, model: "builtin" }), /were made by builtin .*leave out --model/);
  });
});

describe("bge-dedup calibrate", () => {
  it("prints a table that fits 80 columns, marks the suggestion and names the next command", async () => {
    const { code, stdout, stderr } = await run("dedup", ["calibrate", faq, "--progress", "none"]);
    assert.equal(code, 0, stderr);
    const lines = stdout.split("\n");
    const threshold = /suggested: --threshold ([\d.]+)/.exec(stdout)?.[1];
    const marked = lines.filter((line) => line.startsWith(">"));
    assert.deepEqual(
      marked.map((line) => Number(/[\d.]+/.exec(line)?.[0])),
      [Number(threshold), Number(threshold)],
    );
    assert.match(stdout, new RegExp(`next: bge-dedup .*faq.jsonl --threshold ${threshold}`));
    const wide = (line: string) => [...line].reduce((sum, c) => sum + (/[\u2e80-\uffe6]/.test(c) ? 2 : 1), 0);
    for (const line of lines.filter((text) => !text.startsWith("next:"))) assert.ok(wide(line) <= 80, line);
  });

  it("names a next command that decides on the same vectors", async () => {
    const angles = Array.from({ length: 40 }, (_, i) => ({ v: [Math.cos(i / 9), Math.sin(i / 9)] }));
    const path = writeJsonl(join(folder, "angles.jsonl"), angles);
    const { stdout } = await run("dedup", ["calibrate", path, "--vector-field", "v", "--progress", "none"]);
    const [, next] = /^next: bge-dedup (.*)$/m.exec(stdout) ?? [];
    assert.match(next, /angles.jsonl --vector-field v --threshold/);
    const followed = await run("dedup", [...next.split(" "), "-o", join(folder, "followed"), "--progress", "none"]);
    assert.equal(followed.code, 0, followed.stderr);
  });

  it("of a folder names its inputs, its flags and itself, so that its vectors are used again", async () => {
    const out = join(folder, "its own");
    const flags = ["--guard", "numbers", "--keep", "longest", "--format", "jsonl", "--format", "arrow"];
    assert.equal((await run("dedup", [faq, "-o", out, ...flags, "-q"])).code, 0);
    const { stdout } = await run("dedup", ["calibrate", out, "--json", "-q"]);
    const { next, suggestion } = JSON.parse(stdout) as { next: string[]; suggestion: { threshold: number } };
    const threshold = ["--threshold", String(suggestion.threshold)];
    assert.deepEqual(next.slice(0, 12), [
      ...[faq, "-o", out, "--keep", "longest", "--format", "jsonl", "--format", "arrow", ...threshold, "--guard"],
    ]);
    assert.equal(next[12], "numbers");
    const again = await run("dedup", [...next, "--json", "-q"]);
    assert.ok((JSON.parse(again.stdout) as { reused: number }).reused > 0, again.stdout);
    const text = await run("dedup", ["calibrate", out, "-q"]);
    assert.equal(text.stdout, "");
  });

  it("says that records were rejected", async () => {
    const path = join(folder, "one-bad.jsonl");
    writeFileSync(path, '{"text":"how do I reset my password"}\n{"text":"where is my parcel"}\nno json\n');
    const { stdout } = await run("dedup", ["calibrate", path, "--progress", "none"]);
    assert.match(stdout, /^builtin, 256 dimensions: 3 rows, 1 rejected, 0 copies, 2 distinct texts\n/);
  });

  it("prints one object with --json", async () => {
    const { code, stdout } = await run("dedup", ["calibrate", faq, "--json", "--sample", "20", "--progress", "none"]);
    assert.equal(code, 0);
    const { command, counts, suggestion } = JSON.parse(stdout);
    assert.equal(command, "calibrate");
    assert.equal(counts.sampled, 20);
    assert.ok(suggestion.threshold > 0 && suggestion.threshold < 1);
  });

  it("ends with 3 for an input that is missing", async () => {
    const { code, stderr } = await run("dedup", ["calibrate", join(folder, "absent.jsonl")]);
    assert.equal(code, 3);
    assert.match(stderr, /absent\.jsonl/);
  });
});
