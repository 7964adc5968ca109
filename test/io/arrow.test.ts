import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  Field,
  makeData,
  Schema,
  Struct,
  tableFromArrays,
  tableFromIPC,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { openArrow, readSchema, readTableBatches } from "../../src/io/arrow/arrow.js";
import { openArrowWriter } from "../../src/io/arrow/write.js";
import { batchOf } from "../../src/io/columns/take.js";
import { decompressLz4Frame } from "../../src/io/compress/lz4.js";
import {
  allBatches,
  allRejects,
  allRows,
  allTexts,
  goldenFile,
  goldenRows,
  inFolder,
  openGolden,
  scanRejects,
  surviveDamage,
  testGolden,
  writeTable,
} from "./golden.js";

testGolden(".arrow");

test("every type passes through, extension metadata too", async () => {
  const schema = await (await openGolden("types.arrow")).schema();
  const expected = tableFromIPC(readFileSync(goldenFile("types.arrow"))).schema;
  assert.deepEqual(schema.fields.map(String), expected.fields.map(String));
  const id = schema.fields.find(({ name }) => name === "id");
  assert.equal(id?.metadata.get("ARROW:extension:name"), "arrow.uuid");
});

test("linked LZ4 blocks of a Feather file decode", async () => {
  const source = await openGolden("large.feather");
  const texts = await allTexts(source);
  assert.deepEqual(
    texts,
    Array.from({ length: 6000 }, (_, i) => `${i % 97} 天气 ${(i * i) % 1009}`),
  );
});

test("large record batches are cut to 8192 rows", async () => {
  const schema = new Schema([new Field("text", new Utf8(), false)]);
  const texts = Array.from({ length: 20_000 }, (_, i) => `row ${i}`);
  await inFolder(async (folder) => {
    const path = join(folder, "t.arrow");
    const [data] = vectorFromArray(texts, new Utf8()).data;
    await writeTable(openArrowWriter, path, schema, [batchOf(schema, [data], texts.length)]);
    const source = await openArrow({ path, name: "t" });
    assert.deepEqual(await allTexts(source), texts);
    const sizes = (await allBatches(source)).batches.map(({ numRows }) => numRows);
    assert.deepEqual(sizes, [8192, 8192, 3616]);
  });
});

test("null texts are rejected, with dictionaries and views too", async () => {
  const polars = await allRejects(await openGolden("polars.arrow"));
  assert.deepEqual(polars, [
    { record: 1, line: 2, error: 'text field "text" is null', raw: goldenRows("polars.arrow")[1] },
  ]);
  const source = await openGolden("types.arrow");
  for (const field of ["category", "view", "large"]) {
    const rejects = await allRejects(source, [field]);
    assert.deepEqual(
      rejects.map(({ record }) => record),
      [1, 5],
      field,
    );
  }
  const texts = await allTexts(source, ["category", "large"]);
  assert.deepEqual(texts.slice(0, 4), ["red\nx", null, "blue\nyz", "red\n"]);
});

test("a dotted path goes into structs", async () => {
  const source = await openGolden("nested.arrow");
  await assert.rejects(() => allTexts(source, ["point.x"]), { message: /"point\.x" is Int64, expected a string/ });
  await assert.rejects(() => allTexts(source, ["point.y"]), { message: /no field "point\.y"/ });
});

test("text inside structs counts as null where a struct around it is", async () => {
  const inner = new Struct([new Field("b", new Utf8(), true)]);
  const schema = new Schema([new Field("a", inner, true), new Field("c.d", new Utf8(), true)]);
  const [data] = vectorFromArray([{ b: "x" }, null, { b: null }, { b: "y" }], inner).data;
  const [dotted] = vectorFromArray(["p", "q", null, null], new Utf8()).data;
  await inFolder(async (folder) => {
    const path = join(folder, "t.arrow");
    await writeTable(openArrowWriter, path, schema, [batchOf(schema, [data, dotted], 4)]);
    const source = await openArrow({ path, name: "t" });
    assert.deepEqual(await allTexts(source, ["a.b"]), ["x", null, null, "y"]);
    assert.deepEqual(await allTexts(source, ["a.b", "c.d"]), ["x\np", "q", null, "y"]);
    const [reject] = await allRejects(source, ["a.b", "c.d"]);
    assert.deepEqual(reject, {
      record: 2,
      line: 3,
      error: 'text fields "a.b", "c.d" are null',
      raw: '{"a":{"b":null},"c.d":null}',
    });
  });
});

