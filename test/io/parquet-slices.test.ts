import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { RecordBatch } from "apache-arrow";
import { parquetWriteBuffer } from "hyparquet-writer";
import { openParquet } from "../../src/io/parquet/parquet.js";
import { allBatches, allRejects, allRows, goldenFile, inFolder } from "./golden.js";

const ROWS = 9000;
const MiB = 2 ** 20;

/** The rows that make.py puts into its files of many pages. */
const expected = Array.from({ length: ROWS }, (_, i) =>
  JSON.stringify({
    text: i % 13 === 5 ? null : `row ${(i * i) % 311}`,
    n: i * 7919,
    tags: i % 7 === 3 ? null : Array.from({ length: i % 5 }, (_, j) => (j === 2 ? null : `t${(i * j) % 11}`)),
    pairs: Array.from({ length: i % 4 }, (_, j) => ({ a: i + j, b: new Array<number>(i % 3).fill(j) })),
    even: i % 2 === 0,
  }),
);

for (const name of ["v1", "v2", "plain", "delta"]) {
  test(`rows of ${name}.parquet, more than a batch in one row group, come out whole and in order`, async () => {
    const source = await openParquet({ path: goldenFile(`slices/${name}.parquet`), name });
    assert.deepEqual(await allRows(source), expected);
  });
}

test("rejected rows are shown with all their columns, wherever their batch begins", async () => {
  const source = await openParquet({ path: goldenFile("slices/v1.parquet"), name: "v1" });
  const rejects = (await allRejects(source)).map(({ record, raw }) => [record, raw]);
  const wanted = expected.flatMap((raw, record) => (record % 13 === 5 ? [[record, raw]] : []));
  assert.deepEqual(rejects, wanted);
});

/** Writes one column of texts as one row group and opens it. */
function openTexts(folder: string, texts: string[], memory: number) {
  const path = join(folder, "texts.parquet");
  const columnData = [{ name: "text", data: texts, type: "STRING" as const }];
  writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: [texts.length] })));
  return openParquet({ path, name: "texts.parquet", memory });
}

test("a row group of half a gigabyte, kilobytes in the file, is read in batches of bounded size", async () => {
  await inFolder(async (folder) => {
    const text = "x".repeat(100_000);
    const source = await openTexts(folder, new Array<string>(5000).fill(text), 64 * MiB);
    let rows = 0;
    let peak = 0;
    for await (const { columns } of source.read({ schema: await source.schema() })) {
      rows += columns.numRows;
      const bytes = columns.data.children[0].values.length as number;
      assert.ok(bytes <= 9 * MiB, `${bytes} bytes in a batch`);
      peak = Math.max(peak, bytes);
      assert.equal((columns as RecordBatch).getChildAt(0)?.get(columns.numRows - 1), text);
    }
    assert.equal(rows, 5000);
    assert.ok(peak > 6 * MiB, "and not row by row");
  });
});

test("a page larger than half of --memory is refused with both sizes and the cure", async () => {
  await inFolder(async (folder) => {
    const source = await openTexts(folder, ["x".repeat(80 * MiB), "y"], 64 * MiB);
    await assert.rejects(() => allBatches(source), {
      message:
        /^texts\.parquet: cannot be read as Parquet: column "text", rows from 1: its pages take \d+ bytes at once, \d+ of them as dictionaries, expected at most 67108864, half of --memory: raise that to some \d+ MB, or write/,
      exitCode: 3,
    });
    const roomy = await openTexts(folder, ["x".repeat(80 * MiB), "y"], 512 * MiB);
    assert.deepEqual(
      (await allBatches(roomy)).batches.map(({ numRows }) => numRows),
      [1, 1],
    );
  });
});

test("a gzip page that holds more than its header says is refused", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "lie.parquet");
    const columnData = [{ name: "text", data: ["a".repeat(1000)], type: "STRING" as const }];
    const compressors = { GZIP: () => new Uint8Array(gzipSync(Buffer.alloc(8 * MiB))) };
    writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData, codec: "GZIP", compressors })));
    const source = await openParquet({ path, name: "lie.parquet" });
    await assert.rejects(() => allBatches(source), { message: /^lie\.parquet: .*column "text"/, exitCode: 3 });
  });
});
