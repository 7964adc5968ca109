import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { RecordBatch, Schema } from "apache-arrow";
import { openArrow } from "../../src/io/arrow/arrow.js";
import { rowText } from "../../src/io/jsonl/json-text.js";
import { openParquet } from "../../src/io/parquet/parquet.js";
import { RejectedRecords } from "../../src/io/rejected-records.js";
import type { Reject, Source } from "../../src/io/source.js";
import type { TableOptions, TableWriter } from "../../src/io/table-writer.js";
import { assertPlainWords } from "../faults/internals.js";

// The golden files lie beside the sources; tests run from where they are compiled to.
const FILES = findFiles();

function findFiles(): string {
  for (let folder = import.meta.dirname; ; folder = join(folder, "..")) {
    const files = join(folder, "test", "io", "files");
    try {
      readFileSync(join(files, "make.py"));
      return `${files}/`;
    } catch {
      if (folder === join(folder, "..")) throw new Error("test/io/files is missing");
    }
  }
}

/** The path of a golden file. */
export function goldenFile(name: string): string {
  return FILES + name;
}

/** The rows of a golden file as the JSON texts that pyarrow's view of it gave. */
export function goldenRows(name: string): string[] {
  const text = readFileSync(FILES + name.replace(/\.\w+$/, ".jsonl"), "utf8");
  return text.split("\n").slice(0, -1);
}

/** Opens a golden file by its extension. */
export function openGolden(name: string, path = FILES + name): Promise<Source> {
  return name.endsWith(".parquet") ? openParquet({ path, name }) : openArrow({ path, name });
}

/** Tests that every golden file with this extension reads as pyarrow reads it. */
export function testGolden(extension: string): void {
  for (const name of readdirSync(FILES).filter((file) => file.endsWith(extension))) {
    test(`${name} reads as pyarrow reads it`, async () => {
      assert.deepEqual(await allRows(await openGolden(name)), goldenRows(name));
    });
  }
}

/** What both passes over a source give: the rows by record, rejected ones included, as JSON texts. */
export async function allRows(source: Source): Promise<string[]> {
  const rows: string[] = [];
  const schema = await source.schema();
  const { rejects, rejected } = await scanRejects(source);
  for await (const { columns, records } of source.read({ schema, rejected })) {
    assert.equal(columns.numRows, records.length);
    const text = rowText(columns);
    for (let row = 0; row < records.length; row++) rows[records[row]] = text(row);
  }
  for (const { record, raw } of rejects) {
    assert.equal(rows[record], undefined, `record ${record} is accepted in one pass and rejected in the other`);
    rows[record] = raw;
  }
  return rows;
}

/** The rejects of the first pass, and what the second is to know of them. */
export async function scanRejects(source: Source, textFields = ["text"]) {
  const rejects: Reject[] = [];
  const rejected = new RejectedRecords(source.name);
  for await (const batch of source.scan({ textFields })) {
    rejects.push(...batch.rejects);
    rejected.add(batch.texts.length, batch.rejects);
  }
  return { rejects, rejected };
}

/** The rejects of the first pass. */
export async function allRejects(source: Source, textFields?: string[]): Promise<Reject[]> {
  return (await scanRejects(source, textFields)).rejects;
}

/** The texts of the first pass. */
export async function allTexts(source: Source, textFields = ["text"]): Promise<(string | null | undefined)[]> {
  const texts: (string | null | undefined)[] = [];
  for await (const batch of source.scan({ textFields })) {
    assert.equal(batch.firstRecord, texts.length);
    texts.push(...batch.texts);
  }
  return texts;
}

/** The accepted batches of the second pass and their schema. */
export async function allBatches(source: Source): Promise<{ schema: Schema; batches: RecordBatch[] }> {
  const schema = await source.schema();
  const batches: RecordBatch[] = [];
  const { rejected } = await scanRejects(source);
  for await (const { columns } of source.read({ schema, rejected })) batches.push(columns);
  return { schema, batches };
}

/** Writes batches to `path` with the given writer. */
export async function writeTable(
  open: (options: TableOptions<Schema>) => Promise<TableWriter>,
  path: string,
  schema: Schema,
  batches: readonly RecordBatch[],
): Promise<void> {
  const writer = await open({ path, schema });
  for (const batch of batches) await writer.write(batch);
  await writer.finish();
}

/** Runs `use` with a folder of its own that is gone afterwards. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "bge-dedup-io-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A seeded random number generator: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Damages `original` in many ways and checks that each reads as something or fails as an InputError. */
export async function surviveDamage(
  name: string,
  times: number,
  seed: number,
  openDamaged = (path: string) => openGolden(name, path),
): Promise<void> {
  const original = readFileSync(FILES + name);
  const random = randomOf(seed);
  await inFolder(async (folder) => {
    const path = join(folder, name);
    for (let i = 0; i < times; i++) {
      let damaged: Buffer;
      let what: string;
      if (i % 3 === 0) {
        const length = Math.floor(random() * original.length);
        damaged = original.subarray(0, length);
        what = `cut to ${length} bytes`;
      } else {
        damaged = Buffer.from(original);
        const at = Math.floor(random() * damaged.length);
        damaged[at] = random() < 0.5 ? 255 : Math.floor(random() * 256);
        what = `byte ${at} set to ${damaged[at]}`;
      }
      await writeFile(path, damaged);
      try {
        await allRows(await openDamaged(path));
      } catch (error) {
        const { exitCode, message } = error as { exitCode?: number; message: string };
        assert.equal(exitCode, 3, `${name}, ${what}: ${(error as Error).stack}`);
        assert.ok(message.startsWith(`${name}: `), message);
        assertPlainWords(message);
      }
    }
  });
}
