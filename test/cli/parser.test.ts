import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { testFolder } from "../run/folders.js";
import { run } from "./command-line.js";

const cwd = testFolder();

before(() => {
  for (const name of ["rows.jsonl", "-rows.jsonl"]) writeFileSync(join(cwd, name), `{"text":"one","-":"two"}\n`);
});

/** Runs a command that must be refused as it is written, before anything is done. */
async function refused(command: "dedup" | "cluster", args: readonly string[], message: string): Promise<void> {
  const { code, stdout, stderr } = await run(command, args, { cwd });
  assert.equal(stderr, `error: ${message}\n`, args.join(" "));
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.ok(!existsSync(join(cwd, "bge-out")));
}

describe("a mistyped command line", () => {
  it("is told what was probably meant", async () => {
    const help = (name: string) => `bge-${name} --help lists the flags`;
    const cases: readonly [command: "dedup" | "cluster", args: string[], message: string][] = [
      [
        "dedup",
        ["rows.jsonl", "--thresold", "1"],
        `unknown argument: thresold; did you mean --threshold? ${help("dedup")}`,
      ],
      [
        "dedup",
        ["rows.jsonl", "--max-remov=1"],
        `unknown arguments: max-remov; did you mean --max-removed? ${help("dedup")}`,
      ],
      [
        "cluster",
        ["rows.jsonl", "--itertions", "1"],
        `unknown argument: itertions; did you mean --iterations? ${help("cluster")}`,
      ],
      ["dedup", ["models", "pul", "x"], `unknown arguments: pul, x; did you mean pull? ${help("dedup models")}`],
      [
        "dedup",
        ["calibrate", "--sampel", "1"],
        `unknown argument: sampel; did you mean --sample? ${help("dedup calibrate")}`,
      ],
      ["dedup", ["verfy", "bge-out"], "input verfy does not exist; did you mean bge-dedup verify?"],
      ["dedup", ["rows.jsonl", "--nothing-like-it"], `unknown arguments: nothing-like-it; ${help("dedup")}`],
    ];
    for (const [command, args, message] of cases) await refused(command, args, message);
  });

  it("without the value of a flag, or with one for a switch, is refused rather than run with the default", async () => {
    const without = (flag: string) =>
      `--${flag} is given without a value; one that begins with "-" is written as --${flag}=VALUE`;
    for (const flag of ["out", "threshold", "format", "text-field", "guard", "memory"])
      await refused("dedup", ["rows.jsonl", `--${flag}`], without(flag));
    await refused("dedup", ["-o", "--json", "rows.jsonl"], without("out"));
    await refused("dedup", ["rows.jsonl", "-t", "-q"], without("text-field"));
    await refused("dedup", ["rows.jsonl", "-o", ""], "--out is empty; expected a value");
    await refused("dedup", ["rows.jsonl", "--keep="], "--keep is empty; expected a value");
    const message = "--dry-run 1 is neither true nor false; expected --dry-run alone, or nothing";
    await refused("dedup", ["rows.jsonl", "--dry-run=1"], message);
  });

  it("is a line of JSON where log lines are, whatever is wrong with it", async () => {
    for (const flag of [["--log-format", "json"], ["--log-format=json"]]) {
      const { code, stderr } = await run("dedup", ["rows.jsonl", "--nope", ...flag], { cwd });
      assert.equal(code, 2);
      const { level, exit_code } = JSON.parse(stderr) as { level: string; exit_code: number };
      assert.deepEqual([level, exit_code], ["error", 2]);
    }
  });
});

describe("names that begin with a dash, and the dash itself", () => {
  it("stand behind --, or behind ./, which the message says", async () => {
    const message = "the file -rows.jsonl is taken for a flag; write it as ./-rows.jsonl, or behind --";
    await refused("dedup", ["-rows.jsonl"], message);
    for (const [i, args] of [["--", "-rows.jsonl"], ["./-rows.jsonl"]].entries()) {
      const { code, stderr } = await run("dedup", ["-q", "-o", `dash-${i}`, ...args], { cwd });
      assert.equal(code, 0, stderr);
    }
    assert.deepEqual(readFileSync(join(cwd, "dash-0", "kept.arrow")), readFileSync(join(cwd, "dash-1", "kept.arrow")));
  });

  it("may be an output folder, a folder to prove and a column; behind -- a dash is standard input still", async () => {
    const first = await run("dedup", ["--out=-dir", "-t", "-", "--", "-"], { cwd, stdin: `{"-":"two"}\n` });
    assert.equal(first.code, 0, first.stderr);
    assert.match(
      first.stdout,
      /Next: bge-cluster \.\/-dir --k 50, or prove the result with bge-dedup verify \.\/-dir\n/,
    );
    assert.deepEqual(readdirSync(join(cwd, "-dir")).length, 4);
    assert.equal((await run("dedup", ["verify", "-q", "--", "-dir"], { cwd })).code, 0);
  });

  it("of other signs are shown as a shell takes them, on one line", async () => {
    const { code, stdout } = await run("dedup", ["rows.jsonl", "-o", "it's\nnew", "--progress", "none"], { cwd });
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^Next: bge-cluster 'it'\\''s new' --k 50, or prove the result with bge-dedup verify 'it'\\''s new'$/m,
    );
  });
});
