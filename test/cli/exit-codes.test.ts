import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, mock } from "node:test";
import { main as cluster } from "../../src/cli/cluster.js";
import { main as dedup } from "../../src/cli/dedup.js";
import { startEmbeddingServer } from "../embed/endpoint-server.js";
import { outputBytes, testFolder, writeJsonl } from "../run/folders.js";
import { run, start } from "./command-line.js";

const main = { dedup, cluster };
const folder = testFolder();
const rows = writeJsonl(join(folder, "rows.jsonl"), [
  { text: "how do I reset my password", id: 1 },
  { text: "how do I reset my password", id: 2 },
  { text: "How do I reset my  password", id: 3 },
  { text: "where is my parcel", id: 4 },
]);
const bad = join(folder, "bad.jsonl");
writeFileSync(bad, `{"text":"one"}\n{"text":2}\nno json\n{"text":"four"}\n`);
mkdirSync(join(folder, "nothing"));

let runs = 0;

/** Calls the command in this process, which is quicker, with a new output folder, and reads what it says. */
async function fails(command: "dedup" | "cluster", args: readonly string[], code: number, ...messages: string[]) {
  const out = join(folder, `new-${runs++}`);
  let stderr = "";
  const write = mock.method(process.stderr, "write", (text: string) => {
    stderr += text;
    return true;
  });
  try {
    assert.equal(await main[command](["-o", out, "--progress", "none", ...args]), code, stderr);
  } finally {
    write.mock.restore();
  }
  assert.match(stderr, /^error: [^A-Z].*\n$/, "one line, in lower case");
  for (const message of messages) assert.ok(stderr.includes(message), stderr);
  const left = existsSync(out) ? readdirSync(out) : [];
  assert.deepEqual(
    left.filter((name) => name !== ".work"),
    [],
    "nothing is published",
  );
}

describe("exit 0", { concurrency: 2 }, () => {
  it("a run prints its counts on standard output and writes the files it names", async () => {
    const { code, stdout, stderr } = await run("dedup", [rows, "-o", "done"], { cwd: folder });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /read +4\n/);
    assert.match(stdout, /exact +1 /);
    assert.match(stdout, /normalized +1 /);
    assert.match(stdout, /kept +2\n/);
    assert.match(stdout, /bge-cluster done --k 50/);
    assert.deepEqual(readdirSync(join(folder, "done")).sort(), [
      "embeddings.arrow",
      "kept.arrow",
      "manifest.json",
      "removed.arrow",
    ]);
    // Away from a terminal progress is log lines.
    assert.match(stderr, /^\d{4}-\d\d-\d\dT[\d:.]+Z .*\n(.*\n)*.* write: done, 4 rows/);
  });

  it("--json prints one object, as it is in the manifest, and --quiet nothing else", async () => {
    const { code, stdout, stderr } = await run("dedup", [rows, "-o", "json", "--json", "--quiet"], { cwd: folder });
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    const summary = JSON.parse(stdout) as { counts: object };
    assert.equal(stdout.trimEnd().split("\n").length, 1);
    const manifest = JSON.parse(readFileSync(join(folder, "json", "manifest.json"), "utf8")) as { counts: object };
    assert.deepEqual(manifest.counts, summary.counts);
  });

  it("--dry-run counts and writes nothing", async () => {
    const { code, stdout, stderr } = await run("dedup", [rows, "-o", "dry", "--dry-run", "--json"], { cwd: folder });
    assert.equal(code, 0, stderr);
    const { counts } = JSON.parse(stdout) as { counts: object };
    assert.deepEqual(counts, { read: 4, rejected: 0, exact: 1, normalized: 1, distinct: 2 });
    assert.ok(!readdirSync(folder).includes("dry"));
  });

  it("--help of each command shows examples and exit codes in lines of 80 columns", async () => {
    const below = ["calibrate", "explain", "groups", "report", "export", "verify", "doctor"];
    for (const [command, ...args] of [["dedup"], ["cluster"], ...below.map((name) => ["dedup", name])]) {
      const { code, stdout } = await run(command as "dedup" | "cluster", [...args, "--help"]);
      assert.equal(code, 0);
      assert.match(stdout, /Examples:/);
      assert.match(stdout, /Exit codes: 0 done, 1 failed/);
      // yargs does not break a word, so a long example alone may be wider.
      const wide = stdout.split("\n").filter((line) => line.length > 80);
      assert.deepEqual(wide, [], `${command} ${args}`);
    }
  });

  it("doctor tries the model and names its threshold", async () => {
    const { code, stdout, stderr } = await run("dedup", ["doctor", "--json"]);
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout) as Record<string, string>;
    assert.equal(report.node, process.version);
    assert.match(report.probe, /4 with a direction/);
    assert.match(report.threshold, /^0\.\d+/);
  });

  it("doctor tries a server and tells what it serves, without its key", async () => {
    const server = await startEmbeddingServer({ flavour: "sglang", dim: 24, key: "sesame" });
    try {
      const env = { BGE_API_KEY: "sesame" };
      const { code, stdout, stderr } = await run("dedup", ["doctor", "--endpoint", server.url], { env });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^model +bge-small-zh-v1\.5: 24 dimensions, served, at most 512 tokens$/m);
      assert.match(stdout, /^device +endpoint \(/m);
      assert.match(stdout, /4 with a direction/);
      assert.ok(!`${stdout}${stderr}`.includes("sesame"));
    } finally {
      await server.kill();
    }
  });
});

