import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { InputError } from "../../src/errors.js";
import { verifyFolder } from "../../src/run/verify.js";
import { run } from "../cli/command-line.js";
import { dedup, silent, testFolder, verify, writeJsonl } from "./folders.js";

const folder = testFolder();
const proved = join(folder, "proved");
let copies = 0;

before(async () => {
  const texts = ["one two three", "one two three", "One two  three", "one two three!!?", "four five six", "seven"];
  const file = writeJsonl(
    join(folder, "rows.jsonl"),
    texts.map((text) => ({ text })),
  );
  const { counts } = await dedup([file], proved, { threshold: 0.7 });
  assert.ok(counts.exact > 0 && counts.normalized > 0 && counts.semantic > 0, JSON.stringify(counts));
});

async function violationOf(copy: string): Promise<string> {
  const { ok, violation = "" } = await verify(copy);
  assert.equal(ok, false);
  return violation;
}

/** A copy of the proved folder whose manifest is changed. */
function withManifest(change: (manifest: Record<string, unknown>) => unknown): string {
  const copy = join(folder, `copy-${copies++}`);
  cpSync(proved, copy, { recursive: true });
  const path = join(copy, "manifest.json");
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>)));
  return copy;
}

describe("the manifest is held against the files", () => {
  it("finds each count that is not that of the tables", async () => {
    const { counts } = JSON.parse(readFileSync(join(proved, "manifest.json"), "utf8")) as {
      counts: Record<string, number>;
    };
    for (const name of ["kept", "removed", "exact", "normalized", "semantic", "rejected"]) {
      const copy = withManifest((manifest) => ({ ...manifest, counts: { ...counts, [name]: counts[name] + 1 } }));
      const expected = `the manifest counts ${counts[name] + 1} rows ${name}, but the tables hold ${counts[name]}`;
      assert.equal(await violationOf(copy), expected);
    }
  });

  it("finds a changed, a missing and an unreadable file of bge-cluster, which records the rows and vectors it used", async () => {
    const clustered = join(folder, `copy-${copies++}`);
    cpSync(proved, clustered, { recursive: true });
    assert.equal((await run("cluster", [clustered, "--k", "2", "-q"])).code, 0);
    assert.equal((await verify(clustered)).violation, undefined);
    const { cluster, outputs } = JSON.parse(readFileSync(join(clustered, "manifest.json"), "utf8")) as {
      cluster: { inputs: { name: string; sha256: string }[]; model: { name: string } };
      outputs: { name: string; sha256: string }[];
    };
    assert.equal(cluster.model.name, "builtin");
    assert.deepEqual(
      cluster.inputs.map(({ name, sha256 }) => [name, sha256]),
      outputs.filter(({ name }) => /kept|embed/.test(name)).map(({ name, sha256 }) => [join(clustered, name), sha256]),
    );
    const file = join(clustered, "clusters.arrow");
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(file, bytes);
    assert.match(await violationOf(clustered), /clusters\.arrow has sha256/);
    rmSync(file);
    assert.equal(await violationOf(clustered), "clusters.arrow is listed in the manifest but is missing");
    mkdirSync(file);
    assert.match(await violationOf(clustered), /clusters\.arrow is listed in the manifest but cannot be read: EISDIR/);
  });

  it("that is none of ours, is damaged or names files elsewhere is an error that says what is wrong", async () => {
    const damaged: readonly [change: (manifest: Record<string, unknown>) => unknown, message: RegExp][] = [
      [() => null, /its threshold/],
      [() => [], /its threshold/],
      [(manifest) => ({ ...manifest, threshold: "0.8" }), /its threshold/],
      [(manifest) => ({ ...manifest, counts: { read: 8 } }), /its count of rows rejected/],
      [(manifest) => ({ ...manifest, counts: { read: 1e15 } }), /its count of rows read/],
      [(manifest) => ({ ...manifest, options: { textFields: "text" } }), /its list of text fields/],
      [(manifest) => ({ ...manifest, options: { textFields: ["text"] } }), /its keep policy/],
      [(manifest) => ({ ...manifest, options: { textFields: ["text"], keep: "first" } }), /its guards/],
      [(manifest) => ({ ...manifest, outputs: [{ name: "../other", sha256: "" }] }), /its list of outputs/],
      [(manifest) => ({ ...manifest, cluster: {} }), /its list of clusters' outputs/],
    ];
    for (const [change, message] of damaged) {
      await assert.rejects(
        verify(withManifest(change)),
        (error) => error instanceof InputError && message.test(error.message),
      );
    }
  });
});

describe("a folder whose files may be of two runs", () => {
  it("in the midst of a publication, or written anew meanwhile, is not judged", async () => {
    const copy = withManifest((manifest) => manifest);
    const rewritten = verifyFolder({
      folder: copy,
      threads: 1,
      memory: 64 * 2 ** 20,
      reporter: {
        ...silent,
        stage() {
          writeFileSync(join(copy, "manifest.json"), "{}");
          return silent.stage("", 0);
        },
      },
    });
    await assert.rejects(rewritten, /was written anew while it was read; run the same command again/);
    const cut = withManifest((manifest) => manifest);
    mkdirSync(join(cut, ".work"));
    writeFileSync(join(cut, ".work", "publish.json"), JSON.stringify({ files: ["kept.arrow"], stale: [] }));
    await assert.rejects(verify(cut), (error) => error instanceof InputError && /was cut short/.test(error.message));
    // Of the two commands, the one that may write there completes it.
    assert.equal((await run("cluster", [cut, "--k", "2", "-q", "-o", join(folder, "beside")])).code, 3);
    assert.equal((await run("cluster", [cut, "--k", "2", "-q"])).code, 0);
    assert.ok((await verify(cut)).ok);
  });
});
