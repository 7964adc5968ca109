import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { numbers, readTable, testFolder, writeJsonl } from "../run/folders.js";
import { run } from "./command-line.js";

const folder = testFolder();
const rows = writeJsonl(join(folder, "rows.jsonl"), [
  { text: "reset the password" },
  { text: "where is my parcel" },
  { text: "where is my parcel" },
  { text: "" },
]);
const half = join(folder, "half.jsonl");
writeFileSync(half, '{"text":"a good row"}\nnot json\n');

describe("a result that a person should look at", () => {
  it("fewer texts than clusters: that many clusters, a warning in the last line and in --json, exit 0", async () => {
    const out = join(folder, "clusters");
    const { code, stdout } = await run("cluster", [rows, "--k", "5", "-o", out, "--progress", "none"]);
    assert.equal(code, 0);
    assert.match(stdout, /\nwarning: --k 5 is more than there are texts to tell apart: 2 clusters were made\n$/);
    assert.deepEqual(numbers(readTable(out, "centroids.arrow"), "size"), [2, 1]);
    const json = await run("cluster", [rows, "--k", "5", "-o", out, "--json", "--progress", "none"]);
    const { counts, warnings } = JSON.parse(json.stdout) as { counts: { clusters: number }; warnings: string[] };
    assert.deepEqual([counts.clusters, warnings.length], [2, 1]);
  });

  it("nothing to cluster: exit 3", async () => {
    const empty = writeJsonl(join(folder, "empty-texts.jsonl"), [{ text: "" }, { text: " " }]);
    const { code, stderr } = await run("cluster", [empty, "-o", join(folder, "none"), "--progress", "none"]);
    assert.equal(code, 3);
    assert.match(stderr, /^error: there is nothing to cluster: no text of 2 rows has a direction\n$/);
  });

  it("many rejects: the last line, --dry-run, a field of --json and a warning in JSON logs", async () => {
    const out = join(folder, "out");
    const plain = await run("dedup", [half, "-o", out, "--progress", "none"]);
    assert.match(plain.stdout, /\nwarning: 1 of 2 records \(50\.0 %\) were rejected, see \S+rejects\.jsonl; .*\n$/);
    const dry = await run("dedup", [half, "-o", out, "--progress", "none", "--dry-run"]);
    assert.match(dry.stdout, /\nwarning: 1 of 2 records \(50\.0 %\) would be rejected; /);
    const json = await run("dedup", [half, "-o", out, "--json", "--log-format", "json"]);
    assert.equal((JSON.parse(json.stdout) as { warnings: string[] }).warnings.length, 1);
    const lines = json.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { level: string; message?: string });
    assert.match(lines.find(({ level }) => level === "warning")?.message ?? "", /1 of 2 records/);
  });
});