test("text that is not UTF-8 is rejected, another such column stops the second pass", async () => {
  const schema = new Schema([new Field("good", new Utf8(), true), new Field("bad", new Utf8(), true)]);
  const valueOffsets = Int32Array.of(0, 1, 2, 3);
  // Half a character in each of the first two rows: together they are valid.
  const bad = makeData({ type: new Utf8(), valueOffsets, data: Uint8Array.of(0xc3, 0xa9, 97) });
  const good = makeData({ type: new Utf8(), valueOffsets, data: Buffer.from("xyz") });
  await inFolder(async (folder) => {
    const path = join(folder, "t.arrow");
    await writeTable(openArrowWriter, path, schema, [batchOf(schema, [good, bad], 3)]);
    const source = await openArrow({ path, name: "t" });
    assert.deepEqual(await allTexts(source, ["bad"]), [null, null, "a"]);
    const { rejects, rejected } = await scanRejects(source, ["bad"]);
    const [first] = rejects;
    assert.equal(first.error, 'text field "bad" is not valid UTF-8');
    assert.equal(first.raw, '{"good":"x","bad":"ww=="}');
    const read = source.read({ schema });
    await assert.rejects(() => read.next(), {
      message: /^t: row 1: column "bad" is a string but holds bytes/,
      exitCode: 3,
    });
    const rows = source.read({ schema, rejected });
    assert.deepEqual((await rows.next()).value.records, Uint32Array.of(2));
    await rows.return(undefined);
  });
});

test("Feather version 1 and other files are refused with the cure", async () => {
  await assert.rejects(() => openGolden("version1.feather"), {
    message: /^version1\.feather: .*Feather version 1.*write_feather/,
    exitCode: 3,
  });
  await inFolder(async (folder) => {
    const path = join(folder, "x.arrow");
    const refused = async (content: string | Buffer, message: RegExp) => {
      await writeFile(path, content);
      await assert.rejects(async () => allRows(await openArrow({ path, name: "x.arrow" })), { message, exitCode: 3 });
    };
    await refused("", /^x\.arrow: .*is empty/);
    await refused('{"text":"jsonl by mistake"}\n', /no Arrow IPC file or stream/);
    const file = readFileSync(goldenFile("types.arrow"));
    await refused(file.subarray(0, -1), /cut short/);
    const stream = readFileSync(goldenFile("types-stream.arrow"));
    await refused(stream.subarray(0, -20), /cut short/);
    await refused(stream.subarray(0, 3), /cut short/);
  });
});

test("our own readers give the file's batches and schema", async () => {
  const path = goldenFile("nested.arrow");
  const sizes: number[] = [];
  for await (const batch of readTableBatches(path)) sizes.push(batch.numRows);
  assert.deepEqual(sizes, [4, 2]);
  assert.equal((await readSchema(path)).fields[0].name, "text");
  const { batches } = await allBatches(await openGolden("nested.arrow"));
  assert.equal(batches.length, 2);
});

test("an LZ4 frame that is cut short or points nowhere is refused", () => {
  // "abcabcabcabcabcabcabc": three literals, then a match at distance 3.
  const block = [0x3e, 97, 98, 99, 3, 0, 0];
  const frame = (body: number[]) =>
    Uint8Array.from([4, 34, 77, 24, 0x60, 0x40, 0, body.length, 0, 0, 0, ...body, 0, 0, 0, 0]);
  const valid = frame([0x3d, 97, 98, 99, 3, 0, 0x10, 100]);
  assert.equal(Buffer.from(decompressLz4Frame(valid, 21)).toString(), `${"abc".repeat(6)}abd`);
  for (let length = 1; length < valid.length; length++) {
    assert.throws(() => decompressLz4Frame(valid.subarray(0, length), 21), `${length} bytes`);
  }
  for (const size of [0, 20, 22]) assert.throws(() => decompressLz4Frame(valid, size), `${size} bytes`);
  assert.throws(() => decompressLz4Frame(frame([0x3e, 97, 98, 99, 4, 0, 0]), 21), /match out of range/);
  assert.throws(() => decompressLz4Frame(frame(block.slice(0, 3)), 21), /literals out of range/);
});