describe("exit 2 names the flag, the value and what is expected", () => {
  it("no input", () => fails("dedup", [], 2, 'no input; name files, folders or globs, or "-"'));
  it("an unknown flag", () => fails("dedup", [rows, "--nope"], 2, "unknown argument: nope", "--help lists the flags"));
  it("a flag given twice", () =>
    fails("dedup", [rows, "--seed", "1", "--seed", "2"], 2, "--seed is given 2 times; expected once"));
  it("an output folder given twice", () => fails("dedup", [rows, "-o", "other"], 2, "--out is given 2 times"));
  it("a threshold over 1", () =>
    fails("dedup", [rows, "--threshold", "1.1"], 2, "--threshold 1.1 is not a number greater than 0"));
  it("an unknown format", () =>
    fails("dedup", [rows, "--format", "xml"], 2, 'Given: "xml"', "arrow", "parquet", "jsonl"));
  it("an unknown policy", () =>
    fails("dedup", [rows, "--keep", "best"], 2, "--keep best is unknown; expected first, last"));
  it("a brake that is no limit", () => fails("dedup", [rows, "--max-removed", "many"], 2, "--max-removed many", "20%"));
  it("too little memory", () => fails("dedup", [rows, "--memory", "1MB"], 2, "--memory 1MB", "at least 64MB"));
  it("more clusters than there are texts, strictly", () =>
    fails(
      "cluster",
      [rows, "--k", "3", "--strict-k"],
      2,
      "--k 3 is more than there are texts to tell apart: 2 in 4 rows",
      "leave out --strict-k",
    ));
  it("clusters of other rows beside a result of bge-dedup", async () => {
    const { code, stderr } = await run("cluster", [bad, "--k", "1", "-o", "done", "-q"], { cwd: folder });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /done.kept\.arrow is a result of bge-dedup; cluster that folder, or name another one by --out/,
    );
  });
});

