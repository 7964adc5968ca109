import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { run, start } from "../cli/command-line.js";
import { outputBytes, testFolder } from "../run/folders.js";
import { faultCorpus } from "./rows.js";

const folder = testFolder();
const few = join(folder, "few.jsonl");
const many = join(folder, "many.jsonl");

before(() => {
  writeFileSync(few, faultCorpus({ rows: 40, seed: 1 }));
  writeFileSync(many, faultCorpus({ rows: 12_000, seed: 2 }));
});

/** Runs over a folder with outputs and checks that they are as they were. */
async function failsBeside(out: string, args: readonly string[], code: number, message: RegExp): Promise<void> {
  const earlier = outputBytes(out);
  const result = await run("dedup", [...args, "-o", out, "-q"]);
  assert.equal(result.code, code, result.stderr);
  assert.match(result.stderr, message);
  assert.deepEqual(outputBytes(out), earlier, "earlier outputs are untouched");
}

describe("an output folder that cannot be used", { concurrency: 2 }, () => {
  it("is an error of usage that names it: a file, below a file, a device, a link to nothing, a system folder", async () => {
    const link = join(folder, "dangling");
    symlinkSync(join(folder, "nowhere"), link);
    const outs = [few, join(few, "below"), "/dev/null", link, "/proc/bge-out"];
    await Promise.all(
      outs.map(async (out) => {
        const { code, stderr } = await run("dedup", [few, "-o", out, "-q"]);
        assert.equal(code, 2, stderr);
        assert.match(stderr, /^error: cannot use .* as output folder: .*; choose another --out\n$/);
        assert.ok(stderr.includes(out), stderr);
      }),
    );
  });

  it("may be a link to a folder", async () => {
    const target = join(folder, "target");
    mkdirSync(target);
    symlinkSync(target, join(folder, "link"));
    const { code, stderr } = await run("dedup", [few, "-o", join(folder, "link"), "-q"]);
    assert.equal(code, 0, stderr);
    assert.ok(readdirSync(target).includes("kept.arrow"));
  });

  it("that is removed during the run ends it, exit 1, and nothing comes back", async () => {
    const out = join(folder, "removed");
    const { outcome, child } = start("dedup", [many, "-o", out, "-q", "--batch-tokens", "256", "--threads", "1"]);
    while (!existsSync(join(out, ".work", "embeddings.arrow")) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    rmSync(out, { recursive: true });
    const { code, stderr } = await outcome;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: the output folder .*removed was removed during the run/);
    assert.ok(!existsSync(out));
  });
});

/** Whether a file system can be mounted here; needs root and the right to. */
const disk = mkdtempSync(join(tmpdir(), "bge-disk-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", disk]).status === 0;
after(() => {
  if (mounted) spawnSync("umount", [disk]);
  rmSync(disk, { recursive: true });
});

describe("a small file system", { skip: mounted ? false : "a tmpfs cannot be mounted without root" }, () => {
  const out = join(disk, "out");

  it("that is full ends the run, exit 1, with the cure; earlier outputs stay and a run that fits succeeds", async () => {
    const first = await run("dedup", [few, "-o", out, "-q"]);
    assert.equal(first.code, 0, first.stderr);
    const full = /^error: no space is left for .* free some and run the same command again to continue\n$/;
    await failsBeside(out, [many], 1, full);
    const again = await run("dedup", [few, "-o", out, "-q"]);
    assert.equal(again.code, 0, again.stderr);
    assert.ok(!existsSync(join(out, ".work")));
  });

  it("that is full for the tables alone keeps the vectors, and more space completes the run", async () => {
    const middle = join(folder, "middle.jsonl");
    writeFileSync(middle, faultCorpus({ rows: 4000, seed: 3 }));
    const formats = ["arrow", "parquet", "jsonl"].flatMap((format) => ["--format", format]);
    await failsBeside(out, [middle, ...formats], 1, /^error: no space is left/);
    assert.equal(spawnSync("mount", ["-o", "remount,size=64m", disk]).status, 0);
    const { code, stderr } = await run("dedup", [middle, ...formats, "-o", out, "--progress", "log"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /continuing an interrupted run/);
    const elsewhere = join(folder, "elsewhere");
    assert.equal((await run("dedup", [middle, ...formats, "-o", elsewhere, "-q"])).code, 0);
    assert.deepEqual(outputBytes(out), outputBytes(elsewhere));
  });

  it("that has become read-only is an error of usage", async () => {
    assert.equal(spawnSync("mount", ["-o", "remount,ro", disk]).status, 0);
    await failsBeside(out, [few], 2, /cannot use .* as output folder: EROFS.*; choose another --out/);
    // A lock that a killed run has left cannot be taken over there either.
    assert.equal(spawnSync("mount", ["-o", "remount,rw", disk]).status, 0);
    mkdirSync(join(out, ".work"));
    writeFileSync(join(out, ".work", "lock"), `{"pid":`);
    assert.equal(spawnSync("mount", ["-o", "remount,ro", disk]).status, 0);
    await failsBeside(out, [few], 2, /cannot use .* as output folder: EROFS.*lock.*; choose another --out/);
  });
});

describe("permissions", { skip: process.getuid?.() === 0 ? "root may do everything" : false }, () => {
  it("that are missing make the folder unusable, exit 2", async () => {
    const out = join(folder, "closed");
    mkdirSync(out);
    chmodSync(out, 0o555);
    await failsBeside(out, [few], 2, /cannot use .*EACCES.*; choose another --out/);
    chmodSync(out, 0o755);
  });
});
