import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  Schema,
  Table,
  tableFromArrays,
  tableFromIPC,
  tableToIPC,
  Uint64,
} from "apache-arrow";
import { InputError } from "../../src/errors.js";
import { batchOf } from "../../src/io/columns/take.js";
import { openVectorStore, spans } from "../../src/vectors/store.js";
import { storeBatchRows } from "../../src/vectors/store-format.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import { randomSource } from "../join/vectors.js";

const folder = mkdtempSync(join(tmpdir(), "bge-dedup-layout-"));
after(() => rmSync(folder, { recursive: true }));

const dim = 600;
const batchRows = storeBatchRows(dim);
const count = 2 * batchRows + 77;
const path = join(folder, "store.arrow");
const values = new Float32Array(count * dim).map((_, i) => Math.cos(i));

describe("reading a store by rows", () => {
  it("gives what apache-arrow reads, for any positions", async () => {
    const writer = await openVectorStoreWriter({ path, dim });
    await writer.append(
      Array.from({ length: count }, (_, i) => i),
      values,
    );
    await writer.complete();
    await writer.close();
    const column = tableFromIPC(readFileSync(path)).getChild("embedding");
    const store = await openVectorStore(path);
    const random = randomSource(1);
    for (const share of [0.001, 0.03, 0.2, 0.7, 1]) {
      const ascending = Array.from({ length: count }, (_, i) => i).filter(() => random() < share);
      const shuffled = ascending.slice(0, 300).sort(() => random() - 0.5);
      for (const positions of [ascending, shuffled, [5, 5, 5, 4, 3]]) {
        const into = new Float32Array(positions.length * dim);
        await store.gather(positions, into);
        for (const [i, position] of positions.entries()) {
          assert.deepEqual(into.subarray(i * dim, (i + 1) * dim), column?.get(position).toArray(), `${position}`);
        }
      }
    }
    await store.close();
  });

  it("reads near vectors together, far ones apart, and never across batches", () => {
    const layout = {
      dim: 1024,
      count: 4000,
      batchRows: 1000,
      rowsAt: new Float64Array(4),
      vectorsAt: new Float64Array(4),
    };
    const cut = (positions: number[]) =>
      [...spans(positions, layout)].map(({ start, end }) => positions.slice(start, end));
    assert.deepEqual(cut([1, 2, 5, 9, 40, 41]), [
      [1, 2, 5, 9],
      [40, 41],
    ]);
    assert.deepEqual(cut([998, 999, 1000]), [[998, 999], [1000]]);
    assert.deepEqual(cut([7, 3, 3]), [[7], [3], [3]]);
    const every = Array.from({ length: 1000 }, (_, i) => i);
    assert.equal(cut(every).length, 1, "a run is one read, however long");
    assert.equal(cut(every.filter((i) => i % 2 === 0)).length, 4, "with gaps no read is longer than 1 MB");
  });

  it("refuses Arrow files of another layout, and files that end too early, with the file's name", async () => {
    const other = join(folder, "other.arrow");
    writeFileSync(other, tableToIPC(tableFromArrays({ _row: [1, 2], embedding: [1, 2] }), "file"));
    await assert.rejects(openVectorStore(other), (error: Error) => {
      return error instanceof InputError && /other\.arrow is not a store .* its columns are not/.test(error.message);
    });
    const bytes = readFileSync(path);
    const cut = join(folder, "cut.arrow");
    writeFileSync(cut, Buffer.concat([bytes.subarray(0, 1000), bytes.subarray(-4000)]));
    await assert.rejects(openVectorStore(cut), InputError);
  });

  it("refuses a first batch without rows or with fewer than the last one, whose rows could not be found", async () => {
    const list = new FixedSizeList(2, new Field("item", new Float32(), false));
    const schema = new Schema([new Field("_row", new Uint64(), false), new Field("embedding", list, false)]);
    const batch = (length: number) => {
      const item = makeData({
        type: new Float32(),
        length: 2 * length,
        nullCount: 0,
        data: new Float32Array(2 * length),
      });
      const rows = makeData({ type: new Uint64(), length, nullCount: 0, data: new BigUint64Array(length) });
      return batchOf(schema, [rows, makeData({ type: list, length, nullCount: 0, child: item })], length);
    };
    const lengths = join(folder, "lengths.arrow");
    for (const [first, last, fits] of [
      [0, 3, false],
      [3, 4, false],
      [3, 3, true],
      [3, 1, true],
    ] as const) {
      writeFileSync(lengths, tableToIPC(new Table([batch(first), batch(last)]), "file"));
      if (!fits) {
        await assert.rejects(
          openVectorStore(lengths),
          /lengths\.arrow is not a store .* batches are of \d rows, the last/,
        );
        continue;
      }
      const store = await openVectorStore(lengths);
      assert.equal((await store.rows()).length, first + last);
      await store.close();
    }
  });
});
