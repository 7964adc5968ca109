import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { runCluster } from "../../src/run/cluster.js";
import { clusterOptions } from "../../src/run/flags/cluster.js";
import type { Format } from "../../src/run/options.js";
import { dedup, noting, numbers, readTable, silent, testFolder, values, verify, writeJsonl } from "./folders.js";

const folder = testFolder();

/** Columns of a table as name, type and whether it may be null. */
const columnsOf = (out: string, table = "kept.arrow") =>
  readTable(out, table).schema.fields.map(({ name, type, nullable }) => `${name}: ${type}${nullable ? "?" : ""}`);

/**
 * Runs six nights. The input of each is the result of the night before, from its `tables`, and one new record.
 * @returns the output folder of each night
 */
async function nights(name: string, format: Format, first: object, tables: readonly string[], keep = "first") {
  const outs: string[] = [];
  for (let night = 0; night < 6; night++) {
    const added = writeJsonl(join(folder, `${name}-${night}.jsonl`), [
      { ...(night === 0 ? first : {}), text: `the first text of night ${"abcdef"[night]}`, n: night },
      { text: "one text of every night", n: 10 + night },
    ]);
    const before = outs.at(-1);
    const inputs = before === undefined ? [] : tables.map((table) => join(before, `${table}.${format}`));
    const out = join(folder, `${name}-out-${night}`);
    await dedup([...inputs, added], out, {
      formats: ["arrow", ...(format === "arrow" ? [] : [format])],
      keep,
      threshold: 1,
    });
    const report = await verify(out);
    assert.ok(report.ok, report.violation);
    outs.push(out);
  }
  return outs;
}

