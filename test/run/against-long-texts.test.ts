import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { estimate } from "../../src/run/dry-run.js";
import { dedup, dedupOptions, silent, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const input = writeJsonl(join(folder, "input.jsonl"), [{ text: "where is the parcel that I sent two weeks ago" }]);
const references = ["first", "second", "third"].map((name) => join(folder, name));

before(async () => {
  await dedup([input], references[0]);
  await dedup([input], references[1], { maxLength: 64 });
  await dedup([input], references[2], { maxLength: 64, long: "mean" });
});

async function warningsOf(options: Parameters<typeof dedup>[2]): Promise<readonly string[]> {
  return (await dedup([input], join(folder, "out"), options)).warnings;
}

describe("a reference whose long texts were embedded in another way", () => {
  it("is warned of with both values, in the summary as in a dry run", async () => {
    const cut = [
      `--max-length is 8192 here but 64 in reference ${references[1]}: long texts have other vectors there and may not be recognised; give all runs the same --max-length`,
    ];
    assert.deepEqual(await warningsOf({ against: [references[1]] }), cut);
    const context = { reporter: silent, stdin: process.stdin };
    const out = join(folder, "none");
    assert.deepEqual((await estimate(dedupOptions([input], out, { against: [references[1]] }), context)).warnings, cut);
  });

  it("is named once for each flag, together with others of the same value", async () => {
    const [length, long, ...more] = await warningsOf({ against: references });
    assert.match(length, /^--max-length is 8192 here but 64 in reference .*second, .*third: /);
    assert.match(long, /^--long is truncate here but mean in reference [^ ]*third: /);
    assert.deepEqual(more, []);
  });

  it("does not tell a limit that is given from the same limit of the model", async () => {
    assert.deepEqual(await warningsOf({ against: [references[0]], maxLength: 8192 }), []);
    assert.deepEqual(await warningsOf({ against: [references[1]], maxLength: 64 }), []);
  });
});
