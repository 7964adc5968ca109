import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import pl from "nodejs-polars";
import { articles } from "../bench/corpora.js";
import { dedup, numbers, readTable, testFolder, verify, writeJsonl } from "../run/folders.js";
import { sharedData } from "./shared.js";

const folder = testFolder();
const potion = sharedData("models/potion-en");
const data = join(potion, "../..");

/** Pairs (kept, removed) of a folder, lower row first. */
function removedPairs(out: string): string[] {
  const removed = readTable(out, "removed.arrow");
  const [rows, keptRows] = [numbers(removed, "_row"), numbers(removed, "_kept_row")];
  return rows.map((row, i) => `${Math.min(row, keptRows[i])}-${Math.max(row, keptRows[i])}`).sort();
}

describe("articles with planted copies", () => {
  for (const count of [1000, 2500] as const) {
    const { texts, truth } = articles(data, count);
    const input = writeJsonl(
      join(folder, `articles-${count}.jsonl`),
      texts.map((text, id) => ({ id, text })),
    );
    const expected = truth.map(([a, b]) => `${a}-${b}`).sort();

    for (const [model, threshold] of [
      [potion, 0.95],
      ["builtin", undefined],
    ] as const) {
      it(`finds the ${truth.length} true pairs of ${count} and no other with ${model === potion ? "potion-en at 0.95" : "builtin at its default"}`, async () => {
        const out = join(folder, `${count}-${model === potion ? "potion" : "builtin"}`);
        await dedup([input], out, { model, threshold, threads: 2 });
        assert.deepEqual(removedPairs(out), expected);
        assert.equal((await verify(out)).violation, undefined);
      });
    }
  }
});

describe("53,360 news titles", () => {
  const titles = readFileSync(join(data, "zh-tnews/train.tsv"), "utf8").trimEnd().split("\n");
  // Ids beyond 2^53 go in as digits, which JSON.stringify cannot write.
  const input = join(folder, "titles.jsonl");
  const first = 9007199254740993n;
  const lines = titles.map((line, i) => {
    const [text, label] = line.split("\t");
    return `{"id":${first + BigInt(i)},"text":${JSON.stringify(text)},"label":${JSON.stringify(label)}}`;
  });

  it("has 3,634 surplus copies, loses no row and proves its result", async () => {
    writeFileSync(input, lines.join("\n"));
    const out = join(folder, "titles");
    const { counts, exact_stage } = await dedup([input], out, { threads: 2 });
    assert.equal(exact_stage.exact, 3634);
    assert.equal(counts.read, 53_360);
    assert.equal(counts.kept + counts.removed, 53_360);
    const report = await verify(out);
    assert.equal(report.violation, undefined);
    assert.equal(report.checked.pairs, (counts.kept * (counts.kept - 1)) / 2);

    const frame = pl.readIPC(readFileSync(join(out, "kept.arrow")));
    assert.equal(frame.height, counts.kept);
    // Its own conversion to JavaScript rounds 64-bit integers, so it is asked for their digits.
    const digits = frame.slice(1000, 1).withColumn(pl.col("id").cast(pl.Utf8));
    const sample = digits.toRecords()[0] as unknown as { _row: bigint; id: string; text: string };
    assert.equal(sample.id, String(first + BigInt(sample._row)));
    assert.equal(sample.text, titles[Number(sample._row)].split("\t")[0]);
  });
});
