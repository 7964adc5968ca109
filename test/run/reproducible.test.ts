import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { run } from "../cli/command-line.js";
import { randomSource } from "../join/vectors.js";
import { dedup, noting, outputBytes, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const input = join(folder, "rows.jsonl");
const reference = join(folder, "reference");

before(async () => {
  const random = randomSource(11);
  const pick = (from: string) => from[Math.floor(random() * from.length)];
  const rows: { text: string; score: number }[] = [];
  for (let i = 0; i < 3000; i++) {
    // Half of the rows are near copies of earlier ones.
    const old = i > 0 && random() < 0.5 ? rows[Math.floor(random() * i)].text : undefined;
    const fresh = Array.from({ length: 24 }, () => pick("天地人你我他东西南北春夏秋冬 abcdefgh,12")).join("");
    rows.push({
      text: old === undefined ? fresh : `${old.slice(0, -2)}${pick("xyz上下")}`,
      score: Math.floor(random() * 9),
    });
  }
  writeJsonl(input, rows);
  const { counts } = await dedup([input], reference, { keep: "max:score" });
  assert.ok(counts.semantic > 300, String(counts.semantic));
});

describe("the same input gives the same bytes", () => {
  it("for any number of threads, memory and repeats", async () => {
    const expected = outputBytes(reference);
    for (const options of [
      {},
      { threads: 2 },
      { memory: 64 * 2 ** 20, threads: 2 },
      { memory: 2 ** 33 },
      { fresh: true },
    ]) {
      const out = join(folder, JSON.stringify(options).replace(/\W/g, "-"));
      await dedup([input], out, { keep: "max:score", ...options });
      assert.deepEqual(outputBytes(out), expected, JSON.stringify(options));
    }
    await dedup([input], reference, { keep: "max:score" });
    assert.deepEqual(outputBytes(reference), expected, "again, over what is there");
  });

  it("decisions do not move with the size of a batch", async () => {
    const decisions = (out: string) => ["kept.arrow", "removed.arrow"].map((name) => readFileSync(join(out, name)));
    for (const batchTokens of [64, 100_000]) {
      const out = join(folder, `batch-${batchTokens}`);
      await dedup([input], out, { keep: "max:score", batchTokens });
      assert.deepEqual(decisions(out), decisions(reference), String(batchTokens));
    }
  });

  it("in another locale and time zone, from standard input, through the command", async () => {
    const out = join(folder, "elsewhere");
    const { code, stderr } = await run("dedup", ["-", "--keep", "max:score", "-o", out, "-q"], {
      stdin: readFileSync(input),
      env: { LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8", TZ: "Pacific/Kiritimati" },
    });
    assert.equal(code, 0, stderr);
    assert.deepEqual(outputBytes(out), outputBytes(reference));
  });

  it("whatever order the files of a folder or a glob were made in", async () => {
    const lines = readFileSync(input, "utf8").trimEnd().split("\n");
    const parts = Array.from({ length: 10 }, (_, i) => `part-${i}.jsonl`);
    const made = (name: string, order: readonly number[]) => {
      const inputs = join(folder, name);
      mkdirSync(join(inputs, "deeper"), { recursive: true });
      for (const i of order) {
        const path = join(inputs, i % 3 === 0 ? "deeper" : "", parts[i]);
        writeFileSync(path, `${lines.slice(i * 300, (i + 1) * 300).join("\n")}\n`);
      }
      return inputs;
    };
    const ascending = made("made-ascending", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const mixed = made("made-mixed", [7, 2, 9, 0, 5, 3, 8, 1, 6, 4]);
    for (const [i, glob] of ["", "/**/*.jsonl", "/{part-1,part-8,deeper/part-3}.jsonl"].entries()) {
      const [one, other] = [join(folder, `ascending-${i}`), join(folder, `mixed-${i}`)];
      await dedup([ascending + glob], one);
      await dedup([mixed + glob], other);
      assert.deepEqual(outputBytes(other), outputBytes(one), glob);
    }
  });

  it("of clusters as well: threads, memory, locale and time zone", async () => {
    const out = join(folder, "clustered");
    const cluster = async (name: string, args: readonly string[], env: Record<string, string> = {}) => {
      const to = join(out, name);
      const { code, stderr } = await run("cluster", [input, "--k", "9", "-o", to, "-q", ...args], { env });
      assert.equal(code, 0, stderr);
      return outputBytes(to);
    };
    const expected = await cluster("one", ["--threads", "1"]);
    assert.deepEqual(Object.keys(expected), ["centroids.arrow", "clusters.arrow", "embeddings.arrow"]);
    assert.deepEqual(await cluster("two", ["--threads", "2", "--memory", "2GB"]), expected);
    const elsewhere = { LANG: "tr_TR.UTF-8", LC_ALL: "de_DE.UTF-8", TZ: "America/St_Johns" };
    assert.deepEqual(await cluster("small", ["--threads", "1", "--memory", "256MB"], elsewhere), expected);
  });

  it("where the input changed since an interrupted run: nothing of it is mixed in", async () => {
    const rows = readFileSync(input, "utf8").trimEnd().split("\n");
    const out = join(folder, "edited");
    const file = join(folder, "edited.jsonl");
    const guards = { numbers: true, negation: false, names: false };
    const write = (lines: readonly string[]) =>
      writeJsonl(
        file,
        lines.map((line) => JSON.parse(line) as unknown),
      );
    const inserted = [...rows.slice(0, 2000), `{"text":"a new row 7","score":1}`, ...rows.slice(2000)];
    const replaced = rows.with(7, `{"text":"another text","score":1}`);
    for (const [name, changed] of Object.entries({ inserted, replaced })) {
      write(rows);
      // A brake leaves all vectors in the work area, as an interruption would.
      await assert.rejects(dedup([file], out, { guards, maxRemoved: { kind: "count", value: 0, text: "0" } }), /0/);
      write(changed);
      const reporter = noting();
      await dedup([file], out, { guards, context: { reporter } });
      const said = reporter.notes.join("\n");
      assert.match(said, /starting over: the inputs have changed/, name);
      const fresh = join(folder, `edited-${name}`);
      await dedup([file], fresh, { guards });
      assert.deepEqual(outputBytes(out), outputBytes(fresh), name);
    }
  });
});
