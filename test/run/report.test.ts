import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inflateRawSync } from "node:zlib";
import { cluster } from "../../src/index.js";
import type { PageData } from "../../src/report/page/data.js";
import { unpackPage } from "../../src/report/page/pack.js";
import { writeReport } from "../../src/run/report.js";
import { run } from "../cli/command-line.js";
import { dedup, numbers, outputBytes, readTable, silent, testFolder, values, writeJsonl } from "./folders.js";

const folder = testFolder();
const faq = "fixtures/faq.jsonl";

const report = (dir: string, out?: string) => writeReport({ folder: dir, out, threads: 1, reporter: silent });

/** The data of a page, read back from its HTML. */
function dataOf(file: string): PageData {
  const [, packed] = /id="data">([^<]*)</.exec(readFileSync(file, "utf8")) ?? [];
  return unpackPage(inflateRawSync(Buffer.from(packed, "base64")));
}

async function faqFolder(name: string, options: Parameters<typeof dedup>[2] = {}): Promise<string> {
  const out = join(folder, name);
  await dedup([faq], out, options);
  return out;
}

describe("report", () => {
  it("shows each group with the rows that removed.arrow names, and changes nothing else", async () => {
    const out = await faqFolder("faq");
    await cluster({ inputs: out, out, k: 5 });
    const before = outputBytes(out);
    const { file, points, clusters } = await report(out);
    const { "report.html": page, ...after } = outputBytes(out);
    assert.ok(page.length > 0);
    assert.deepEqual(after, before);
    const { facts, columns: c, texts } = dataOf(file);
    const removed = readTable(out, "removed.arrow");
    const expected = new Map<number, Map<number, [string, number, string]>>();
    const keptRows = numbers(removed, "_kept_row");
    const similarity = numbers(removed, "_similarity");
    const [reason, text] = [values(removed, "_reason"), values(removed, "text")];
    for (const [i, row] of numbers(removed, "_row").entries()) {
      const group = expected.get(keptRows[i]) ?? new Map();
      expected.set(keptRows[i], group.set(row, [String(text[i]), similarity[i], String(reason[i])]));
    }
    const found: typeof expected = new Map();
    for (let g = 0, m = 0; g < c.groupRow.length; g++) {
      const group = new Map<number, [string, number, string]>();
      assert.equal(c.groupSize[g], c.groupMembers[g] + 1);
      for (let j = 0; j < c.groupMembers[g]; j++, m++) {
        const name = ["exact", "normalized", "semantic"][c.memberReason[m]];
        group.set(c.memberRow[m], [texts[c.memberText[m] - 1], c.memberSimilarity[m], name]);
      }
      found.set(c.groupRow[g], group);
    }
    assert.deepEqual(found, expected);
    assert.equal(facts.counts.removed, removed.numRows);
    assert.equal(facts.clusters.length, clusters);
    assert.equal(points, c.mapX.length);
    assert.equal(facts.sources[0].removed, removed.numRows);
    // All kept texts are in the sample of so few, so none of them reaches the threshold.
    assert.equal(facts.neighbours?.sample, facts.neighbours?.of);
    assert.ok(c.apartSimilarity.length > 0 && c.apartSimilarity.every((cosine) => cosine < facts.threshold));
  });

  it("goes with the result it shows, and a file of that name that report did not write stays", async () => {
    const out = await faqFolder("again");
    const page = join(out, "report.html");
    await report(out);
    await cluster({ inputs: out, out, k: 5 });
    assert.ok(!existsSync(page), "it shows no clusters");
    await report(out);
    await dedup([faq], out, { threshold: 0.95 });
    assert.ok(!existsSync(page), "it shows what another threshold removed");
    writeFileSync(page, "<p>my own</p>");
    await dedup([faq], out, { threshold: 0.9 });
    assert.equal(readFileSync(page, "utf8"), "<p>my own</p>");
  });

  it("is the same file each time", async () => {
    const out = await faqFolder("again");
    const { file } = await report(out);
    const first = readFileSync(file);
    await report(out);
    assert.deepEqual(readFileSync(file), first);
  });

  for (const [name, records] of [
    ["one row", [{ text: "alone" }]],
    ["nothing removed", [{ text: "apples" }, { text: "quantum physics" }]],
    ["copies only", [{ text: "twice" }, { text: "twice" }]],
    ["texts without a direction", [{ text: "" }, { text: " " }, { text: "。" }]],
  ] as const) {
    it(`works with ${name}`, async () => {
      const out = join(folder, name.replaceAll(" ", "-"));
      await dedup([writeJsonl(`${out}.jsonl`, records)], out);
      const { file } = await report(out);
      assert.equal(dataOf(file).facts.counts.read, records.length);
    });
  }

  it("joins several text fields, and shows ids", async () => {
    const out = join(folder, "fields");
    const records = [
      { title: "Refund", body: "How do I get my money back?", id: "<a>" },
      { title: "Refund", body: "How do I get my money back?", id: "<b>" },
    ];
    await dedup([writeJsonl(`${out}.jsonl`, records)], out, { textFields: ["title", "body"], idField: "id" });
    const { columns: c, texts } = dataOf((await report(out)).file);
    assert.equal(texts[c.groupText[0] - 1], "Refund\nHow do I get my money back?");
    assert.equal(texts[c.memberId[0] - 1], "<b>");
  });

  it("needs no text where the input has vectors", async () => {
    const out = join(folder, "vectors");
    const records = [{ v: [1, 0, 0] }, { v: [1, 0.001, 0] }, { v: [0, 1, 0] }];
    const input = writeJsonl(`${out}.jsonl`, records);
    await dedup([input], out, { vectorField: "v", threshold: 0.9 });
    const { facts, columns } = dataOf((await report(out)).file);
    assert.equal(facts.counts.semantic, 1);
    assert.equal(columns.groupRow.length, 1);
  });

  it("leaves out what a folder of an older version does not record", async () => {
    const out = await faqFolder("old");
    const path = join(out, "manifest.json");
    const { version, threshold, counts, options, outputs, model } = JSON.parse(readFileSync(path, "utf8"));
    const inputs = [{ name: "faq.jsonl", bytes: 1, sha256: "" }];
    writeFileSync(path, JSON.stringify({ version, threshold, counts, options, outputs, model, inputs }));
    const { facts } = dataOf((await report(out)).file);
    assert.deepEqual(facts.sources, [{ name: "faq.jsonl", bytes: 1 }]);
    assert.equal(facts.drift, undefined);
  });

  it("shows the drift that bge-cluster recorded", async () => {
    const out = await faqFolder("drift");
    const path = join(out, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    const clusters = [{ cluster: 0, before: 0.25, now: 0.5 }];
    const farthest = [{ row: 7, cluster: 0, distance: 1.1, text: "foreign" }];
    const figures = { far_share: 0.024, moved_rows: 12, new_clusters: [3, 4], vanished_clusters: [] };
    manifest.cluster = { outputs: [], drift: { like: "before", ...figures, clusters, farthest } };
    writeFileSync(path, JSON.stringify(manifest));
    const { facts } = dataOf((await report(out)).file);
    assert.deepEqual(facts.drift, {
      like: "before",
      figures: [
        ["rows far from every former centroid (1 % is usual)", "2.4 %"],
        ["moved rows", "12"],
        ["new clusters", "3, 4"],
        ["vanished clusters", "none"],
      ],
      clusters,
      farthest: [{ row: 7, text: "foreign" }],
    });
  });
});

describe("report refuses, with the cure and the code", () => {
  const refused = async (args: readonly string[], code: number, message: RegExp) => {
    const { code: got, stderr } = await run("dedup", ["report", ...args]);
    assert.match(stderr, message);
    assert.equal(got, code);
  };

  it("a folder that is none of bge-dedup's", () =>
    refused([join(folder, "nothing")], 3, /name a folder that bge-dedup/));

  it("a folder without Arrow tables", async () => {
    const out = await faqFolder("parquet", { formats: ["parquet"] });
    await refused([out], 3, /kept.arrow is missing; report needs .*--format arrow/);
    assert.equal(existsSync(join(out, "report.html")), false);
  });

  it("a damaged manifest", async () => {
    const out = await faqFolder("damaged");
    writeFileSync(join(out, "manifest.json"), "{}");
    await refused([out], 3, /its threshold is missing or damaged/);
  });

  it("a damaged table", async () => {
    const out = await faqFolder("torn");
    writeFileSync(join(out, "removed.arrow"), "torn");
    await refused([out], 3, /removed.arrow/);
  });

  it("a page in the place of a result, of data, of a folder, or where none can be written", async () => {
    const out = await faqFolder("places");
    const kept = readFileSync(join(out, "kept.arrow"));
    await refused([out, "-o", join(out, "kept.arrow")], 2, /expected a path that ends in .html/);
    assert.deepEqual(readFileSync(join(out, "kept.arrow")), kept);
    const data = writeJsonl(join(folder, "data.jsonl"), [{ text: "keep me" }]);
    await refused([out, "-o", data], 2, /expected a path that ends in .html/);
    assert.equal(readFileSync(data, "utf8"), '{"text":"keep me"}\n');
    const blocked = join(folder, "blocked.html");
    mkdirSync(`${blocked}.part`);
    await refused([out, "-o", blocked], 2, /cannot be written: .*; choose a folder that you may write to/);
    mkdirSync(join(folder, "taken"));
    await refused([out, "-o", join(folder, "taken")], 2, /is a folder; name the file/);
    await refused([out, "-o", join(folder, "nowhere", "page.html")], 2, /does not exist/);
  });
});
