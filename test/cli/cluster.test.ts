import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { columnsOf } from "../../src/cli/text-width.js";
import type { ClusterSummary } from "../../src/run/summary.js";
import { numbers, outputBytes, readTable, testFolder, values, writeJsonl } from "../run/folders.js";
import { run, start, vectorsAreSaved } from "./command-line.js";

const folder = testFolder();
const rows = join(folder, "rows.jsonl");
const TOPICS = ["reset the password of my account", "where is the parcel of my order", "refund of the invoice and tax"];

before(async () => {
  const records = Array.from({ length: 60 }, (_, i) => ({
    text: `${TOPICS[i % 3]} number ${i * 37}`,
    cluster: `t${i % 3}`,
  }));
  records.push({ text: "", cluster: "none" }, { ...records[0] });
  writeJsonl(rows, records);
  mkdirSync(join(folder, "daily"));
  const args = [rows, "--threshold", "0.99", "-q"];
  const { code, stderr } = await run("dedup", args, { cwd: join(folder, "daily") });
  assert.equal(code, 0, stderr);
});

describe("bge-cluster", () => {
  it("after bge-dedup, without arguments but k: the kept rows of bge-out, whose files stay", async () => {
    const out = join(folder, "daily", "bge-out");
    const { "kept.arrow": kept, "removed.arrow": removed, "embeddings.arrow": embeddings } = outputBytes(out);
    const { code, stdout, stderr } = await run("cluster", ["--k", "3", "--seed", "5"], { cwd: join(folder, "daily") });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /clustered +60\n.*clusters +3\n.*undirected +1 /s);
    const after = outputBytes(out);
    assert.deepEqual(
      [after["kept.arrow"], after["removed.arrow"], after["embeddings.arrow"]],
      [kept, removed, embeddings],
    );

    const keptRows = numbers(readTable(out, "kept.arrow"), "_row");
    const clusters = readTable(out, "clusters.arrow");
    assert.deepEqual(numbers(clusters, "_row"), keptRows, "every kept row, in order");
    const assigned = numbers(clusters, "cluster");
    // Its own column of that name comes out under another one, and agrees with what was found.
    const topics = values(clusters, "cluster_in");
    assert.equal(new Set(assigned.map((cluster, i) => (cluster < 0 ? "" : `${cluster} ${topics[i]}`))).size, 3 + 1);
    assert.equal(assigned[keptRows.indexOf(60)], -1, "the empty text has no cluster");

    const centroids = readTable(out, "centroids.arrow");
    assert.deepEqual(numbers(centroids, "cluster"), [0, 1, 2]);
    assert.deepEqual(
      numbers(centroids, "size"),
      [0, 1, 2].map((cluster) => assigned.filter((other) => other === cluster).length),
    );
    numbers(centroids, "medoid_row").forEach((row, cluster) => {
      assert.equal(assigned[keptRows.indexOf(row)], cluster, "a medoid is a row of its cluster");
    });
    const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as Record<string, unknown>;
    assert.equal(manifest.command, "bge-dedup");
    assert.equal((manifest.cluster as { command: string }).command, "bge-cluster");
    const proof = await run("dedup", ["verify", out, "-q"]);
    assert.equal(proof.code, 0, proof.stderr);
  });

  it("of raw files takes every row, and gives the same bytes again with any number of threads", async () => {
    const outs = ["raw", "again"].map((name) => join(folder, name));
    for (const [i, out] of outs.entries()) {
      const args = [rows, "--k", "3", "-o", out, "--json", "-q", "--threads", String(i + 1)];
      const { code, stdout, stderr } = await run("cluster", args);
      assert.equal(code, 0, stderr);
      const { counts } = JSON.parse(stdout) as { counts: Record<string, number> };
      assert.deepEqual(counts, { clustered: 61, undirected: 1, rejected: 0, clusters: 3 });
    }
    assert.deepEqual(outputBytes(outs[0]), outputBytes(outs[1]));
    assert.deepEqual(
      numbers(readTable(outs[0], "clusters.arrow"), "_row"),
      Array.from({ length: 62 }, (_, i) => i),
    );
  });

  it("marks representatives and says how far out each row lies in its cluster", async () => {
    const out = join(folder, "marked");
    assert.equal((await run("cluster", [rows, "--k", "3", "-o", out, "-q"])).code, 0);
    const table = readTable(out, "clusters.arrow");
    assert.deepEqual(
      table.schema.fields.slice(0, 6).map(({ name, type, nullable }) => `${name}: ${type}${nullable ? "?" : ""}`),
      [
        "_row: Uint64",
        "cluster: Int32?",
        "distance: Float32?",
        "representative: Bool",
        "outlier: Float32?",
        "text: Utf8?",
      ],
    );
    const [clusters, distances, outliers] = ["cluster", "distance", "outlier"].map((name) => values(table, name));
    const [texts, marked] = [values(table, "text"), values(table, "representative")];
    for (const [row, cluster] of clusters.entries()) {
      if (cluster === null) {
        assert.deepEqual([outliers[row], marked[row]], [null, false]);
        continue;
      }
      const others = clusters.flatMap((other, i) => (other === cluster && i !== row ? [i] : []));
      const nearer = others.filter((other) => (distances[other] as number) < (distances[row] as number)).length;
      assert.equal(outliers[row], Math.fround(others.length === 0 ? 0 : nearer / others.length), `row ${row}`);
    }
    const listed = values(readTable(out, "centroids.arrow"), "representatives").map((those) =>
      [...(those as Iterable<bigint>)].map(Number),
    );
    assert.deepEqual(
      listed.flat().sort((a, b) => a - b),
      marked.flatMap((is, row) => (is ? [row] : [])),
    );
    for (const [cluster, those] of listed.entries()) {
      assert.ok(those.length > 1 && those.length <= 3);
      for (const row of those) assert.equal(clusters[row], cluster);
      assert.equal(new Set(those.map((row) => texts[row])).size, those.length, "no text stands twice");
      assert.equal(outliers[those[0]], 0, "the first is the nearest of its cluster");
    }
  });

  it("with --k auto makes as many clusters as the vectors suggest and says why", async () => {
    const outs = ["auto", "auto-again"].map((name) => join(folder, name));
    for (const [i, out] of outs.entries()) {
      const more = ["--threads", String(i + 1), "--memory", i === 0 ? "400MB" : "2GB"];
      const { code, stdout, stderr } = await run("cluster", [rows, "--k", "auto", "-o", out, "--json", "-q", ...more]);
      assert.equal(code, 0, stderr);
      const { chosen_k, counts, largest } = JSON.parse(stdout) as ClusterSummary;
      assert.ok(chosen_k);
      assert.equal(counts.clusters, chosen_k.k);
      assert.ok(chosen_k.candidates.some(({ k }) => k === chosen_k.k));
      assert.ok(
        largest.every(({ representatives }) => TOPICS.some((topic) => representatives[0].text.includes(topic))),
      );
      const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as {
        options: { k: string };
        chosen_k: object;
      };
      assert.deepEqual([manifest.options.k, manifest.chosen_k], ["auto", chosen_k]);
    }
    assert.deepEqual(outputBytes(outs[0]), outputBytes(outs[1]));
    const { stdout } = await run("cluster", [rows, "--k", "auto", "-o", outs[0]]);
    assert.match(stdout, /clusters +3 {2}chosen by --k auto\n.*why +no other number .* vectors/s);
    for (const line of stdout.split("\n")) if (line.includes("…")) assert.ok(columnsOf(line) <= 80, line);
  });

  it("with --k auto takes what hardly can be divided, and refuses --strict-k", async () => {
    const few = [{ text: "" }, { text: "one" }, { text: "two" }, { text: "one" }, { text: "three" }];
    for (const count of [2, 3, 4, 5]) {
      const input = writeJsonl(join(folder, `few-${count}.jsonl`), few.slice(0, count));
      const { code, stdout, stderr } = await run("cluster", [input, "--k", "auto", "-o", join(folder, `few-${count}`)]);
      assert.equal(code, 0, stderr);
      assert.match(
        stdout,
        /clusters +1 {2}chosen by --k auto\n.*why +(all texts are the same to the model|[23] texts are too few)/s,
      );
    }
    const refused = await run("cluster", [rows, "--k", "auto", "--strict-k", "-o", join(folder, "refused"), "-q"]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--strict-k guards a number of clusters that you give; with --k auto leave it out/);
    const automatic = await run("cluster", [rows, "--k", "automatic", "-o", join(folder, "refused"), "-q"]);
    assert.equal(automatic.code, 2);
    assert.match(automatic.stderr, /--k automatic is .*auto/);
  });

  it("killed after the vectors are there, goes on with them and gives the same bytes", async () => {
    const many = writeJsonl(
      join(folder, "many.jsonl"),
      Array.from({ length: 4000 }, (_, i) => ({ text: `${TOPICS[i % 3]} number ${i * 7919}` })),
    );
    const args = [many, "--k", "40", "--progress", "log", "--threads", "1"];
    const whole = await run("cluster", [...args, "-o", join(folder, "whole")]);
    assert.equal(whole.code, 0, whole.stderr);
    const out = join(folder, "killed");
    const { child, outcome } = start("cluster", [...args, "-o", out]);
    while (!vectorsAreSaved(out) && child.exitCode === null) await new Promise((done) => setTimeout(done, 5));
    child.kill("SIGKILL");
    await outcome;
    assert.ok(!existsSync(join(out, "clusters.arrow")));
    const again = await run("cluster", [...args, "-o", out]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /continuing an interrupted run: 4000 texts are embedded already/);
    assert.deepEqual(outputBytes(out), outputBytes(join(folder, "whole")));
  });

  it("into another folder describes that run alone, and takes away what an earlier one left there", async () => {
    const out = join(folder, "beside");
    assert.equal((await run("cluster", [rows, "--k", "2", "-o", out, "-q"])).code, 0);
    assert.ok(existsSync(join(out, "embeddings.arrow")));
    const daily = join(folder, "daily", "bge-out");
    assert.equal((await run("cluster", [daily, "--k", "3", "-o", out, "-q"])).code, 0);
    assert.deepEqual(Object.keys(outputBytes(out)), ["centroids.arrow", "clusters.arrow"]);
    const { counts, cluster, inputs } = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as {
      counts: { clusters: number };
      cluster?: object;
      inputs: { name: string }[];
    };
    assert.deepEqual([counts.clusters, cluster], [3, undefined]);
    assert.deepEqual(
      inputs.map(({ name }) => name).sort(),
      ["embeddings.arrow", "kept.arrow"].map((name) => join(daily, name)),
    );
  });

  it("of an input that is not there says so, even beside a result of bge-dedup", async () => {
    const { code, stderr } = await run("cluster", ["nowhere", "--k", "2", "-q"], { cwd: join(folder, "daily") });
    assert.equal(code, 3);
    assert.match(stderr, /^error: input nowhere does not exist; check the path\n$/);
  });

  it("of a folder without kept.arrow says what to do", async () => {
    const out = join(folder, "jsonl-only");
    const first = await run("dedup", [rows, "-o", out, "--format", "jsonl", "--progress", "none"]);
    assert.equal(first.code, 0);
    assert.match(first.stdout, /For bge-cluster and verify add --format arrow/);
    const { code, stderr } = await run("cluster", [out, "--k", "2", "-q"]);
    assert.equal(code, 3);
    assert.match(stderr, /kept\.arrow is missing; bge-cluster needs .*--format arrow/);
  });
});
