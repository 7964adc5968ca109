import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { lint, withoutPromtool } from "../metrics/promtool.js";
import { outputBytes, testFolder, writeJsonl } from "../run/folders.js";
import { run, start } from "./command-line.js";

const folder = testFolder();
const rows = writeJsonl(join(folder, "rows.jsonl"), [
  { text: "how do I reset my password" },
  { text: "how do I reset my password" },
  { text: "where is my parcel" },
]);

/** Values of a metrics file by name and labels, without the label that all have. */
function valuesIn(path: string): Record<string, number> {
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, dataset, labels, value] = /^(\w+)\{dataset="(\w+)",?(.*)\} (\S+)$/.exec(line) ?? [];
      assert.equal(dataset, /(\w+)\.prom$/.exec(path)?.[1], line);
      return [labels === "" ? name : `${name}{${labels}}`, Number(value)];
    }),
  );
}

let folders = 0;
const newFolder = () => {
  const path = join(folder, `f${folders++}`);
  mkdirSync(path);
  return path;
};

describe("--metrics", { concurrency: 2 }, () => {
  it("of a run that succeeds holds its figures, and the run is as it is without", async () => {
    const cwd = newFolder();
    const plain = await run("dedup", [rows, "-o", "plain", "-q"], { cwd });
    assert.equal(plain.code, 0, plain.stderr);
    const before = Date.now() / 1000;
    const { code, stderr } = await run("dedup", [rows, "-o", "out", "-q", "--metrics", "faq.prom"], { cwd });
    const after = Date.now() / 1000;
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    assert.deepEqual(outputBytes(join(cwd, "out")), outputBytes(join(cwd, "plain")));
    const values = valuesIn(join(cwd, "faq.prom"));
    assert.equal(values.bge_dedup_read_rows, 3);
    assert.equal(values['bge_dedup_rows{fate="kept"}'], 2);
    assert.equal(values['bge_dedup_removed_rows{reason="exact"}'], 1);
    assert.equal(values.bge_dedup_exit_code, 0);
    const { bge_dedup_last_start_timestamp_seconds: began, bge_dedup_last_run_timestamp_seconds: ended } = values;
    assert.ok(before <= began && began <= ended && ended <= after, `${before} ${began} ${ended} ${after}`);
    assert.equal(values.bge_dedup_last_success_timestamp_seconds, ended);
    assert.ok(values['bge_dedup_stage_duration_seconds{stage="join"}'] >= 0);
    assert.ok(values.bge_dedup_peak_memory_bytes > 2 ** 25);
    const manifest = JSON.parse(readFileSync(join(cwd, "out/manifest.json"), "utf8")) as Record<string, object>;
    assert.equal("metrics" in manifest.options, false);
    assert.deepEqual(readdirSync(cwd).sort(), ["faq.prom", "out", "plain"]);
  });

  it("is one file for all commands of a job, which no reader finds half-written", async () => {
    const cwd = newFolder();
    const path = join(cwd, "faq.prom");
    assert.equal((await run("dedup", [rows, "-q", "--metrics", path], { cwd })).code, 0);
    const first = valuesIn(path);
    const clustered = await run("cluster", ["--k", "2", "-q", "--metrics", path], { cwd });
    assert.equal(clustered.code, 0, clustered.stderr);
    const proved = await run("dedup", ["verify", "bge-out", "-q", "--metrics", path], { cwd });
    assert.equal(proved.code, 0, proved.stderr);
    const values = valuesIn(path);
    assert.deepEqual({ ...values, ...first }, values, "the metrics of bge-dedup stay");
    assert.equal(values.bge_cluster_clusters, 2);
    assert.equal(values.bge_dedup_verify_exit_code, 0);
    const exportArgs = ["export", "bge-out", "--to", "rows.parquet", "-q", "--metrics", path];
    const exported = await run("dedup", exportArgs, { cwd });
    assert.equal(exported.code, 0, exported.stderr);
    assert.equal(valuesIn(path).bge_dedup_export_exit_code, 0);
    assert.equal((await run("dedup", [...exportArgs, "--layuot", "plain"], { cwd })).code, 2);
    assert.equal(valuesIn(path).bge_dedup_export_exit_code, 2);
    assert.equal(valuesIn(path).bge_dedup_exit_code, 0);
    writeFileSync(join(cwd, "bge-out/kept.arrow"), "no table");
    assert.equal((await run("dedup", ["verify", "bge-out", "-q", "--metrics", path], { cwd })).code, 3);
    assert.equal(valuesIn(path).bge_dedup_verify_exit_code, 3);
    assert.equal(
      valuesIn(path).bge_dedup_verify_last_success_timestamp_seconds,
      values.bge_dedup_verify_last_success_timestamp_seconds,
    );
  });

  it("of a run that fails tells its exit code and keeps the last success with its figures", async () => {
    const cwd = newFolder();
    const path = join(cwd, "faq.prom");
    assert.equal((await run("dedup", [rows, "-q", "--metrics", path], { cwd })).code, 0);
    const good = valuesIn(path);
    const failures: readonly [code: number, args: readonly string[]][] = [
      [2, [rows, "--thresh", "0.9"]],
      [2, [rows, "--threshold", "7"]],
      [2, [rows, "--push", "nowhere"]],
      [3, ["missing.jsonl"]],
      [4, [rows, "--max-removed", "0"]],
      [5, [rows, "--model", "./no-model"]],
    ];
    for (const [expected, args] of failures) {
      const { code, stderr } = await run("dedup", [...args, "-q", `--metrics=${path}`], { cwd });
      assert.equal(code, expected, stderr);
      const values = valuesIn(path);
      assert.equal(values.bge_dedup_exit_code, expected, args.join(" "));
      assert.ok(values.bge_dedup_last_run_timestamp_seconds > good.bge_dedup_last_run_timestamp_seconds);
      for (const name of ["bge_dedup_last_success_timestamp_seconds", 'bge_dedup_rows{fate="kept"}']) {
        assert.equal(values[name], good[name]);
      }
      assert.equal(values['bge_dedup_brake_rows{limit="max_removed"}'], expected === 4 ? 1 : 0);
    }
  });

  it("of a job that has never succeeded has no success", async () => {
    const cwd = newFolder();
    const { code } = await run("cluster", ["missing.jsonl", "-q", "--metrics", "faq.prom"], { cwd });
    assert.equal(code, 3);
    const values = valuesIn(join(cwd, "faq.prom"));
    assert.equal(values.bge_cluster_exit_code, 3);
    assert.equal("bge_cluster_last_success_timestamp_seconds" in values, false);
  });

  for (const [signal, expected] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGKILL", undefined],
  ] as const) {
    it(`of a run that ${signal} ends tells ${expected === undefined ? "that it began" : expected}`, async () => {
      const cwd = newFolder();
      const path = join(cwd, "faq.prom");
      // Standard input that never ends: the run waits for it.
      const { child, outcome } = start("dedup", ["-", "-q", "--metrics", path], { cwd, openStdin: true });
      while (!existsSync(path) && child.exitCode === null) await new Promise((done) => setTimeout(done, 5));
      child.kill(signal);
      const { code, stderr } = await outcome;
      const values = valuesIn(path);
      assert.ok(values.bge_dedup_last_start_timestamp_seconds > 0);
      if (expected === undefined) assert.deepEqual(Object.keys(values), ["bge_dedup_last_start_timestamp_seconds"]);
      else {
        assert.ok(code === expected || code === null, stderr);
        assert.equal(values.bge_dedup_exit_code, expected);
      }
    });
  }

  it("is promised before the work starts: a file that cannot be written ends the run with clear words", async () => {
    const cwd = newFolder();
    mkdirSync(join(cwd, "folder.prom"));
    writeFileSync(join(cwd, "node.prom"), "node_load1 0.5\n");
    writeFileSync(join(cwd, "data.prom"), readFileSync(rows));
    writeFileSync(join(cwd, "plain"), "");
    const cases: readonly [path: string, words: RegExp][] = [
      ["faq.txt", /--metrics faq\.txt is not a name such as faq\.prom: the node exporter reads only \*\.prom/],
      [".prom", /--metrics \.prom is not a name/],
      ["no/faq.prom", /--metrics no\/faq\.prom cannot be written: ENOENT.*; name a file in a folder that is there/],
      ["plain/faq.prom", /--metrics plain\/faq\.prom cannot be written: ENOTDIR/],
      ["folder.prom", /--metrics folder\.prom is not a file/],
      ["node.prom", /node\.prom holds something else than metrics of bge-dedup and is left as it is/],
      ["data.prom", /data\.prom holds something else/],
    ];
    for (const [path, words] of cases) {
      const { code, stderr } = await run("dedup", [rows, "-o", "out", "-q", "--metrics", path], { cwd });
      assert.equal(code, 2, `${path}: ${stderr}`);
      assert.match(stderr, words);
      assert.match(stderr, /^error: .*\n$/, "one line");
    }
    const twice = await run("dedup", [rows, "-q", "--metrics", "a.prom", "--metrics", "b.prom"], { cwd });
    assert.equal(twice.code, 2);
    assert.match(twice.stderr, /--metrics is given 2 times/);
    assert.deepEqual(readdirSync(cwd).sort(), ["data.prom", "folder.prom", "node.prom", "plain"]);
    assert.equal(readFileSync(join(cwd, "node.prom"), "utf8"), "node_load1 0.5\n");
    assert.deepEqual(readFileSync(join(cwd, "data.prom")), readFileSync(rows));
  });

  it("that cannot be written at the end is told, and changes neither result nor exit code", async () => {
    const cwd = newFolder();
    const gone = join(cwd, "gone");
    mkdirSync(gone);
    const path = join(gone, "faq.prom");
    const { child, outcome } = start("dedup", ["-", "-q", "--metrics", path], { cwd, openStdin: true });
    while (!existsSync(path) && child.exitCode === null) await new Promise((done) => setTimeout(done, 5));
    rmSync(gone, { recursive: true });
    child.stdin?.end(readFileSync(rows));
    const { code, stderr } = await outcome;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^warning: --metrics .*faq\.prom was not written: ENOENT/);
    assert.ok(existsSync(join(cwd, "bge-out/kept.arrow")));
  });

  it("may be read by the node exporter's account, keeps the rights of the file and follows a link", async () => {
    const cwd = newFolder();
    assert.equal((await run("dedup", [rows, "-q", "--metrics", "new.prom"], { cwd })).code, 0);
    assert.equal(statSync(join(cwd, "new.prom")).mode & 0o777, 0o644);
    chmodSync(join(cwd, "new.prom"), 0o640);
    symlinkSync("new.prom", join(cwd, "link.prom"));
    const { code, stderr } = await run("dedup", ["missing.jsonl", "-q", "--metrics", "link.prom"], { cwd });
    assert.equal(code, 3, stderr);
    assert.equal(statSync(join(cwd, "new.prom")).mode & 0o777, 0o640);
    assert.match(readFileSync(join(cwd, "new.prom"), "utf8"), /bge_dedup_exit_code\{dataset="link"\} 3\n/);
  });

  it("of a dry run is not touched", async () => {
    const cwd = newFolder();
    const { code, stderr } = await run("dedup", [rows, "--dry-run", "--metrics", "faq.prom"], { cwd });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /a dry run tells no metrics/);
    assert.equal((await run("dedup", [rows, "--dry-run", "--wrong", "--metrics", "faq.prom"], { cwd })).code, 2);
    assert.deepEqual(readdirSync(cwd), []);
  });

  it("is what promtool calls clean, after successes and failures", { skip: withoutPromtool }, async () => {
    const cwd = newFolder();
    const path = join(cwd, "faq.prom");
    assert.equal((await run("dedup", [rows, "-q", "--metrics", path], { cwd })).code, 0);
    assert.equal(lint(readFileSync(path, "utf8")), "");
    assert.equal((await run("cluster", ["--k", "2", "-q", "--metrics", path], { cwd })).code, 0);
    assert.equal((await run("dedup", ["missing.jsonl", "-q", "--metrics", path], { cwd })).code, 3);
    assert.equal(lint(readFileSync(path, "utf8")), "");
  });
});
