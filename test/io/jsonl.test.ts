import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { Field, Float64, Schema, Utf8 } from "apache-arrow";
import { InputError } from "../../src/errors.js";
import { openJsonl } from "../../src/io/jsonl/jsonl.js";
import type { RecordSource } from "../../src/io/record-file.js";
import { RejectedRecords } from "../../src/io/rejected-records.js";
import { jsonTextField } from "../../src/io/schema/infer-schema.js";
import type { Reject, ScanOptions } from "../../src/io/source.js";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "bge-dedup-jsonl-"));
});
after(() => rm(folder, { recursive: true }));

async function source(content: string | Buffer, compression?: "gzip" | "zstd"): Promise<RecordSource> {
  const path = join(folder, "input");
  await writeFile(path, content);
  return openJsonl({ path, name: "input.jsonl", compression });
}

const TEXT: ScanOptions = { textFields: ["text"] };

/** What the scan of a source has rejected. */
const scanned = new WeakMap<RecordSource, RejectedRecords>();

async function scan(from: RecordSource, options = TEXT) {
  const texts: (string | null | undefined)[] = [];
  const order: unknown[] = [];
  const rejects: Reject[] = [];
  const batches: number[] = [];
  let bytesRead = 0;
  const rejected = new RejectedRecords(from.name);
  scanned.set(from, rejected);
  for await (const batch of from.scan(options)) {
    assert.equal(batch.firstRecord, texts.length);
    assert.ok(batch.bytesRead >= bytesRead && batch.bytesRead <= from.byteLength);
    bytesRead = batch.bytesRead;
    texts.push(...batch.texts);
    order.push(...(batch.order ?? []));
    rejects.push(...batch.rejects);
    rejected.add(batch.texts.length, batch.rejects);
    batches.push(batch.texts.length);
  }
  return { texts, order, rejects, batches };
}

async function read(from: RecordSource, schema?: Schema) {
  const wanted = schema ?? (await from.schema());
  const records: number[] = [];
  const rows: Record<string, unknown>[] = [];
  const batches: number[] = [];
  for await (const batch of from.read({ schema: wanted, rejected: scanned.get(from) })) {
    assert.deepEqual(batch.columns.schema.fields.map(String), wanted.fields.map(String));
    assert.equal(batch.records.length, batch.columns.numRows);
    records.push(...batch.records);
    batches.push(batch.columns.numRows);
    for (const row of batch.columns.toArray()) rows.push(row.toJSON());
  }
  return { records, rows, batches };
}

const GOOD = '{"text":"a","id":9007199254740993}\r\n\n{"text":"b","id":2,"extra":[1.5]}\n  \n{"text":"c"}';

test("records are read with their types, blank lines are none", async () => {
  const from = await source(`\ufeff${GOOD}`);
  const { texts, rejects } = await scan(from);
  assert.deepEqual([texts, rejects], [["a", "b", "c"], []]);
  const fields = (await from.schema()).fields.map(String);
  assert.deepEqual(fields, ["text: Utf8", "id: Int64", "extra: List<Float64>"]);
  const { records, rows } = await read(from);
  assert.deepEqual(records, [0, 1, 2]);
  assert.deepEqual(
    rows.map(({ id }) => id),
    [9007199254740993n, 2n, null],
  );
});

test("bad lines are rejected with line, reason and raw, by both passes, and the others are read", async () => {
  const invalid = Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xff]), Buffer.from('"}\n')]);
  const lines = [
    '{"text":"good 1","n":1}',
    "",
    '{"text":',
    "[1]",
    "5",
    "12345678901234567890",
    "null",
    '{"title":"t","n":"never seen"}',
    '{"text":null}',
    '{"text":7}',
    '{"text":"\\ud83d"}',
    '{"text":"x","\\ud800":1}',
    "[".repeat(100_000),
    '{"text":"good 2","n":2}',
  ];
  const from = await source(
    Buffer.concat([Buffer.from(`${lines.join("\r\n")}\n`), invalid, Buffer.from('{"text":"end"}')]),
  );
  const { texts, rejects } = await scan(from);
  assert.deepEqual(
    rejects.map(({ record, line, error }) => [record, line, error.replace(/(not valid JSON: ).*/, "$1")]),
    [
      [1, 3, "not valid JSON: "],
      [2, 4, "not a JSON object: [1]"],
      [3, 5, "not a JSON object: 5"],
      [4, 6, "not a JSON object: 12345678901234567890"],
      [5, 7, "not a JSON object: null"],
      [6, 8, 'text field "text" is missing; the fields are "title", "n"'],
      [7, 9, 'text field "text" is null; the fields are "text"'],
      [8, 10, 'text field "text" holds the number 7, expected a string'],
      [9, 11, 'text field "text" holds a lone surrogate, expected valid Unicode'],
      [10, 12, "a field name holds a lone surrogate, expected valid Unicode"],
      [11, 13, "not valid JSON: "],
      [13, 15, "line is not valid UTF-8"],
    ],
  );
  assert.match(rejects[10].error, /nested deeper than 10000 levels/);
  assert.deepEqual(
    rejects.slice(0, 10).map(({ raw }) => raw),
    lines.slice(2, 12),
  );
  assert.deepEqual(rejects[11], {
    record: 13,
    line: 15,
    error: "line is not valid UTF-8",
    raw: invalid.subarray(0, -1).toString("base64"),
    rawBase64: true,
  });
  assert.deepEqual([texts[0], texts[1], texts[12], texts[14]], ["good 1", null, "good 2", "end"]);
  const { records, rows } = await read(from);
  assert.deepEqual(records, [0, 12, 14]);
  // The rejected record with a string in "n" has no say in its type.
  assert.deepEqual(
    rows.map(({ n }) => n),
    [1n, 2n, null],
  );
});

