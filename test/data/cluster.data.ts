import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { runCluster } from "../../src/run/cluster.js";
import { dedupOptions, readTable, silent, testFolder, values, writeJsonl } from "../run/folders.js";
import { vMeasure } from "./agreement.js";
import { sharedData } from "./shared.js";

const folder = testFolder();

/** Clusters records by their text and returns cluster and class of each. */
async function cluster(options: { records: { text: string; class: string }[]; model: string; k: number; out: string }) {
  const { records, model, k } = options;
  const out = join(folder, options.out);
  const input = writeJsonl(`${out}.jsonl`, records);
  const { keep: _, guards: __, formats: ___, ...shared } = dedupOptions([input], out, { model, threads: 2 });
  const summary = await runCluster(
    { ...shared, k, strictK: false, iterations: 50, tolerance: 1e-4, starts: 1, spherical: false, labels: 5 },
    { reporter: silent, stdin: Readable.from([]) },
  );
  const table = readTable(out, "clusters.arrow");
  const [clusters, classes] = [values(table, "cluster"), values(table, "class")];
  const having = clusters.flatMap((c, i) => (c === null ? [] : [i]));
  return {
    summary,
    score: vMeasure(
      having.map((i) => clusters[i]),
      having.map((i) => classes[i]),
    ),
  };
}

/** Fields of a CSV line whose text may be quoted and whose class holds no comma. */
function questions(file: string): { text: string; class: string }[] {
  const text = readFileSync(join(sharedData("en-banking77"), file), "utf8");
  const rows = text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*)),([^,\r\n]+)\r?\n/g);
  return [...rows].slice(1).map(([, quoted, plain, label]) => ({
    text: (quoted ?? plain).replaceAll('""', '"').trim(),
    class: label,
  }));
}

describe("clusters agree with classes as well as those of scikit-learn on the same vectors", () => {
  it("on the test split of banking77: V-measure near 0.73", async (t) => {
    const records = questions("test.csv");
    assert.equal(records.length, 3080);
    const { score } = await cluster({ records, model: sharedData("models/potion-en"), k: 77, out: "banking" });
    t.diagnostic(`V-measure ${score.toFixed(4)}; scikit-learn, 10 starts: 0.730`);
    assert.ok(score > 0.7 && score < 0.76, `V-measure ${score}`);
  });

  it("on news titles: NMI near 0.12", async (t) => {
    const lines = readFileSync(join(sharedData("zh-tnews"), "train.tsv"), "utf8")
      .trimEnd()
      .split("\n");
    const records = lines.map((line) => ({ text: line.split("\t")[0], class: line.split("\t")[1] }));
    const { score, summary } = await cluster({ records, model: sharedData("models/tencent-zh"), k: 15, out: "titles" });
    t.diagnostic(`NMI ${score.toFixed(4)}; scikit-learn: 0.120`);
    assert.equal(summary.counts.clustered + summary.counts.undirected, 53_360);
    assert.ok(score > 0.1 && score < 0.15, `NMI ${score}`);
  });
});