for (const [name, times] of [
  ["types.arrow", 60],
  ["types-lz4.arrow", 40],
  ["types-stream.arrow", 60],
  ["dictionaries.arrow", 60],
  ["polars.arrow", 60],
] as const) {
  test(`${name} damaged anywhere is refused or read, never a crash`, () => surviveDamage(name, times, 3));
}

/** Where the lengths before a file's compressed buffers are, found by what pyarrow's LZ4 and Zstandard frames begin with. */
function statedSizes(file: Buffer, magic: readonly number[]): number[] {
  const places: number[] = [];
  for (let at = file.indexOf(Buffer.from(magic)); at >= 0; at = file.indexOf(Buffer.from(magic), at + 1)) {
    places.push(at - 8);
  }
  return places;
}

for (const [name, magic] of [
  ["types-lz4.arrow", [4, 0x22, 0x4d, 0x18]],
  ["types-zstd.arrow", [0x28, 0xb5, 0x2f, 0xfd]],
] as const) {
  test(`compressed buffers of ${name} that lie about their size are refused: too much for --memory, or not what is there`, async () => {
    const whole = readFileSync(goldenFile(name));
    const places = statedSizes(whole, magic);
    assert.ok(places.length > 3);
    await inFolder(async (folder) => {
      const path = join(folder, "lie.arrow");
      const refused = async (size: bigint, message: RegExp, place = places[0]) => {
        const file = Buffer.from(whole);
        file.writeBigInt64LE(size, place);
        await writeFile(path, file);
        const read = async () => allBatches(await openArrow({ path, name: "lie.arrow", memory: 2 ** 28 }));
        await assert.rejects(read, { message, exitCode: 3 });
      };
      const takes = "of \\d+ rows takes 1099511\\d+ bytes, expected at most 134217728, half of --memory: raise";
      await refused(2n ** 40n, new RegExp(`a compressed dictionary ${takes}`));
      await refused(2n ** 40n, new RegExp(`a compressed record batch ${takes}`), places.at(-1));
      await refused(-2n, /a compressed buffer of -2 bytes/);
      await refused(whole.readBigInt64LE(places[0]) + 1n, /expected \d+/);
      await refused(0n, /block|expected 0/);
    });
  });
}

test("dictionaries larger than half of --memory are refused before they are read, with their size and the cure", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "large.arrow");
    // apache-arrow makes dictionaries of strings.
    const text = ["x".repeat(40 * 2 ** 20), "y".repeat(30 * 2 ** 20)];
    await writeFile(path, tableToIPC(tableFromArrays({ text }), "file"));
    const open = (memory: number) => openArrow({ path, name: "large.arrow", memory });
    const one =
      /large\.arrow: .*a dictionary of 2 rows takes 734\d+ bytes, expected at most 67108864, half of --memory: raise that, or write/;
    await assert.rejects(() => open(2 ** 20), { message: one, exitCode: 3 });
    assert.equal((await allTexts(await open(2 ** 28))).length, 2);
    const halves = { text: text.slice(0, 1), other: text.slice(1) };
    await writeFile(path, tableToIPC(tableFromArrays(halves), "file"));
    const both = /large\.arrow: .*2 dictionaries take 734\d+ bytes, expected at most 67108864, half of --memory/;
    await assert.rejects(() => open(2 ** 20), { message: both, exitCode: 3 });
    assert.equal((await allTexts(await open(2 ** 28))).length, 1);
  });
});
