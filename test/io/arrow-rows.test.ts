import assert from "node:assert/strict";
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Data,
  type Dictionary,
  Field,
  makeData,
  type RecordBatch,
  Schema,
  Table,
  tableToIPC,
  Utf8,
  type Vector,
} from "apache-arrow";
import { openArrow } from "../../src/io/arrow/arrow.js";
import type { DictionaryVectors } from "../../src/io/arrow/body.js";
import { readColumn } from "../../src/io/arrow/column.js";
import { openArrowFile } from "../../src/io/arrow/file.js";
import { type StoredColumn, storedColumns } from "../../src/io/arrow/layout.js";
import { findMessages, readHeader } from "../../src/io/arrow/messages.js";
import { columnBytes } from "../../src/io/arrow/size.js";
import { validateBatch } from "../../src/io/arrow/validate.js";
import { Coalescer } from "../../src/io/columns/coalesce.js";
import { batchOf } from "../../src/io/columns/take.js";
import { rowText } from "../../src/io/jsonl/json-text.js";
import { allBatches, allRows, allTexts, goldenFile, goldenRows, inFolder, surviveDamage } from "./golden.js";

/** Golden files of uncompressed record batches, between them with every type. */
const UNCOMPRESSED = ["types.arrow", "types-stream.arrow", "nested.arrow", "dictionaries.arrow"];
const MiB = 2 ** 20;

for (const name of UNCOMPRESSED) {
  test(`${name} reads as pyarrow reads it where its batches are read some rows at a time`, async () => {
    const source = await openArrow({ path: goldenFile(name), name, whole: 0 });
    assert.deepEqual(await allRows(source), goldenRows(name));
  });

  test(`${name} damaged anywhere is refused or read some rows at a time, never a crash`, () =>
    surviveDamage(name, 60, 7, (path) => openArrow({ path, name, whole: 0 })));
}

/** The columns of each record batch of a golden file, and its dictionaries as the whole batches have them. */
async function columnsOf(file: FileHandle, name: string): Promise<{ columns: StoredColumn[]; batch: RecordBatch }[]> {
  const found = await findMessages(file, (await file.stat()).size, 64 * MiB, 0);
  const all: { columns: StoredColumn[]; batch: RecordBatch }[] = [];
  const whole = (await openArrowFile({ path: goldenFile(name), name })).batches();
  for (const message of found.messages) {
    const header = await readHeader(file, message);
    if ("data" in header) continue;
    const { batch } = (await whole.next()).value;
    const dictionaries = dictionariesOf(batch.schema.fields, batch.data.children, new Map());
    all.push({
      columns: storedColumns(found.schema.fields, header, message, dictionaries, found.version),
      batch,
    });
  }
  return all;
}

function dictionariesOf(fields: readonly Field[], data: readonly Data[], into: DictionaryVectors): DictionaryVectors {
  for (const [i, { type }] of fields.entries()) {
    if (data[i].dictionary !== undefined) into.set((type as Dictionary).id, data[i].dictionary as Vector);
    dictionariesOf((type.children ?? []) as Field[], data[i].children as Data[], into);
  }
  return into;
}

/** Bytes of all buffers of a column but its dictionary. */
function heldBytes({ valueOffsets, values, nullBitmap, typeIds, variadicBuffers, children }: Data): number {
  const own = [valueOffsets, values, nullBitmap, typeIds, ...(variadicBuffers ?? [])] as (Uint8Array | undefined)[];
  const inside = (children as Data[]).reduce((sum, child) => sum + heldBytes(child), 0);
  return own.reduce((sum, buffer) => sum + (buffer?.byteLength ?? 0), inside);
}

