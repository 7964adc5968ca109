import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { parquetReadObjects } from "hyparquet";
import pl from "nodejs-polars";
import { dedup, numbers, outputBytes, readTable, testFolder, values, verify, writeJsonl } from "./folders.js";

const folder = testFolder();
const path = (name: string) => join(folder, name);

const LINES = [
  `{"text":"how do I reset my password","n":1}`,
  `{"text":"where is my parcel 🙂","n":2}`,
  `{"text":"how do I reset my password","n":3}`,
];
const CLEAN = `${LINES.join("\n")}\n`;

async function outputsOf(name: string, bytes: string | Buffer): Promise<Record<string, Buffer>> {
  writeFileSync(path(name), bytes);
  await dedup([path(name)], path(`out-${name}`));
  return outputBytes(path(`out-${name}`));
}

/** A stored frame of Zstandard: magic, header without a size, one raw block. */
function zstdStored(bytes: Buffer): Buffer {
  const block = Buffer.alloc(3);
  block.writeUIntLE((bytes.length << 3) | 1, 0, 3);
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]), block, bytes]);
}

describe("the same rows in another wrapping give the same outputs", () => {
  const wrappings: readonly [name: string, bytes: string | Buffer][] = [
    ["crlf.jsonl", CLEAN.replaceAll("\n", "\r\n")],
    ["bom.jsonl", `\ufeff${CLEAN}`],
    ["no-last-newline.ndjson", CLEAN.trimEnd()],
    ["blank-lines.jsonl", `\n\n${CLEAN.replace("\n", "\n \t\n\r\n")}\n\n`],
    ["gzip.jsonl.gz", gzipSync(CLEAN)],
    ["two-members.jsonl.gz", Buffer.concat([gzipSync(CLEAN.slice(0, 50)), gzipSync(CLEAN.slice(50))])],
    ["zstd.jsonl.zst", zstdStored(Buffer.from(CLEAN))],
  ];
  it("CRLF, a BOM, a missing last newline, blank lines, gzip, zstd", async () => {
    const plain = await outputsOf("plain.jsonl", CLEAN);
    for (const [name, bytes] of wrappings) assert.deepEqual(await outputsOf(name, bytes), plain, name);
  });

  it("standard input, a folder, a glob, and one file a row", async () => {
    const plain = await outputsOf("plain.jsonl", CLEAN);
    await dedup(["-"], path("out-stdin"), { context: { stdin: Readable.from([CLEAN.slice(0, 30), CLEAN.slice(30)]) } });
    assert.deepEqual(outputBytes(path("out-stdin")), plain);
    mkdirSync(path("parts/deep"), { recursive: true });
    // Written last first: the order of the names counts, not that on disk.
    for (const i of [2, 1, 0])
      writeFileSync(path(`parts/${i === 1 ? "deep" : `file${i}`}${i === 1 ? "/x" : ""}.jsonl`), LINES[i]);
    writeFileSync(path("parts/.hidden.jsonl"), LINES[0]);
    writeFileSync(path("parts/readme.txt"), "no rows");
    const { inputs } = JSON.parse(
      await dedup([path("parts")], path("out-folder")).then(() =>
        readFileSync(path("out-folder/manifest.json"), "utf8"),
      ),
    ) as { inputs: { name: string }[] };
    const names = inputs.map(({ name }) => name);
    assert.deepEqual(
      names,
      ["deep/x.jsonl", "file0.jsonl", "file2.jsonl"].map((name) => path(`parts/${name}`)),
    );
    assert.deepEqual(numbers(readTable(path("out-folder"), "kept.arrow"), "n"), [2, 1]);
    await dedup([path("parts/**/*.jsonl")], path("out-glob"));
    assert.deepEqual(outputBytes(path("out-glob")), outputBytes(path("out-folder")));
    await dedup([path("parts/file0.jsonl"), path("parts/deep/x.jsonl"), path("parts/file2.jsonl")], path("out-files"));
    assert.deepEqual(outputBytes(path("out-files")), plain);
  });
});

