import assert from "node:assert/strict";
import { linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { InputError, UsageError } from "../../src/errors.js";
import { findInputs } from "../../src/run/read/find-inputs.js";
import { dedup, outputBytes, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const out = join(folder, "out");
const rows = writeJsonl(join(folder, "rows.jsonl"), [{ text: "one" }, { text: "two" }, { text: "one" }]);

describe("an input that the run would write over or take away", () => {
  it("is refused by whatever path it is named, and nothing is touched", async () => {
    await dedup([rows], out, { formats: ["arrow", "jsonl", "parquet"] });
    const before = outputBytes(out);
    symlinkSync(out, join(folder, "link"));
    symlinkSync(join(out, "kept.jsonl"), join(folder, "linked.jsonl"));
    linkSync(join(out, "kept.parquet"), join(folder, "hard.parquet"));
    const named = Object.keys(before).map((name) => join(out, name));
    const inputs = [
      ...named,
      join(folder, "link", "kept.arrow"),
      join(folder, "linked.jsonl"),
      join(folder, "hard.parquet"),
    ];
    for (const input of inputs) {
      await assert.rejects(dedup([rows, input], out), (error) => {
        assert.ok(error instanceof UsageError, String(error));
        return /^input .* is .* of the output folder .*, which this run replaces; choose another --out$/.test(
          error.message,
        );
      });
    }
    assert.deepEqual(outputBytes(out), before);
    assert.deepEqual(
      readdirSync(out).filter((name) => name === ".work"),
      [],
    );
  });

  it("may be used for another output folder, as may any file of that name", async () => {
    assert.deepEqual(await findInputs({ inputs: [join(out, "kept.arrow")], out: join(folder, "next") }), [
      join(out, "kept.arrow"),
    ]);
    const kept = writeJsonl(join(folder, "kept.jsonl"), [{ text: "one" }]);
    assert.deepEqual(await findInputs({ inputs: [kept], out: out }), [kept]);
  });
});

describe("outputs of an earlier run", () => {
  it("do not count among what a glob or a folder stands for", async () => {
    const here = join(folder, "here");
    mkdirSync(join(here, "more"), { recursive: true });
    for (const name of ["a.jsonl", "kept.jsonl", "rejects.jsonl", "more/kept.jsonl"])
      writeFileSync(join(here, name), `{"text":"one"}\n`);
    const expected = [join(here, "a.jsonl"), join(here, "more/kept.jsonl")];
    assert.deepEqual(await findInputs({ inputs: [join(here, "**/*.jsonl")], out: here }), expected);
    assert.deepEqual(
      await findInputs({ inputs: [here], out: join(here, "more") }),
      ["a", "kept", "rejects"].map((name) => join(here, `${name}.jsonl`)),
    );
    await assert.rejects(findInputs({ inputs: [here], out: here }), (error) => {
      return error instanceof InputError && error.message.includes(`outside the output folder ${here}`);
    });
  });
});
