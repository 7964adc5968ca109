import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { dedup as dedupLibrary } from "../../src/index.js";
import { dedup, numbers, readTable, testFolder, verify, writeJsonl } from "./folders.js";

const folder = testFolder();
const NONE = { numbers: false, negation: false, names: false };

/** Rows 1, 5 and 8 name another than rows 0, 3 and 6; rows 2, 4 and 7 say the same as those. */
const TEXTS = [
  "How long does a bank transfer from Germany to my account usually take?",
  "How long does a bank transfer from Norway to my account usually take?",
  "How long does a bank transfer from germany to my acount usually take?",
  "退款申请已经提交，请问李国强经理什么时候可以处理完这个订单",
  "退款申请已经提交，请问李国强经理什么时候能够处理完这个订单",
  "退款申请已经提交，请问王建华经理什么时候可以处理完这个订单",
  "Where can I download the driver for the printer RTX-4090 of last year?",
  "Where can I download the driver for the printer RTX 4090 of last year",
  "Where can I download the driver for the printer RTX-4080 of last year?",
];
const input = writeJsonl(
  join(folder, "rows.jsonl"),
  TEXTS.map((text) => ({ text })),
);
const run = async (name: string, guards: Partial<typeof NONE>) => {
  const out = join(folder, name);
  await dedup([input], out, { threshold: 0.6, guards: { ...NONE, ...guards } });
  return out;
};

/** A copy of a folder whose manifest has other guards. */
function withGuards(out: string, name: string, guards: object): string {
  const copy = join(folder, name);
  cpSync(out, copy, { recursive: true });
  const path = join(copy, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as { options: object };
  writeFileSync(path, JSON.stringify({ ...manifest, options: { ...manifest.options, guards } }));
  return copy;
}

describe("a run with --guard names", () => {
  it("keeps rows with another name, removes those that write it otherwise, and verify proves it", async () => {
    const out = await run("names", { names: true });
    assert.deepEqual(numbers(readTable(out, "kept.arrow"), "_row"), [0, 1, 3, 5, 6, 8]);
    const removed = readTable(out, "removed.arrow");
    assert.deepEqual(numbers(removed, "_row"), [2, 4, 7]);
    assert.deepEqual(numbers(removed, "_kept_row"), [0, 3, 6]);
    const guarded = readTable(out, "guarded.arrow");
    assert.deepEqual(numbers(guarded, "_row"), [1, 5, 8]);
    assert.deepEqual(numbers(guarded, "_guarded_from"), [0, 3, 6]);
    assert.equal((await verify(out)).violation, undefined);
    const { options } = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as { options: object };
    assert.deepEqual((options as { guards: object }).guards, { ...NONE, names: true });
  });

  it("merges them without the guard, and verify finds that the guard would not have", async () => {
    const out = await run("none", {});
    assert.deepEqual(numbers(readTable(out, "kept.arrow"), "_row"), [0, 3, 6]);
    assert.equal((await verify(out)).violation, undefined);
    const { violation } = await verify(withGuards(out, "none-guarded", { ...NONE, names: true }));
    assert.equal(violation, "row 1 was removed for row 0, but a guard keeps their texts apart");
  });

  it("goes with the other guards, from the library too", async () => {
    const out = join(folder, "library");
    const { counts } = await dedupLibrary({ inputs: input, out, threshold: 0.6, guard: ["names", "numbers"] });
    assert.equal(counts.guarded, 3);
    assert.equal((await verify(out)).violation, undefined);
  });

  it("gives the same rows when its result is fed back", async () => {
    const out = join(folder, "again");
    await dedup([join(await run("first", { names: true }), "kept.arrow")], out, {
      threshold: 0.6,
      guards: { ...NONE, names: true },
    });
    assert.equal(readTable(out, "removed.arrow").numRows, 0);
    assert.equal((await verify(out)).violation, undefined);
  });
});

describe("a folder of a version without the guard", () => {
  it("is verified as one whose names were not guarded", async () => {
    const out = await run("old", { numbers: true });
    assert.equal((await verify(withGuards(out, "older", { numbers: true, negation: false }))).violation, undefined);
  });

  it("is damaged where what the manifest says of names is neither true nor false", async () => {
    const out = await run("damaged", {});
    await assert.rejects(verify(withGuards(out, "odd", { ...NONE, names: "yes" })), /its guards is missing or damaged/);
  });
});
