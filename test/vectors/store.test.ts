import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type FixedSizeList, tableFromIPC } from "apache-arrow";
import pl from "nodejs-polars";
import { InputError } from "../../src/errors.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { storeBatchRows } from "../../src/vectors/store-format.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";

const folder = mkdtempSync(join(tmpdir(), "bge-dedup-store-"));
after(() => rmSync(folder, { recursive: true }));

const dim = 1024;
const batchRows = storeBatchRows(dim);
const count = 2 * batchRows + 77;
const vectors = new Float32Array(count * dim).map((_, i) => Math.sin(i));
const rows = Array.from({ length: count }, (_, i) => i * 3);

async function writeStore(path: string): Promise<void> {
  const writer = await openVectorStoreWriter({ path, dim });
  for (let i = 0; i < count; i += 500) {
    await writer.append(rows.slice(i, i + 500), vectors.subarray(i * dim, Math.min(count, i + 500) * dim));
  }
  const digest = await writer.complete();
  await writer.close();
  const bytes = readFileSync(path);
  assert.deepEqual(digest, { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
}

/** Files that this process has open, where the system tells. */
function openFiles(): string[] {
  const links = readdirSync("/proc/self/fd").map((name) => `/proc/self/fd/${name}`);
  return links.filter(existsSync).map((link) => readlinkSync(link));
}

describe("the vector store", () => {
  const whole = join(folder, "whole.arrow");

  it("reads back single vectors, runs across batches and the last one", async () => {
    await writeStore(whole);
    const store = await openVectorStore(whole);
    assert.equal(store.count, count);
    assert.equal(store.dim, dim);
    const positions = [3, 4, batchRows - 1, batchRows, batchRows + 1, count - 1, 0];
    const into = new Float32Array(positions.length * dim);
    await store.gather(positions, into);
    for (const [i, position] of positions.entries()) {
      assert.deepEqual(
        into.subarray(i * dim, (i + 1) * dim),
        vectors.subarray(position * dim, (position + 1) * dim),
        `position ${position}`,
      );
    }
    assert.deepEqual(await store.rows(), Float64Array.from(rows));
    await store.close();
  });

  it("is an Arrow file that apache-arrow and Polars open with the types of the contract", () => {
    const bytes = readFileSync(whole);
    const table = tableFromIPC(bytes);
    assert.equal(String(table.schema.fields[0].type), "Uint64");
    const type = table.schema.fields[1].type as FixedSizeList;
    assert.equal(type.listSize, dim);
    assert.equal(String(type.children[0].type), "Float32");
    const frame = pl.readIPC(bytes);
    assert.equal(frame.height, count);
    const [record] = frame.slice(batchRows, 1).toRecords() as unknown as {
      _row: bigint;
      embedding: ArrayLike<number>;
    }[];
    assert.equal(Number(record._row), rows[batchRows]);
    assert.deepEqual(Float32Array.from(record.embedding), vectors.slice(batchRows * dim, (batchRows + 1) * dim));
  });

  it("has the same bytes when it was cut off after any number of vectors that were synced, and continued", async () => {
    for (const kept of [50, batchRows, batchRows + 1, 2 * batchRows - 1, 2 * batchRows, 2 * batchRows + 76]) {
      const path = join(folder, `cut-${kept}.arrow`);
      const first = await openVectorStoreWriter({ path, dim });
      for (let i = 0; i < kept; i += 700) {
        const end = Math.min(kept, i + 700);
        await first.append(rows.slice(i, end), vectors.subarray(i * dim, end * dim));
        assert.equal(await first.sync(), end);
      }
      await first.append(rows.slice(kept, kept + 1), vectors.subarray(kept * dim, (kept + 1) * dim));
      await first.close();
      appendFileSync(path, "torn bytes of a batch that was being written");
      const second = await openVectorStoreWriter({ path, dim, resumeAt: kept });
      assert.deepEqual(second.resumedRows, Float64Array.from(rows.slice(0, kept)));
      await second.append(rows.slice(kept), vectors.subarray(kept * dim));
      assert.equal(await second.complete(), undefined, "what was there before has not been hashed");
      await second.close();
      assert.ok(readFileSync(path).equals(readFileSync(whole)), `after ${kept} vectors`);
    }
  });

  it("does not continue where the file or the vectors beside it are cut off or gone", async () => {
    const path = join(folder, "short.arrow");
    const kept = batchRows + 9;
    const writer = await openVectorStoreWriter({ path, dim });
    await writer.append(rows.slice(0, kept), vectors.subarray(0, kept * dim));
    await writer.sync();
    await writer.close();
    const tail = `${path}.${kept}`;
    const bytes = readFileSync(tail);
    writeFileSync(tail, bytes.subarray(1));
    await assert.rejects(openVectorStoreWriter({ path, dim, resumeAt: kept }), /expected 36936/);
    rmSync(tail);
    await assert.rejects(openVectorStoreWriter({ path, dim, resumeAt: kept }), /ENOENT/);
    writeFileSync(tail, bytes);
    writeFileSync(path, readFileSync(path).subarray(0, -8));
    await assert.rejects(openVectorStoreWriter({ path, dim, resumeAt: kept }), /expected at least/);
  });

  it("may be empty", async () => {
    const path = join(folder, "empty.arrow");
    const writer = await openVectorStoreWriter({ path, dim: 7 });
    await writer.complete();
    await writer.close();
    const store = await openVectorStore(path);
    assert.equal(store.count, 0);
    assert.equal(store.dim, 7);
    await store.close();
  });

  it("refuses what is not a store with the file's name", async () => {
    const path = join(folder, "broken.arrow");
    writeFileSync(path, readFileSync(whole).subarray(0, 1000));
    await assert.rejects(
      openVectorStore(path),
      (error: Error) => error instanceof InputError && error.message.includes(path),
    );
    await assert.rejects(openVectorStore(join(folder, "missing.arrow")), InputError);
  });

  it("is closed where it cannot be begun or taken up", { skip: !existsSync("/dev/full") }, async () => {
    const full = join(folder, "full.arrow");
    symlinkSync("/dev/full", full);
    for (const resumeAt of [undefined, batchRows]) {
      await assert.rejects(openVectorStoreWriter({ path: full, dim, resumeAt }), { code: "ENOSPC" });
      assert.ok(!openFiles().includes("/dev/full"));
    }
    const short = join(folder, "short.arrow");
    writeFileSync(short, "");
    await assert.rejects(openVectorStoreWriter({ path: short, dim, resumeAt: batchRows }), /expected at least/);
    assert.ok(!openFiles().includes(short));
  });
});
