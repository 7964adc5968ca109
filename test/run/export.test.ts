import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import pl from "nodejs-polars";
import { cluster } from "../../src/index.js";
import { exportFolder } from "../../src/run/export.js";
import { checkExport } from "../../src/run/flags/export.js";
import { run } from "../cli/command-line.js";
import { dedup, numbers, readTable, silent, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();

describe("export --layout embedding-atlas", () => {
  it("writes every row with its text, place, cluster and fate, as Polars reads it", async () => {
    const out = join(folder, "faq");
    await dedup(["fixtures/faq.jsonl"], out);
    await cluster({ inputs: out, out, k: 5 });
    const to = join(folder, "faq.parquet");
    const options = { folder: out, layout: "embedding-atlas", threads: 1, reporter: silent } as const;
    const summary = await exportFolder({ ...options, to });
    const rows = pl.readParquet(to).toRecords() as Record<string, unknown>[];
    const [kept, removed] = [readTable(out, "kept.arrow"), readTable(out, "removed.arrow")];
    assert.equal(summary.rows, kept.numRows + removed.numRows);
    const clusters = readTable(out, "clusters.arrow");
    const clusterOf = new Map(numbers(clusters, "_row").map((row, i) => [row, numbers(clusters, "cluster")[i]]));
    const keptOf = new Map(numbers(removed, "_row").map((row, i) => [row, numbers(removed, "_kept_row")[i]]));
    const vectorless = [kept, removed].flatMap((table) => numbers(table, "_vector").filter((vector) => vector < 0));
    assert.equal(rows.length, summary.rows);
    assert.equal(rows.filter(({ x, y }) => x === null || y === null).length, vectorless.length);
    assert.equal(summary.unplaced, vectorless.length);
    assert.ok(new Set(rows.map(({ x }) => x)).size > 100);
    for (const row of rows) {
      const number = Number(row.row);
      const keeper = keptOf.get(number);
      assert.equal(row.fate === "kept", keeper === undefined);
      assert.equal(row.kept_row === null ? undefined : Number(row.kept_row), keeper);
      const expected = clusterOf.get(keeper ?? number) ?? -1;
      assert.equal(row.cluster ?? -1, expected);
      assert.equal(typeof row.text, "string");
    }
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith(".part")),
      [],
    );
  });

  it("places copies on one point, and needs no clusters", async () => {
    const out = join(folder, "copies");
    const records = ["one text", "one text", "another"].map((text) => ({ text, x: "a column of the input" }));
    await dedup([writeJsonl(`${out}.jsonl`, records)], out);
    const to = join(folder, "copies.parquet");
    await exportFolder({ folder: out, to, layout: "embedding-atlas", threads: 1, reporter: silent });
    const rows = pl.readParquet(to).toRecords() as Record<string, unknown>[];
    const byRow = new Map(rows.map((row) => [Number(row.row), row]));
    assert.deepEqual([byRow.get(0)?.x, byRow.get(0)?.y], [byRow.get(1)?.x, byRow.get(1)?.y]);
    assert.notEqual(byRow.get(0)?.x, byRow.get(2)?.x);
    assert.equal(byRow.get(0)?.cluster, null);
  });
});

describe("export --layout plain", () => {
  it("writes the text, vector, fate and input columns of every row, as Polars reads them", async () => {
    const out = join(folder, "plain");
    const records = ["one text", "one text", "another of them", ",,,"].map((text, i) => ({ text, note: `note ${i}` }));
    await dedup([writeJsonl(`${out}.jsonl`, records)], out);
    const to = join(folder, "plain.parquet");
    const { code, stdout } = await run("dedup", ["export", out, "--to", to]);
    assert.equal(code, 0);
    const rows = pl.readParquet(to).toRecords() as Record<string, unknown>[];
    assert.deepEqual(Object.keys(rows[0]), [
      ...["row", "text", "vector", "cluster", "cluster_terms", "fate", "kept_row", "similarity", "note"],
    ]);
    const store = readTable(out, "embeddings.arrow").getChild("embedding");
    const positions = new Map(
      ["kept.arrow", "removed.arrow"].flatMap((name) => {
        const table = readTable(out, name);
        return numbers(table, "_row").map((row, i) => [row, numbers(table, "_vector")[i]] as const);
      }),
    );
    assert.equal(rows.length, records.length);
    let vectorless = 0;
    for (const { row, text, note, vector } of rows) {
      assert.deepEqual({ text, note }, records[Number(row)]);
      const position = positions.get(Number(row)) ?? -1;
      if (position < 0) vectorless++;
      const expected = position < 0 ? null : Array.from(store?.get(position) as Iterable<number>);
      assert.deepEqual(vector === null ? null : Array.from(vector as Iterable<number>), expected);
    }
    assert.equal(stdout.includes("without a vector"), vectorless > 0);
  });
});

