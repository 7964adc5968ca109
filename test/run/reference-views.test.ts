import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { parquetReadObjects } from "hyparquet";
import { run } from "../cli/command-line.js";
import { dedup, silent, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const first = join(folder, "first");
const second = join(folder, "second");

const OLD = [
  "where is the parcel of order 12 please",
  "how do I reset my password",
  "where is the parcel of order 14 now",
];
const NEW = [
  "a text that nobody has written before",
  "where is the parcel of order 12 pleasex",
  "How do I reset my password",
  "where is the parcel of order 12 please!",
  "where is the parcel of order 15 now",
];

before(async () => {
  const guards = { numbers: true, negation: false, names: false };
  const [old, fresh] = [OLD, NEW].map((texts, n) =>
    writeJsonl(
      join(folder, `${n}.jsonl`),
      texts.map((text, i) => ({ text, id: `${n}-${i}` })),
    ),
  );
  await dedup([old], first, { threshold: 0.8, guards, idField: "id" });
  await dedup([fresh], second, { threshold: 0.8, guards, idField: "id", against: [first] });
});

describe("a result with references", () => {
  it("is explained: the kept row with its text and folder, the cosine, the rows that share it", async () => {
    const { stdout, code } = await run("dedup", ["explain", second, "1", "--json"]);
    assert.equal(code, 0);
    const { rows } = JSON.parse(stdout) as { rows: Record<string, never>[] };
    const [{ kept, cosine, similarity, group, reason }] = rows as unknown as [
      {
        kept: object;
        cosine: number;
        similarity: number;
        reason: string;
        group: { kept_row: number; kept_in: string; size: number; first: { row: number }[] };
      },
    ];
    assert.deepEqual(kept, { row: 0, in: first, id: "0-0", text: OLD[0] });
    assert.equal(reason, "semantic");
    assert.equal(Math.fround(cosine), similarity);
    assert.deepEqual([group.kept_row, group.kept_in, group.size], [0, first, 3]);
    assert.deepEqual(
      group.first.map(({ row }) => row),
      [1, 3],
    );
    const text = await run("dedup", ["explain", second, "2"]);
    assert.match(text.stdout, /row 2 \(id 1-2\): removed on account of row 1 \(id 0-1\) of .*first\n/);
    assert.match(text.stdout, /reason +normalized/);
    const pair = await run("dedup", ["explain", second, "1", "3"]);
    assert.match(pair.stdout, /yes: both go on account of row 0 of .*first, both as semantic/);
    const apart = await run("dedup", ["explain", second, "1", "2"]);
    assert.match(apart.stdout, /no: row 1 goes on account of row 0 of .*first and row 2 .* row 1 of .*first/);
  });

  it("explains from which row of a reference a guard keeps a row apart", async () => {
    const { stdout } = await run("dedup", ["explain", second, "4", "--nearest", "0"]);
    assert.match(stdout, /a guard alone keeps it apart from row 2 \(id 0-2\) of .*first: cosine 0\.\d+/);
    assert.match(stdout, /\n {2}row 2 of .*first +where is the parcel/);
    assert.match(stdout, /numbers differ: 15 against 14/);
  });

  it("lists groups of rows of references with their texts, by size and by similarity", async () => {
    for (const sort of ["size", "similarity"]) {
      const { stdout } = await run("dedup", ["groups", second, "--sort", sort, "--json"]);
      const { groups, removed, top } = JSON.parse(stdout) as {
        groups: number;
        removed: number;
        top: { kept: object; size: number; removed: { row: number }[] }[];
      };
      assert.deepEqual([groups, removed], [2, 3]);
      assert.deepEqual(top[0].kept, { row: 0, in: first, id: "0-0", text: OLD[0] });
      assert.deepEqual(
        top.map(({ size }) => size),
        [3, 2],
      );
      assert.deepEqual(
        top[1].removed.map(({ row }) => row),
        [2],
      );
    }
  });

  it("lists a group whose texts an earlier night removed: each text once, though none has a vector", async () => {
    const third = join(folder, "third");
    const texts = [NEW[1], NEW[1], NEW[3]];
    const input = writeJsonl(
      join(folder, "2.jsonl"),
      texts.map((text) => ({ text })),
    );
    await dedup([input], third, { threshold: 0.8, against: [first, second] });
    const { stdout } = await run("dedup", ["groups", third, "--json"]);
    const { top } = JSON.parse(stdout) as { top: { semantic: number; removed: { text: string }[] }[] };
    assert.deepEqual([top.length, top[0].semantic], [1, 3]);
    assert.deepEqual(top[0].removed.map(({ text }) => text).sort(), [NEW[3], NEW[1]]);
  });

  it("has a page, an export, clusters and a calibration, none of which takes its rows for other ones", async () => {
    const report = await run("dedup", ["report", second, "--json"]);
    assert.equal(report.code, 0, report.stderr);
    assert.deepEqual((JSON.parse(report.stdout) as { groups: object }).groups, { total: 2, shown: 2, with_texts: 2 });
    const clustered = await run("cluster", ["--k", "2", second, "-q"]);
    assert.equal(clustered.code, 0, clustered.stderr);
    const to = join(folder, "rows.parquet");
    assert.equal((await run("dedup", ["export", second, "--to", to])).code, 0);
    const bytes = readFileSync(to);
    const rows = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
      columns: ["row", "kept_row", "kept_in", "cluster"],
    });
    const byRow = new Map(rows.map((row) => [Number(row.row), row]));
    assert.deepEqual(
      [1, 2, 3].map((row) => [Number(byRow.get(row)?.kept_row), byRow.get(row)?.kept_in, byRow.get(row)?.cluster]),
      [
        [0, first, null],
        [1, first, null],
        [0, first, null],
      ],
    );
    assert.equal(byRow.get(0)?.kept_in, null);
    assert.notEqual(byRow.get(0)?.cluster, null);
    const calibrated = await run("dedup", ["calibrate", second, "--sample", "5", "--json"]);
    assert.equal(calibrated.code, 0, calibrated.stderr);
    assert.match(calibrated.stdout, /"--against","[^"]*first"/);
    assert.ok(existsSync(join(second, "clusters.arrow")));
    // Clusters of a reference leave it the same reference.
    assert.equal((await run("cluster", ["--k", "2", first, "-q"])).code, 0);
    const proved = await run("dedup", ["verify", second, "-q"]);
    assert.equal(proved.code, 0, proved.stderr);
    await dedup([join(folder, "1.jsonl")], join(folder, "fourth"), { against: [first], context: { reporter: silent } });
  });
});