describe("exit 3 says what is wrong with the input", () => {
  it("a missing file", () =>
    fails("dedup", [join(folder, "missing.jsonl")], 3, "missing.jsonl does not exist; check the path"));
  it("a folder without files", () =>
    fails("dedup", [join(folder, "nothing")], 3, "nothing holds no file that can be read"));
  it("a glob without matches", () => fails("dedup", [join(folder, "no*.jsonl")], 3, "matches", "no*.jsonl"));
  it("a program in place of a file of rows", () =>
    fails("dedup", [process.execPath], 3, "binary data", "expected JSON lines"));
  it("no such text field: the fields there are", () =>
    fails(
      "dedup",
      [rows, "-t", "title"],
      3,
      'text field "title" is missing; the fields are "text", "id"',
      "line 1 of",
    ));
  it("no such field to order by", () =>
    fails("dedup", [rows, "--keep", "max:date"], 3, "no column date (--keep)", "text, id"));
  it("no such identifier", () =>
    fails("dedup", [rows, "--id-field", "key"], 3, "no column key (--id-field)", "text, id"));
  it("a folder to verify that bge-dedup did not write", async () => {
    const { code, stderr } = await run("dedup", ["verify", "nothing"], { cwd: folder });
    assert.equal(code, 3);
    assert.match(stderr, /cannot read nothing.manifest\.json: .*; name a folder that bge-dedup wrote/);
  });
});

describe("exit 4: a brake stops the run before anything is published", () => {
  it("earlier outputs stay as they are, and the message gives the numbers and a sample", async () => {
    const out = join(folder, "brake");
    assert.equal((await run("dedup", [rows, "-o", out, "-q"])).code, 0);
    const before = outputBytes(out);
    const removed = await run("dedup", [rows, "-o", out, "-q", "--keep", "last", "--max-removed", "20%"]);
    assert.equal(removed.code, 4);
    assert.match(removed.stderr, /2 of 4 rows would be removed, more than --max-removed 20%; nothing was published/);
    const first = `row 0 "how do I reset my password" for row 2 "How do I reset my  password" (normalized, 1.0000)`;
    assert.ok(removed.stderr.includes(`. Some of them: ${first}; row 1 "how do`), removed.stderr);
    const rejected = await run("dedup", [bad, "-o", out, "-q", "--max-rejects", "1"]);
    assert.equal(rejected.code, 4);
    assert.match(
      rejected.stderr,
      /2 records were rejected, more than --max-rejects 1; nothing was published\. The first are line 2 of .*bad\.jsonl: text field .*; line 3 of .*bad\.jsonl: not valid JSON/,
    );
    const share = await run("dedup", [bad, "-o", out, "-q", "--max-rejects", "0.4"]);
    assert.equal(share.code, 4);
    assert.match(share.stderr, /2 of 4 records were rejected, more than --max-rejects 0\.4; .*line 2 of .*; line 3 of/);
    assert.deepEqual(outputBytes(out), before);
    assert.equal(
      (await run("dedup", [rows, "-o", out, "-q", "--max-removed", "2"])).code,
      0,
      "up to the limit is fine",
    );
  });
});

describe("exit 5: what cannot be had", () => {
  it("a model that is not there", () => fails("dedup", [rows, "-m", "no/such-folder"], 5, "no/such-folder", "builtin"));
});

describe("a path that cannot be an output folder", () => {
  it("is an error of usage, exit 2", async () => {
    const { code, stderr } = await run("dedup", [rows, "-o", rows, "-q"]);
    assert.equal(code, 2);
    assert.match(stderr, /as output folder: .*choose another --out/);
  });
});

describe("a reader that went away", () => {
  it("of the result, or of the progress, ends nothing and says nothing", async () => {
    for (const closed of ["stdout", "stderr"] as const) {
      const { child, outcome } = start("dedup", [rows, "-o", closed, "--json"], { cwd: folder });
      child[closed]?.destroy();
      const { code, stdout, stderr } = await outcome;
      assert.equal(code, 0, stderr);
      if (closed === "stderr") assert.equal((JSON.parse(stdout) as { counts: { kept: number } }).counts.kept, 2);
      else assert.doesNotMatch(stderr, /EPIPE|error/);
      assert.ok(readdirSync(join(folder, closed)).includes("manifest.json"));
    }
  });
});
