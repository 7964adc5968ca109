import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { BrakeError } from "../../src/errors.js";
import { parseLimit } from "../../src/run/check/limit.js";
import { RejectsBrake } from "../../src/run/check/rejects-brake.js";
import { dedup, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();

/** The message of a run that a brake stops. */
async function stopped(inputs: readonly string[], options: Parameters<typeof dedup>[2]): Promise<string> {
  const out = join(folder, "out");
  let message = "";
  await assert.rejects(dedup(inputs, out, options), (error) => {
    assert.ok(error instanceof BrakeError, String(error));
    message = error.message;
    return true;
  });
  assert.ok(!existsSync(join(out, "kept.arrow")));
  return message;
}

describe("--max-removed", () => {
  it("shows pairs spread over all that would go, over several files, with the beginnings of their texts", async () => {
    const texts = Array.from({ length: 40 }, (_, i) => `${"文🙂".repeat(30)} ${i >> 1}`);
    const half = (from: number, name: string) =>
      writeJsonl(
        join(folder, name),
        texts.slice(from, from + 20).map((text) => ({ text })),
      );
    const message = await stopped([half(0, "a.jsonl"), half(20, "b.jsonl")], {
      threshold: 1,
      maxRemoved: parseLimit("max-removed", "10%"),
    });
    assert.match(message, /^20 of 40 rows would be removed, more than --max-removed 10%; nothing was published/);
    const rows = [...message.matchAll(/row (\d+) "([^"]*)" for row (\d+) "([^"]*)" \(exact, 1\.0000\)/g)];
    assert.deepEqual(
      rows.map(([, row, , kept]) => [Number(row), Number(kept)]),
      [0, 4, 8, 12, 16].map((i) => [2 * i + 1, 2 * i]),
    );
    for (const [, , text] of rows) assert.equal(text, `${"文🙂".repeat(25)}…`, "cut between characters");
  });

  it("shows the only pair where a single row goes", async () => {
    const rows = writeJsonl(join(folder, "one.jsonl"), [{ text: "one" }, { text: "two" }, { text: "one" }]);
    const message = await stopped([rows], { maxRemoved: parseLimit("max-removed", "0") });
    assert.match(message, /Some of them: row 2 "one" for row 0 "one" \(exact, 1\.0000\)\. Raise/);
  });
});

describe("--max-rejects", () => {
  it("shows the first records that were rejected, whether it is a count or a share", async () => {
    const rows = join(folder, "bad.jsonl");
    writeFileSync(rows, `{"text":"one"}\nx\n${"{}\n".repeat(8)}`);
    for (const [limit, numbers] of [
      ["3", "9"],
      ["50%", "9 of 10"],
    ]) {
      const message = await stopped([rows], { maxRejects: parseLimit("max-rejects", limit) });
      assert.ok(
        message.startsWith(`${numbers} records were rejected, more than --max-rejects ${limit}; nothing`),
        message,
      );
      const lines = [...message.matchAll(/line (\d+) of \S*bad\.jsonl: ([a-z])/g)].map(([, line]) => Number(line));
      assert.deepEqual(lines, [2, 3, 4]);
    }
  });

  it("up to the limit, or without one, is silent", () => {
    const reject = { record: 0, line: 1, error: "bad", raw: "" };
    for (const limit of ["2", "100%"].map((text) => parseLimit("max-rejects", text))) {
      const brake = new RejectsBrake(limit);
      brake.add("a", [reject, reject]);
      brake.end(2);
    }
    const none = new RejectsBrake(undefined);
    none.add("a", [reject]);
    none.end(1);
    const empty = new RejectsBrake(parseLimit("max-rejects", "0%"));
    empty.end(0);
    assert.throws(() => new RejectsBrake(parseLimit("max-rejects", "0")).add("a", [reject]), BrakeError);
  });
});
