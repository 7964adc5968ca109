import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { FailedRunError, InputError, UsageError } from "../../src/errors.js";
import { openArrowTable } from "../../src/io/arrow/table.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { openExplainer } from "../../src/run/explain.js";
import type { ExplainedRemoved } from "../../src/run/explanation.js";
import { nearestKept } from "../../src/run/read/nearest-kept.js";
import { readRejected } from "../../src/run/read/rejected-row.js";
import type { VectorReader } from "../../src/vectors/reader.js";
import { explain, naiveCosines, rowsOf } from "./explained.js";
import { dedup, readTable, silent, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const out = join(folder, "out");
const angles = join(folder, "angles");

const SENTENCES = [
  "how do I reset my password for this account",
  "where is the parcel of my order",
  "退款三天没有到账怎么办，我要投诉",
  "an invoice without tax for the whole team",
  "上联：泰山黄山赵本山，如何对下联",
];

/** Sentences with endings that change a little or a number, copies, other cases, and records without a text. */
const RECORDS = Array.from({ length: 240 }, (_, i) => {
  if (i % 37 === 5) return { id: i, text: i };
  const sentence = SENTENCES[i % SENTENCES.length];
  const ending = ["", "", "!", ` ${i % 4}`, " please", ` again ${"so ".repeat(i % 3)}`, " 请", "?!"][(i * 7) % 8];
  return { id: `r-${i >> 1}`, text: i % 11 === 3 ? (sentence + ending).toUpperCase() : sentence + ending };
});

before(async () => {
  const inputs = [
    writeJsonl(join(folder, "a.jsonl"), RECORDS.slice(0, 100)),
    writeJsonl(join(folder, "b.jsonl"), RECORDS.slice(100)),
  ];
  const options = {
    threshold: 0.8,
    idField: "id",
    keep: "longest",
    guards: { numbers: true, negation: false, names: false },
  };
  await dedup(inputs, out, options);
  // Unit vectors in a plane, so that the cosine of two rows is that of the difference of their angles.
  const degrees = [0, 15, 30, 45, 33, 200];
  const file = writeJsonl(
    join(folder, "angles.jsonl"),
    degrees.map((d) => ({ v: [Math.cos((d * Math.PI) / 180), Math.sin((d * Math.PI) / 180)] })),
  );
  await dedup([file], angles, { threshold: Math.cos((20 * Math.PI) / 180), vectorField: "v" });
});

describe("the explanation of a row", () => {
  it("says of every row what the tables say, with the cosine of the stored vectors and its whole group", async () => {
    const { kept, removed } = rowsOf(out);
    const cosine = naiveCosines(out);
    const explainer = await openExplainer({ folder: out, reporter: silent });
    const reasons = new Set<string>();
    for (let row = 0; row < RECORDS.length; row++) {
      const [found] = (await explainer.explain([String(row)])).rows;
      assert.deepEqual(found.origin, {
        input: join(folder, row < 100 ? "a.jsonl" : "b.jsonl"),
        record: (row % 100) + 1 + (row >= 200 ? 100 : 0),
      });
      const stays = kept.find((other) => other.row === row);
      const goes = removed.find((other) => other.row === row);
      assert.equal(found.fate, stays !== undefined ? "kept" : goes !== undefined ? "removed" : "rejected");
      if (found.fate === "rejected") continue;
      assert.deepEqual([found.text, found.id], [(stays ?? goes)?.text, RECORDS[row].id]);
      const keeper = goes?.keptRow ?? row;
      const members = removed.filter(({ keptRow }) => keptRow === keeper);
      const count = (reason: string) => members.filter((member) => member.reason === reason).length;
      const { first, ...counts } = found.group;
      assert.deepEqual(counts, {
        kept_row: keeper,
        size: members.length + 1,
        exact: count("exact"),
        normalized: count("normalized"),
        semantic: count("semantic"),
      });
      assert.deepEqual(
        first.map((member) => member.row),
        members.slice(0, 5).map((member) => member.row),
      );
      if (found.fate === "kept" || goes === undefined) continue;
      reasons.add(found.reason);
      const keptRow = kept.find((other) => other.row === keeper);
      assert.equal(found.kept.text, keptRow?.text);
      assert.equal(found.cosine, cosine(goes.vector, keptRow?.vector ?? -1));
      const copies = removed.filter(({ vector, row: other }) => vector === goes.vector && other !== row);
      assert.equal(found.copies.count, found.reason === "semantic" ? copies.length : 0);
      for (const copy of found.copies.rows) assert.ok(copies.some((other) => other.row === copy));
    }
    await explainer.close();
    assert.deepEqual([...reasons].sort(), ["exact", "normalized", "semantic"]);
  });

  it("gives a rejected row its line, its error and the record as received", async () => {
    const [found] = (await explain(out, [116])).rows;
    assert.ok(found.fate === "rejected");
    assert.deepEqual(found.record, {
      source: join(folder, "b.jsonl"),
      line: 17,
      error: 'text field "text" holds the number 116, expected a string',
      raw: '{"id":116,"text":116}',
    });
  });

  it("finds a reject though those of a server stand at the end of the file", async () => {
    const path = join(folder, "rejects.jsonl");
    const lines = [
      ["b", 9],
      ["c", 1],
      ["a", 40],
      ["b", 2],
      ["b", 30],
    ].map(([source, line]) => ({ source, line }));
    writeJsonl(path, lines);
    const inputs = [{ name: "a" }, { name: "b" }, { name: "c" }];
    const found = [];
    for (let nth = 0; nth < 6; nth++) found.push(await readRejected({ path, nth, inputs }));
    assert.deepEqual(found, [lines[2], lines[3], lines[0], lines[4], lines[1], undefined]);
  });

  it("says so where the rejects cannot be read or are damaged", async () => {
    const path = join(folder, "damaged-rejects.jsonl");
    writeFileSync(path, '{"source":"a","line":1}\n{"source":"a","li');
    const refused = (message: RegExp) => (error: unknown) => error instanceof InputError && message.test(error.message);
    await assert.rejects(readRejected({ path, nth: 0, inputs: [] }), refused(/^line 2 of .* is damaged/));
    await assert.rejects(readRejected({ path: folder, nth: 0, inputs: [] }), refused(/^cannot read /));
  });

  it("names the row from which a guard alone keeps a row apart, and in what the texts differ", async () => {
    const guarded = readTable(out, "guarded.arrow").toArray();
    assert.ok(guarded.length > 0);
    for (const { _row, _guarded_from } of guarded as { _row: bigint; _guarded_from: bigint }[]) {
      const [found] = (await explain(out, [String(_row)])).rows;
      assert.ok(found.fate === "kept" && found.guarded_from !== undefined);
      assert.equal(found.guarded_from.row, Number(_guarded_from));
      assert.ok((found.guarded_from.cosine ?? 0) >= 0.8);
      const digits = (text: string | null) => text?.match(/\d+/g) ?? [];
      assert.deepEqual(found.guarded_from.differs, [
        { guard: "numbers", onlyFirst: digits(found.text), onlySecond: digits(found.guarded_from.text) },
      ]);
    }
  });
});

describe("the nearest kept rows", () => {
  it("are those of a plain scan over all kept vectors", async () => {
    const { kept } = rowsOf(out);
    const cosine = naiveCosines(out);
    const explainer = await openExplainer({ folder: out, reporter: silent });
    for (const asked of kept.slice(0, 8)) {
      const expected = kept
        .filter(({ row }) => row !== asked.row)
        .map(({ row, vector }) => ({ row, cosine: cosine(asked.vector, vector) }))
        .sort((a, b) => b.cosine - a.cosine || a.row - b.row)
        .slice(0, 5);
      const found = await explainer.nearest(asked.row, 5);
      assert.deepEqual(
        found?.map(({ row, cosine, below }) => ({ row, cosine, below })),
        expected.map((near) => ({ ...near, below: 0.8 - near.cosine })),
      );
    }
    const [removed] = rowsOf(out).removed;
    assert.equal(await explainer.nearest(removed.row, 5), undefined);
    await explainer.close();
  });

  it("cut short while vectors are being read, wait for them, so that nothing fails after the end", async () => {
    const kept = await openArrowTable(join(out, "kept.arrow"));
    const stop = new AbortController();
    const dim = 1 << 18;
    let pieces = 0;
    let reading = false;
    const vectors: VectorReader = {
      count: 1000,
      dim,
      async gather(_, into) {
        if (into.length === dim || ++pieces < 2) return;
        stop.abort(new Error("stopped"));
        reading = true;
        await setTimeout(20);
        reading = false;
        throw new Error("the file was closed");
      },
    };
    const engine = createOrtEngine({ threads: 1 });
    const search = nearestKept({
      kept,
      vectors,
      engine,
      row: -1,
      vector: 0,
      limit: 3,
      onProgress() {},
      signal: stop.signal,
    });
    await assert.rejects(search, /stopped/);
    assert.equal(pieces, 2);
    assert.equal(reading, false);
    await kept.close();
  });
});

describe("the explanation of two rows", () => {
  const verdict = async (folder: string, a: number, b: number) => (await explain(folder, [a, b])).pair?.verdict;

  it("follows from their angles where vectors are given", async () => {
    assert.equal(await verdict(angles, 0, 1), "merged");
    assert.equal(await verdict(angles, 0, 2), "below");
    assert.equal(await verdict(angles, 1, 2), "earlier", "15 degrees apart, but row 1 goes on account of row 0");
    assert.equal(await verdict(angles, 1, 4), "no-chain", "18 degrees apart, on account of rows 0 and 2");
    assert.equal(await verdict(angles, 3, 4), "same-group", "both on account of row 2");
    const { pair, rows } = await explain(angles, [0, 2]);
    assert.ok(Math.abs((pair?.cosine ?? 0) - Math.cos(Math.PI / 6)) < 1e-6);
    assert.deepEqual([rows[0].fate === "kept" && rows[0].text, pair?.differs], [null, []]);
  });

  it("names guards, rows without a direction and rejected rows", async () => {
    const file = writeJsonl(join(folder, "few.jsonl"), [
      { text: "please tell me where my parcel of order 12 is" },
      { text: "please tell me where my parcel of order 13 is" },
      { text: "" },
      { text: null },
      { text: " " },
    ]);
    const few = join(folder, "few");
    await dedup([file], few, { threshold: 0.7, guards: { numbers: true, negation: false, names: false } });
    const { pair } = await explain(few, [0, 1]);
    assert.deepEqual(
      [pair?.verdict, pair?.differs],
      ["guarded", [{ guard: "numbers", onlyFirst: ["12"], onlySecond: ["13"] }]],
    );
    assert.deepEqual([await verdict(few, 0, 2), (await explain(few, [0, 2])).pair?.cosine], ["undirected", null]);
    assert.equal(await verdict(few, 2, 4), "merged");
    assert.equal(await verdict(few, 3, 0), "rejected");
  });
});

describe("a folder that cannot answer", () => {
  const rejects = (
    rows: readonly (number | string)[],
    kind: new (message: string) => Error,
    message: RegExp,
    of = out,
  ) => assert.rejects(explain(of, rows), (error: Error) => error instanceof kind && message.test(error.message));

  it("says which rows there are and how ids are named", async () => {
    await rejects(
      [240],
      InputError,
      /has no row 240: the run read 240 rows, numbered from 0 to 239; .* --id-field id$/,
    );
    await rejects(["r-999"], InputError, /no kept or removed row of \S+ has the id "r-999"/);
    await rejects(["r-4"], UsageError, /^2 rows have the id "r-4": 8, 9|9, 8; name one by its number/);
    await rejects(["five"], UsageError, /^five is no number of a row: the run read 6 rows, .* by --id-field$/, angles);
    await rejects([7, 7], UsageError, /are the same row 7/);
  });

  it("is one of Parquet alone, one without tables, or none of ours", async () => {
    const parquet = join(folder, "parquet");
    await dedup([join(folder, "a.jsonl")], parquet, { formats: ["parquet"] });
    await rejects([0], InputError, /kept\.arrow is missing; explain needs the Arrow files/, parquet);
    await rejects([0], InputError, /cannot read .*manifest\.json.*name a folder that bge-dedup wrote/, folder);
  });

  it("of an older version, whose manifest says less, explains what it can, and names what it lacks", async () => {
    const copy = join(folder, "old");
    cpSync(out, copy, { recursive: true });
    const path = join(copy, "manifest.json");
    const { inputs: _, ...manifest } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    delete (manifest.options as { idField?: string }).idField;
    writeFileSync(path, JSON.stringify({ ...manifest, version: "0.1.0" }));
    const { rows, id_field } = await explain(copy, [3]);
    assert.deepEqual([rows[0].origin, id_field, "id" in rows[0]], [undefined, undefined, false]);
    writeFileSync(path, JSON.stringify({ ...manifest, threshold: undefined }));
    await rejects([3], InputError, /its threshold is missing or damaged; name a folder that bge-dedup wrote/, copy);
  });

  it("is written to at the same time", async () => {
    const copy = join(folder, "written");
    cpSync(out, copy, { recursive: true });
    const explainer = await openExplainer({ folder: copy, reporter: silent });
    const manifest = join(copy, "manifest.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"seed"', '"seed2"'));
    await assert.rejects(explainer.explain(["0"]), FailedRunError);
    await explainer.close();
    mkdirSync(join(copy, ".work"));
    writeFileSync(join(copy, ".work", "publish.json"), "{}");
    await rejects([0], InputError, /a publication into \S+ is under way or was cut short/, copy);
  });

  it("still explains without embeddings.arrow, by the stored similarity", async () => {
    const copy = join(folder, "bare");
    cpSync(out, copy, { recursive: true });
    rmSync(join(copy, "embeddings.arrow"));
    const semantic = rowsOf(out).removed.find(({ reason }) => reason === "semantic");
    assert.ok(semantic !== undefined);
    const [found] = (await explain(copy, [semantic.row])).rows as ExplainedRemoved[];
    assert.deepEqual([found.cosine, found.similarity], [undefined, semantic.similarity]);
    const [a, b] = rowsOf(out).kept;
    assert.equal((await explain(copy, [a.row, b.row])).pair?.verdict, "unmeasured");
  });
});