for (const name of UNCOMPRESSED) {
  test(`any rows of ${name} read as pyarrow reads them and take what was foretold`, async () => {
    const file = await open(goldenFile(name));
    try {
      const expected = goldenRows(name);
      let before = 0;
      for (const { columns, batch } of await columnsOf(file, name)) {
        const rows = batch.numRows;
        for (let start = 0; start < rows; start++) {
          for (let length = 1; start + length <= rows; length++) {
            const data: Data[] = [];
            for (const column of columns) {
              const read = await readColumn(file, column, start, length);
              const foretold = await columnBytes(file, column, start, length, Number.POSITIVE_INFINITY);
              const held = heldBytes(read);
              // Bits fill bytes, and validity without a null is not held.
              assert.ok(Math.abs(foretold - held) <= 16, `${column.type}: ${foretold} for ${held} bytes`);
              data.push(read);
            }
            const part = batchOf(batch.schema, data, length);
            validateBatch(part);
            const text = rowText(part);
            for (let row = 0; row < length; row++) assert.equal(text(row), expected[before + start + row]);
          }
        }
        before += rows;
      }
      assert.equal(before, expected.length);
    } finally {
      await file.close();
    }
  });
}

test("a record batch of every type and more than 64 MiB reads as its rows do, under any --memory", async () => {
  const { schema, batches } = await allBatches(await openArrow({ path: goldenFile("types.arrow"), name: "types" }));
  const coalescer = new Coalescer(schema, new Map(), { rows: 2 ** 20, bytes: 72 * MiB, most: 80 * MiB });
  const expected = goldenRows("types.arrow");
  let large: RecordBatch | undefined;
  while (large === undefined) for (const batch of batches) for (const full of coalescer.push(batch)) large = full;
  await inFolder(async (folder) => {
    const path = join(folder, "large.arrow");
    await writeFile(path, tableToIPC(new Table([large as RecordBatch]), "file"));
    const source = await openArrow({ path, name: "large", memory: MiB });
    let rows = 0;
    for await (const { columns } of source.read({ schema: await source.schema() })) {
      const text = rowText(columns);
      // Every row would take long and show no more.
      for (let row = 0; row < columns.numRows; row += 37)
        assert.equal(text(row), expected[(rows + row) % expected.length]);
      assert.ok(heldBytes(columns.data as Data) < 10 * MiB);
      rows += columns.numRows;
    }
    assert.equal(rows, large?.numRows);
  });
});

/** A file of one uncompressed record batch with these ASCII texts. */
async function writeTexts(path: string, texts: readonly string[]): Promise<void> {
  const type = new Utf8();
  const valueOffsets = new Int32Array(texts.length + 1);
  for (const [i, text] of texts.entries()) valueOffsets[i + 1] = valueOffsets[i] + text.length;
  const data = makeData({ type, length: texts.length, nullCount: 0, valueOffsets, data: Buffer.from(texts.join("")) });
  const schema = new Schema([new Field("text", type, false)]);
  await writeFile(path, tableToIPC(new Table([batchOf(schema, [data], texts.length)]), "file"));
}

test("large rows are read few at a time, and one that takes more than half of --memory is refused with its size", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "large.arrow");
    const row = (i: number) => (i === 20_000 ? "y".repeat(66 * MiB) : `${i}`.padEnd(i < 10_000 ? 10 : 200, "."));
    const texts = Array.from({ length: 30_000 }, (_, i) => row(i));
    await writeTexts(path, texts);
    const sizes: [rows: number, bytes: number][] = [];
    for await (const { batch } of (await openArrowFile({ path, name: "large", memory: 2 ** 28 })).batches()) {
      sizes.push([batch.numRows, heldBytes(batch.data as Data)]);
    }
    assert.equal(
      sizes.reduce((sum, [rows]) => sum + rows, 0),
      texts.length,
    );
    assert.equal(sizes[0][0], 8192);
    for (const [rows, bytes] of sizes) assert.ok(rows === 1 || bytes <= 8 * MiB, `${rows} rows of ${bytes} bytes`);
    const source = await openArrow({ path, name: "large", memory: 2 ** 28 });
    assert.deepEqual(await allTexts(source), texts);
    const small = await openArrow({ path, name: "large", memory: MiB });
    await assert.rejects(() => allTexts(small), {
      message:
        /^large: .*row 20001 of a record batch takes 692\d+ bytes or more, expected at most 67108864, half of --mem/,
      exitCode: 3,
    });
  });
});