describe("export of a run with references", () => {
  it("says in which folder the kept row of each row is, and gives no cluster by a number of another folder", async () => {
    const [first, second] = [join(folder, "night-1"), join(folder, "night-2")];
    const rows = (...texts: string[]) => texts.map((text, i) => ({ text, note: `note ${i}` }));
    await dedup([writeJsonl(`${first}.jsonl`, rows("rain all day", "one text of the first night"))], first);
    const texts = rows("tea", "one text of the first night", "iron and salt", "iron and salt");
    await dedup([writeJsonl(`${second}.jsonl`, texts)], second, { against: [first] });
    await cluster({ inputs: second, out: second, k: 2 });
    const to = join(folder, "night-2.parquet");
    await exportFolder({ folder: second, to, layout: "plain", threads: 1, reporter: silent });
    const found = pl.readParquet(to).toRecords() as Record<string, unknown>[];
    const byRow = new Map(found.map((row) => [Number(row.row), row]));
    assert.deepEqual(
      [0, 1, 2, 3].map((row) => {
        const { fate, kept_row, kept_in, cluster } = byRow.get(row) ?? {};
        return [fate, kept_row === null ? null : Number(kept_row), kept_in, typeof cluster];
      }),
      [
        ["kept", null, null, "number"],
        ["removed: exact", 1, first, "object"],
        ["kept", null, null, "number"],
        ["removed: exact", 2, null, "number"],
      ],
    );
  });
});

describe("export refuses, with the cure and the code", () => {
  for (const [to, message] of [
    ["qdrant://localhost:6333/texts", /no export to qdrant:\/\/; expected milvus:.* or the path of a Parquet file/],
    ["rows.csv", /expected a path that ends in .parquet/],
    ["kept.parquet", /has the name of a result/],
  ] as const) {
    it(to, () => assert.throws(() => checkExport({ to, layout: "plain", deleteRemoved: false }), message));
  }

  it("a target that cannot be written, and an input of the run", async () => {
    const out = join(folder, "own");
    const input = join(folder, "own.parquet");
    pl.DataFrame({ text: ["one text", "another"] }).writeParquet(input);
    const before = readFileSync(input);
    const blocked = join(folder, "blocked.parquet");
    mkdirSync(`${blocked}.part`);
    await dedup([input], out);
    for (const [to, message] of [
      [join(folder, "nowhere", "rows.parquet"), /--to .*: the folder .*nowhere does not exist/],
      [blocked, /--to .* cannot be written: .*; choose a folder that you may write to/],
      [input, /is an input of that run and would be overwritten; choose another name/],
    ] as const) {
      const { code, stderr } = await run("dedup", ["export", out, "--to", to, "--layout", "embedding-atlas"]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.ok(!stderr.includes("map:"), "nothing was computed before");
    }
    assert.deepEqual(readFileSync(input), before);
  });

  it("a folder that is none of bge-dedup's, and another layout", async () => {
    const to = join(folder, "none.parquet");
    const none = await run("dedup", ["export", join(folder, "none"), "--to", to, "--layout", "embedding-atlas"]);
    assert.equal(none.code, 3);
    const layout = await run("dedup", ["export", folder, "--to", to, "--layout", "nothing"]);
    assert.equal(layout.code, 2);
    assert.match(layout.stderr, /embedding-atlas/);
    assert.equal(existsSync(to), false);
  });
});
