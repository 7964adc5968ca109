import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Field, Int32, makeData, Schema, Utf8, vectorFromArray } from "apache-arrow";
import { batchOf } from "../../src/io/columns/take.js";
import { openFile, readFooter } from "../../src/io/parquet/file.js";
import { openParquet } from "../../src/io/parquet/parquet.js";
import { RowGroupReader } from "../../src/io/parquet/row-group.js";
import { parquetNodes } from "../../src/io/parquet/types.js";
import { openParquetWriter } from "../../src/io/parquet/write.js";
import { allBatches, goldenFile, inFolder, writeTable } from "./golden.js";

const MiB = 2 ** 20;

/** Reads the first rows of some columns of a golden file; what is held then may take `limit` bytes. */
async function readFirst(name: string, columns: readonly number[], limit: number) {
  const file = await openFile(goldenFile(name));
  try {
    const footer = await readFooter(file);
    const nodes = parquetNodes(footer.schema);
    const allowance = { held: 0, dictionaries: 0, limit, columns: 0, begun: 0 };
    const { size: byteLength } = await file.stat();
    const [rowGroup] = footer.rowGroups;
    const reader = new RowGroupReader({ file, byteLength, nodes, rowGroup, columns, firstRow: 0, allowance });
    await reader.next(8);
    return allowance;
  } finally {
    await file.close();
  }
}

test("dictionaries count as what their values take, those of all columns together", async () => {
  // The rule of test/io/files/make.py; a value of a dictionary has its length of 4 bytes before it.
  const distinct = new Set<string>();
  for (let i = 0; i < 9000; i++) if (i % 13 !== 5) distinct.add(`row ${(i * i) % 311}`);
  const text = [...distinct].reduce((sum, value) => sum + 4 + value.length, 0);
  const one = await readFirst("slices/v1.parquet", [0], MiB);
  assert.equal(one.dictionaries, text);
  // Numbers of 8 bytes, all different ones; beyond 1 MiB, and not here, pyarrow would go on without a dictionary.
  const both = await readFirst("slices/v1.parquet", [0, 1], MiB);
  assert.equal(both.dictionaries, text + 8 * 9000);
});

test("dictionaries that take more than half of --memory are refused with what they need and the cure", async () => {
  await assert.rejects(() => readFirst("slices/v1.parquet", [0, 1], 60_000), {
    message:
      /^column "n", rows from 1: the pages of 2 of 2 columns take \d+ bytes at once, 7\d+ of them as dictionaries, expected at most 60000, half of --memory: raise that to some 1 MB, or write the file again with smaller pages and fewer dictionaries$/,
  });
});

test("of very many columns few rows are read at once where --memory is small, and all are right", async () => {
  const columns = 800;
  const rows = 3000;
  const value = (c: number, row: number) => (row * (c + 3)) % 251;
  const fields = Array.from({ length: columns }, (_, c) => new Field(`c${c}`, new Int32(), false));
  const schema = new Schema([new Field("text", new Utf8(), false), ...fields]);
  const [text] = vectorFromArray(
    Array.from({ length: rows }, (_, row) => `row ${row}`),
    new Utf8(),
  ).data;
  const numbers = fields.map(({ type }, c) =>
    makeData({ type, length: rows, nullCount: 0, data: Int32Array.from({ length: rows }, (_, row) => value(c, row)) }),
  );
  await inFolder(async (folder) => {
    const path = join(folder, "wide.parquet");
    await writeTable(openParquetWriter, path, schema, [batchOf(schema, [text, ...numbers], rows)]);
    const largest: number[] = [];
    for (const memory of [MiB, 2 ** 32]) {
      const { batches } = await allBatches(await openParquet({ path, name: "wide", memory }));
      largest.push(Math.max(...batches.map(({ numRows }) => numRows)));
      let before = 0;
      for (const { data, numRows } of batches) {
        for (let c = 0; c < columns; c++) {
          const { values } = data.children[c + 1];
          for (let row = 0; row < numRows; row++) assert.equal(values[row], value(c, before + row));
        }
        before += numRows;
      }
      assert.equal(before, rows);
    }
    // An eighth of 64 MiB, in 801 columns; and 32 KiB a column.
    assert.ok(largest[0] <= (8 * MiB) / 801 / 4 + 1 && largest[0] > 2000, `${largest[0]} rows`);
    assert.equal(largest[1], rows);
  });
});