describe("unusual inputs", () => {
  it("bad lines are rejected with line and reason and keep their row number", async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${LINES[0]}\nnot json\n\n[1]\n{"n":1}\n{"text":null}\n{"text":{"a":"b"}}\n`),
      Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
      Buffer.from(`{"text":"\\ud800"}\n${LINES[1]}\n`),
    ]);
    writeFileSync(path("bad.jsonl"), bytes);
    const out = path("out-bad");
    const { counts } = await dedup([path("bad.jsonl")], out);
    assert.deepEqual([counts.read, counts.rejected, counts.kept], [9, 7, 2]);
    assert.deepEqual(numbers(readTable(out, "kept.arrow"), "_row"), [0, 8]);
    const rejects = readFileSync(join(out, "rejects.jsonl"), "utf8").trimEnd().split("\n");
    const lines = rejects.map((line) => JSON.parse(line) as { line: number; error: string; raw: string });
    assert.deepEqual(
      lines.map(({ line }) => line),
      [2, 4, 5, 6, 7, 8, 9],
    );
    assert.equal(lines[0].raw, "not json");
    assert.match(lines[2].error, /"text" is missing; the fields are "n"/);
    assert.ok((await verify(out)).ok);
  });

  it("one row, equal rows, rows without text", async () => {
    const cases: [name: string, text: string, kept: number, removed: number, rejected: number][] = [
      ["one", LINES[0], 1, 0, 0],
      ["equal", `${LINES[0]}\n`.repeat(3000), 1, 2999, 0],
      ["empty", `{"text":""}\n`.repeat(5), 1, 4, 0],
      ["spaces", `{"text":""}\n{"text":" "}\n{"text":"\\u200b"}\n`, 1, 2, 0],
    ];
    for (const [name, text, kept, removed, rejected] of cases) {
      writeFileSync(path(`${name}.jsonl`), text);
      const { counts } = await dedup([path(`${name}.jsonl`)], path(`out-${name}`));
      assert.deepEqual([counts.kept, counts.removed, counts.rejected], [kept, removed, rejected], name);
      const report = await verify(path(`out-${name}`));
      assert.ok(report.ok, report.violation);
    }
  });

  it("two text fields are joined by a newline, one of them may be missing; a dotted path reaches into records", async () => {
    const file = writeJsonl(path("fields.jsonl"), [
      { title: "reset", meta: { body: "how do I reset my password" } },
      { title: "how do I reset my password", meta: null },
      { meta: { body: "how do I reset my password" } },
      { title: "parcel", meta: { body: "where is it" } },
    ]);
    const both = { textFields: ["title", "meta.body"], threshold: 1 };
    const { counts } = await dedup([file], path("out-fields"), both);
    assert.deepEqual([counts.kept, counts.exact], [3, 1]);
    assert.equal((await verify(path("out-fields"))).violation, undefined);
    const nowhere = await dedup([file], path("out-nowhere"), { ...both, textFields: ["title", "nowhere"] });
    assert.deepEqual([nowhere.counts.kept, nowhere.counts.rejected], [3, 1]);
    assert.equal((await verify(path("out-nowhere"))).violation, undefined);
  });

  it("columns named like ours are renamed, none is lost", async () => {
    const record = { text: "one", _row: "a", _vector: [1], _group_size: null, _reason: "r", _row_in: 5, cluster: 3 };
    await dedup([writeJsonl(path("ours.jsonl"), [record])], path("out-ours"));
    const kept = readTable(path("out-ours"), "kept.arrow");
    assert.equal(values(kept, "_row_in_in")[0], "a");
    assert.equal(Number(values(kept, "_row_in")[0]), 5);
    assert.deepEqual(numbers(kept, "_row"), [0]);
    assert.equal(values(kept, "_reason_in")[0], "r");
    assert.equal(Number(values(kept, "cluster")[0]), 3);
    assert.equal(new Set(kept.schema.fields.map(({ name }) => name)).size, kept.schema.fields.length);
  });

  it("thousands of columns come out as they went in", async () => {
    const wide = (shift: number) => Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`c${i}`, i + shift]));
    const file = writeJsonl(path("wide.jsonl"), [
      { text: "one", ...wide(0) },
      { text: "two", ...wide(1) },
    ]);
    await dedup([file], path("out-wide"));
    const kept = readTable(path("out-wide"), "kept.arrow");
    assert.deepEqual(numbers(kept, "c4999"), [4999, 5000]);
    assert.equal(kept.schema.fields.length, 5004);
  });

  it("the same file twice gives every row of the second as a copy", async () => {
    writeFileSync(path("twice.jsonl"), CLEAN);
    const { counts } = await dedup([path("twice.jsonl"), path("twice.jsonl")], path("out-twice"));
    assert.deepEqual([counts.read, counts.kept, counts.exact], [6, 2, 4]);
  });
});

describe("outputs in every format", () => {
  it("Arrow, JSONL and Parquet hold the same rows, types intact in an independent reader", async () => {
    const file = writeJsonl(path("types.jsonl"), [
      { text: "one", big: 0, list: [1, 2], deep: { a: "x", b: [null, true] }, f: 1.5, s: "" },
      { text: "two", big: 1, list: [], deep: null, f: null, s: "文字 🙂" },
      { text: "one", big: 2, list: null, deep: { a: null, b: [] }, f: -0.25, s: null },
    ]);
    // JSON.stringify would round it.
    writeFileSync(file, readFileSync(file, "utf8").replace(`"big":1`, `"big":9007199254740993`));
    const out = path("out-types");
    await dedup([file], out, { formats: ["arrow", "jsonl", "parquet"] });
    const jsonl = readFileSync(join(out, "kept.jsonl"), "utf8");
    assert.match(jsonl, /"big":9007199254740993/);
    const fromJsonl = jsonl
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const bytes = readFileSync(join(out, "kept.parquet"));
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const fromParquet = await parquetReadObjects({ file: buffer });
    const plain = (rows: readonly unknown[]) =>
      JSON.parse(
        JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? Number(value) : (value ?? null))),
      ) as unknown;
    assert.deepEqual(plain(fromParquet), fromJsonl);
    assert.deepEqual(fromJsonl[1].deep, null);
    const polars = pl.readIPC(readFileSync(join(out, "kept.arrow")));
    assert.deepEqual(polars.getColumn("text").toArray(), ["one", "two"]);
    assert.equal(String(polars.getColumn("big").dtype), String(pl.Int64));
    // As text, since this binding's own numbers have 53 bits at most.
    assert.deepEqual(polars.getColumn("big").cast(pl.Utf8).toArray(), ["0", "9007199254740993"]);
    assert.equal(pl.readIPC(readFileSync(join(out, "removed.arrow"))).height, 1);
  });

  it("are inputs again, all formats in one run", async () => {
    const file = writeJsonl(path("again.jsonl"), [
      { text: "one", n: 1 },
      { text: "two", n: 2 },
    ]);
    const formats = ["arrow", "jsonl", "parquet"] as const;
    await dedup([file], path("out-once"), { formats });
    const inputs = formats.map((format) => path(`out-once/kept.${format}`));
    const { counts } = await dedup([file, ...inputs], path("out-again"), { formats });
    assert.deepEqual([counts.read, counts.kept, counts.exact], [8, 2, 6]);
    const removed = readTable(path("out-again"), "removed.arrow");
    assert.deepEqual(numbers(removed, "_row"), [2, 3, 4, 5, 6, 7]);
    assert.deepEqual(numbers(removed, "_row_in"), [0, 1, 0, 1, 0, 1]);
    assert.deepEqual(numbers(removed, "n"), [1, 2, 1, 2, 1, 2]);
    const report = await verify(path("out-again"));
    assert.ok(report.ok, report.violation);
  });
});
