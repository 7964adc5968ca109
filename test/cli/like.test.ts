import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { testFolder, writeJsonl } from "../run/folders.js";
import { run } from "./command-line.js";

const folder = testFolder();
const TOPICS = ["reset the password of my account", "where is the parcel of my order", "refund of the invoice and tax"];
const rows = Array.from({ length: 60 }, (_, i) => ({ text: `${TOPICS[i % 3]} number ${i * 37}` }));
const file = (name: string, records: readonly unknown[]) => writeJsonl(join(folder, `${name}.jsonl`), records);

before(async () => {
  const { code, stderr } = await run("cluster", [file("first", rows), "--k", "3", "-o", join(folder, "first"), "-q"]);
  assert.equal(code, 0, stderr);
});

describe("bge-cluster --like on the command line", () => {
  it("says what has changed, and shows the rows that fit nowhere where they are many", async () => {
    const foreign = Array.from({ length: 6 }, (_, i) => ({ text: `quantum chromodynamics of lattices ${i * 7}` }));
    const args = [file("next", [...rows, ...foreign]), "--like", join(folder, "first"), "--assign"];
    const { code, stdout, stderr } = await run("cluster", [...args, "-o", join(folder, "next")]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /k-means +not needed, the centroids stay where they are, inertia/);
    assert.match(stdout, /like +.*first: 100\.0 % of the rows are where its centroids put them\n/);
    assert.match(stdout, /drift +sizes 0\.\d{4} \(0 to 1\), far rows \d+\.\d % \(usual: 1 %\), \d centroids moved/);
    assert.match(stdout, /Rows farthest from every former centroid \(row, text\):\n {2}6[0-5] {2}quantum/);
    assert.match(stdout, /warning: \d+\.\d % of the rows are far from every centroid of .*first/);
  });

  it("ends with 2 for --assign without --like, and with 3 for a folder without clusters", async () => {
    const input = file("rows", rows);
    const alone = await run("cluster", [input, "--assign", "-o", join(folder, "none")]);
    assert.deepEqual([alone.code, alone.stdout], [2, ""]);
    assert.match(alone.stderr, /--assign needs --like/);
    const missing = await run("cluster", [input, "--like", join(folder, "gone"), "-o", join(folder, "none")]);
    assert.equal(missing.code, 3);
    assert.match(missing.stderr, /--like .*gone holds no clusters, there is no such folder/);
    const k = await run("cluster", [input, "--like", join(folder, "first"), "--assign", "--k", "4"]);
    assert.equal(k.code, 2);
  });
});
