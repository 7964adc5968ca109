import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import type { WorkState } from "../../src/run/work/work-state.js";
import { outputBytes, testFolder } from "../run/folders.js";
import { run, start, vectorsAreSaved } from "./command-line.js";

const folder = testFolder();
const input = join(folder, "input.jsonl");
const slow = ["--batch-tokens", "256", "--threads", "1"];
let whole: Record<string, Buffer>;

/** Rows of some words each, with near copies, enough that every stage takes a moment. */
function corpus(count: number): string {
  const words = "reset password parcel refund invoice order account address delivery payment label code".split(" ");
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const text = Array.from({ length: 8 + random(12) }, () => words[random(words.length)] + random(40));
    lines.push(JSON.stringify({ id: i, text: text.join(" ") }));
    if (random(4) === 0) lines.push(JSON.stringify({ id: -i, text: `${text.join(" ")}.` }));
  }
  return `${lines.join("\n")}\nno record\n`;
}

before(async () => {
  writeFileSync(input, corpus(12_000));
  const { code, stderr } = await run("dedup", [input, "-o", join(folder, "whole"), "-q", ...slow]);
  assert.equal(code, 0, stderr);
  whole = outputBytes(join(folder, "whole"));
});

/** Bytes of the unfinished store from which on a part of it, but not all, is worth keeping. */
const PART = 2 * 2 ** 20;

function storeBytes(out: string): number {
  return statSync(join(out, ".work", "embeddings.arrow"), { throwIfNoEntry: false })?.size ?? 0;
}

/** Starts a run and resolves once it has said something that matches, has stored a part of the vectors, or saved all. */
async function startUntil(out: string, moment: RegExp | "stored" | "saved", file = input) {
  const process = start("dedup", [file, "-o", out, "--progress", "log", ...slow]);
  const reached = () => {
    if (moment === "stored") return storeBytes(out) > PART;
    return moment === "saved" ? vectorsAreSaved(out) : moment.test(process.stderr());
  };
  while (!reached() && process.child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(process.child.exitCode, null, `the run ended too soon: ${process.stderr()}`);
  return process;
}

describe("a run that is stopped", { concurrency: 2 }, () => {
  const moments = [/model builtin/, "stored", /embed: done/, "saved", /join: done/] as const;
  for (const [i, moment] of moments.entries()) {
    it(`by SIGKILL at ${moment} is completed by the same command, byte for byte`, async () => {
      const out = join(folder, `killed-${i}`);
      const { child, outcome } = await startUntil(out, moment);
      child.kill("SIGKILL");
      await outcome;
      assert.deepEqual(
        readdirSync(out).filter((name) => name !== ".work"),
        [],
        "nothing half-done is published",
      );
      const { code, stderr } = await run("dedup", [input, "-o", out, "--progress", "log", ...slow]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(outputBytes(out), whole);
      assert.ok(!existsSync(join(out, ".work")), "the work area is gone");
      const { resumed } = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as { resumed: number };
      assert.equal(resumed > 0, /continuing/.test(stderr));
    });
  }

  for (const [signal, expected] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    it(`by ${signal} ends before its work is done, exit ${expected}, says how to go on, and goes on`, async () => {
      const out = join(folder, signal);
      const { child, outcome } = await startUntil(out, "stored");
      child.kill(signal);
      const { code, stderr } = await outcome;
      assert.equal(code, expected, stderr);
      assert.match(stderr, new RegExp(`interrupted by ${signal}; .*run the same command again to continue`));
      const state = JSON.parse(readFileSync(join(out, ".work", "state.json"), "utf8")) as WorkState;
      assert.ok(!state.complete && state.stored > 0, "a part of the vectors is saved");
      const second = await startUntil(out, /continuing an interrupted run/);
      second.child.kill("SIGKILL");
      await second.outcome;
      const again = await run("dedup", [input, "-o", out, "--progress", "log", ...slow]);
      assert.equal(again.code, 0, again.stderr);
      assert.match(
        again.stderr,
        new RegExp(`continuing an interrupted run: ${state.stored} texts are embedded already`),
      );
      assert.deepEqual(outputBytes(out), whole);
    });
  }

  it("as a dry run, which saves nothing, promises nothing", async () => {
    const { child, outcome, stderr } = start("dedup", [input, "--dry-run", "--progress", "log", "--threads", "1"]);
    while (!/ model builtin/.test(stderr()) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGTERM");
    const ended = await outcome;
    assert.equal(ended.code, 143, ended.stderr);
    assert.match(ended.stderr, /^error: interrupted by SIGTERM$/m);
  });

  it("is not continued over a changed input, even if the change lies in what is embedded already", async () => {
    const [out, other] = [join(folder, "edited"), join(folder, "edited-fresh")];
    const edited = join(folder, "edited.jsonl");
    writeFileSync(edited, readFileSync(input));
    const { child, outcome } = await startUntil(out, "stored", edited);
    child.kill("SIGINT");
    assert.equal((await outcome).code, 130);
    writeFileSync(edited, readFileSync(input, "utf8").replace(/"text":"/, `"text":"changed `));
    const { code, stderr } = await run("dedup", [edited, "-o", out, "--progress", "log", ...slow]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /continuing an interrupted run/);
    assert.match(stderr, /starting over: the inputs have changed since they were embedded/);
    assert.equal((await run("dedup", [edited, "-o", other, "-q", ...slow])).code, 0);
    assert.deepEqual(outputBytes(out), outputBytes(other));
  });

  it("is not continued with other options; the message says what changed", async () => {
    const out = join(folder, "changed");
    const { child, outcome } = await startUntil(out, "saved");
    child.kill("SIGKILL");
    await outcome;
    const { code, stderr } = await run("dedup", [input, "-o", out, "--progress", "log", "--max-length", "64", ...slow]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /starting over, the interrupted run does not fit: max length was 8192 and is 64/);
    const other = join(folder, "other");
    assert.equal((await run("dedup", [input, "-o", other, "-q", "--max-length", "64", ...slow])).code, 0);
    assert.deepEqual(outputBytes(out), outputBytes(other));
  });
});

describe("two runs on one output folder", () => {
  it("the second ends at once and names the process of the first", async () => {
    const out = join(folder, "shared");
    const first = await startUntil(out, /model builtin/);
    const second = await run("dedup", [input, "-o", out, "-q"]);
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      new RegExp(`^error: process ${first.child.pid} has been writing to this output folder`),
    );
    const { code, stderr } = await first.outcome;
    assert.equal(code, 0, stderr);
    assert.deepEqual(outputBytes(out), whole);
  });
});