describe("results that are inputs again, night after night", () => {
  for (const format of ["arrow", "parquet", "jsonl"] as const) {
    it(`keep their columns (${format})`, async () => {
      const outs = await nights(format, format, { source: "site" }, ["kept"]);
      const names = ["_row_in", "source", "text", "n", "_vector_in", "_group_size_in"];
      for (const out of outs.slice(1)) {
        assert.deepEqual(columnsOf(out), columnsOf(outs[1]), out);
        assert.deepEqual(
          readTable(out, "kept.arrow")
            .schema.fields.map(({ name }) => name)
            .filter((name) => !["_row", "_vector", "_group_size"].includes(name))
            .sort(),
          [...names].sort(),
        );
      }
    });
  }

  it("name by _row_in the row of the run before, also of a row that came in later", async () => {
    const outs = await nights("rows", "arrow", {}, ["kept"]);
    for (const [night, out] of outs.slice(1).entries()) {
      const kept = readTable(out, "kept.arrow");
      const before = readTable(outs[night], "kept.arrow");
      const rowOf = new Map(values(before, "text").map((text, i) => [text, numbers(before, "_row")[i]]));
      assert.deepEqual(
        numbers(kept, "_row_in"),
        values(kept, "text").map((text) => rowOf.get(text) ?? -1),
      );
      assert.equal(kept.numRows, night + 3);
    }
  });

  it("keep their columns where kept and removed rows are fed back together", async () => {
    const outs = await nights("both", "arrow", {}, ["kept", "removed"]);
    for (const out of outs.slice(1)) {
      assert.deepEqual(columnsOf(out, "removed.arrow"), columnsOf(outs[1], "removed.arrow"));
      assert.ok(columnsOf(out, "removed.arrow").includes("_reason_in: Dictionary<Int8, Utf8>?"));
    }
  });

  it("keep a column of the user's that is named like one of ours", async () => {
    const outs = await nights("own", "arrow", { _row: "mine", _vector_in: 7, _group_size_in: 8 }, ["kept"]);
    for (const out of outs.slice(2)) assert.deepEqual(columnsOf(out), columnsOf(outs[2]));
    for (const out of outs) {
      const kept = readTable(out, "kept.arrow");
      const mine = values(kept, "_row_in");
      assert.equal(mine.indexOf("mine"), values(kept, "text").indexOf("the first text of night a"), out);
      assert.equal(numbers(kept, "_vector_in")[mine.indexOf("mine")], 7);
      assert.equal(numbers(kept, "_group_size_in")[mine.indexOf("mine")], 8);
    }
  });

  it("keep a column of the run before that a flag names", async () => {
    const outs = await nights("named", "arrow", {}, ["kept"]);
    const out = join(folder, "named");
    await dedup([join(outs[5], "kept.arrow")], out, { keep: "max:_row_in", idField: "_vector_in" });
    const names = columnsOf(out).map((column) => column.split(":")[0]);
    for (const name of ["_row_in", "_row_in_in", "_vector_in", "_vector_in_in"]) assert.ok(names.includes(name), name);
    assert.equal((await verify(out)).violation, undefined);
  });

  it("say which columns are left out, and nothing the first time", async () => {
    const outs = await nights("said", "arrow", {}, ["kept"]);
    const [once, twice] = [noting(), noting()];
    await dedup([join(outs[0], "kept.arrow")], join(folder, "said-once"), { context: { reporter: once } });
    await dedup([join(outs[1], "kept.arrow")], join(folder, "said-twice"), { context: { reporter: twice } });
    const about = (notes: readonly string[]) => notes.filter((note) => note.includes("results of bge-dedup"));
    assert.deepEqual(about(once.notes), []);
    assert.equal(about(twice.notes).length, 1);
    assert.match(about(twice.notes)[0], /take the place of older ones \(_row_in, _vector_in, _group_size_in\)/);
    const bytes = readFileSync(join(folder, "said-twice", "kept.arrow"), "latin1");
    assert.ok(!bytes.includes("_in_in"));
  });

  /** Names of the columns of clusters.arrow in a folder. */
  const clustersOf = (out: string) => readTable(out, "clusters.arrow").schema.fields.map(({ name }) => name);
  const clusterInto = (input: string, out: string) =>
    runCluster(clusterOptions({ k: 2, out, model: "builtin" }, [input]), {
      reporter: silent,
      stdin: Readable.from([]),
    });

  it("keep their columns where clusters are clustered again and again", async () => {
    // The column that the user calls cluster stays, whatever comes after it.
    const texts = ["red apple", "red apples", "blue whale", "blue whales"];
    let input = writeJsonl(
      join(folder, "own-cluster.jsonl"),
      texts.map((text, n) => ({ text, cluster: `mine ${n}` })),
    );
    const names: string[][] = [];
    for (let night = 0; night < 5; night++) {
      const out = join(folder, `clustered-${night}`);
      await clusterInto(input, out);
      input = join(out, "clusters.arrow");
      names.push(clustersOf(out));
      assert.deepEqual(values(readTable(out, "clusters.arrow"), "cluster_in"), [
        "mine 0",
        "mine 1",
        "mine 2",
        "mine 3",
      ]);
    }
    const ours = ["_row", "cluster", "distance", "representative", "outlier"];
    assert.deepEqual([...names[0]].sort(), [...ours, "cluster_in", "text"].sort());
    const before = ["_row_in", "cluster_in", "cluster_in_in", "distance_in", "representative_in", "outlier_in"];
    for (const columns of names.slice(1)) assert.deepEqual([...columns].sort(), [...ours, ...before, "text"].sort());
  });

  it("keep their columns where clusters go through bge-dedup and back", async () => {
    let input = writeJsonl(join(folder, "daily.jsonl"), [
      { text: "red apple" },
      { text: "blue whale" },
      { text: "grey owl" },
    ]);
    const names: string[][] = [];
    for (let night = 0; night < 5; night++) {
      const out = join(folder, `daily-${night}`);
      await dedup([input], out, { threshold: 1 });
      await clusterInto(out, out);
      input = join(out, "clusters.arrow");
      names.push(clustersOf(out));
    }
    for (const columns of names.slice(3)) assert.deepEqual(columns, names[2]);
    assert.ok(
      names[2].every((name) => !name.includes("_in_in")),
      names[2].join(),
    );
  });
});