test("a field that turns to a string in the last line is JSON text from the first", async () => {
  const lines = Array.from({ length: 10_000 }, (_, i) => `{"text":"t${i}","v":${i}}`);
  const from = await source(`${lines.join("\n")}\n{"text":"last","v":"x"}`);
  await scan(from);
  const { rows } = await read(from);
  assert.deepEqual([rows[0].v, rows[9999].v, rows[10_000].v], ["0", "9999", '"x"']);
});

test("every digit survives: wide integers, floats beyond float64, lone surrogates", async () => {
  const from = await source(
    '{"text":"1","i":18446744073709551616,"f":1e400,"s":"\\ud800","z":-0,"p":1.0}\n{"text":"2","i":1,"f":0.5,"s":"x","z":1,"p":2}',
  );
  await scan(from);
  const { rows } = await read(from);
  assert.deepEqual(rows, [
    { text: "1", i: "18446744073709551616", f: "1e400", s: '"\\ud800"', z: -0, p: 1 },
    { text: "2", i: "1", f: "0.5", s: '"x"', z: 1, p: 2 },
  ]);
});

test("compressed files give the same records, and the hash is of the file as stored", async () => {
  const stored = gzipSync(GOOD);
  const plain = await scan(await source(GOOD));
  const from = await source(stored, "gzip");
  assert.deepEqual(await scan(from), plain);
  assert.equal(from.sha256, createHash("sha256").update(stored).digest("hex"));
  // The same lines as the zstd command line compresses them.
  const frame =
    "KLUv/QRYRQIAxAN7InRleHQiOiJhIiwiaWQiOjkwMDcxOTkyNTQ3NDA5OTN9DQoKYjIsImV4dHJhIjpbMS41XX0KICBjIn0DAMEOIIuiQj0B+LDxgA==";
  const zstd = await source(Buffer.from(frame, "base64"), "zstd");
  assert.deepEqual(await scan(zstd), plain);
  assert.equal((await read(zstd)).rows.length, 3);
});

test("a wider schema fills missing columns with nulls and casts exactly", async () => {
  const from = await source('{"text":"a","n":1}\n{"text":"b","n":null}\n');
  const schema = new Schema([
    new Field("other", new Utf8(), true),
    new Field("n", new Float64(), true),
    jsonTextField("text"),
  ]);
  assert.deepEqual((await read(from, schema)).rows, [
    { other: null, n: 1, text: '"a"' },
    { other: null, n: null, text: '"b"' },
  ]);
});

test("order values keep their kind", async () => {
  const lines = ["1", "12345678901234567890", "2.0", '"s"', "true", "null", "[1]"].map(
    (v) => `{"text":"t","m":{"at":${v}}}`,
  );
  const from = await source(`${lines.join("\n")}\n{"text":"t"}\nbad`);
  const { order } = await scan(from, { textFields: ["text"], orderField: "m.at" });
  assert.deepEqual(order, [1, 12345678901234567890n, 2, "s", true, null, null, null, null]);
});

test("batches are bounded by rows, by bytes and by cells", async () => {
  const rows = await source(Array.from({ length: 20_000 }, (_, i) => `{"text":"${i}"}`).join("\n"));
  assert.deepEqual((await scan(rows)).batches, [8192, 8192, 3616]);
  const long = await source(Array.from({ length: 10 }, () => `{"text":"${"x".repeat(300_000)}"}`).join("\n"));
  assert.deepEqual((await scan(long)).batches, [4, 4, 2]);
  const sparse = await source(Array.from({ length: 5000 }, (_, i) => `{"text":"t","k${i}":1}`).join("\n"));
  await scan(sparse);
  assert.equal((await sparse.schema()).fields.length, 5001);
  const schema = await sparse.schema();
  for await (const { columns } of sparse.read({ schema })) assert.ok(columns.numRows <= 420);
});

test("10,000 columns work and more are an input error that names the cure", async () => {
  const wide = (n: number) =>
    JSON.stringify({ text: "t", ...Object.fromEntries(Array.from({ length: n - 1 }, (_, i) => [`c${i}`, i])) });
  const from = await source(`${wide(10_000)}\n${wide(10_000)}\n`);
  await scan(from);
  const { rows } = await read(from);
  assert.equal(rows[1].c9998, 9998n);
  await assert.rejects(scan(await source(wide(10_001))), (error: Error) => {
    return (
      error instanceof InputError && /more than 10000 distinct fields.*nest them under one field/.test(error.message)
    );
  });
});

test("what is appended between the passes is not read, and a changed file is an error", async () => {
  const from = await source('{"text":"a"}\n{"text":"b"}\n');
  await scan(from);
  await appendFile(join(folder, "input"), '{"text":"c"}\n');
  assert.deepEqual((await read(from)).records, [0, 1]);
  await writeFile(join(folder, "input"), '{"text":"a"}\n{"text":"B"}\n');
  await assert.rejects(read(from), /the input changed during the run/);
  await writeFile(join(folder, "input"), '{"text":"a"}\n');
  await assert.rejects(read(from), /the input changed during the run/);
});

test("an empty file has no records and no columns", async () => {
  const from = await source("");
  assert.deepEqual((await scan(from)).texts, []);
  assert.deepEqual((await from.schema()).fields, []);
  assert.deepEqual((await read(from)).records, []);
});

test("a missing file, a folder and a schema asked for too early are errors", async () => {
  for (const path of [join(folder, "none"), folder]) {
    await assert.rejects(openJsonl({ path, name: "x.jsonl" }), (error: Error) => {
      return error instanceof InputError && error.message.startsWith("cannot read x.jsonl: ");
    });
  }
  await assert.rejects((await source(GOOD)).schema(), /known only after a whole scan/);
});
