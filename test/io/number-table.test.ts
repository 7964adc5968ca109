import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { tableFromIPC } from "apache-arrow";
import { readColumns, writeColumns } from "../../src/io/arrow/number-table.js";

describe("tables of numbers", async () => {
  const folder = await mkdtemp(join(tmpdir(), "bge-test-columns-"));
  after(() => rm(folder, { recursive: true }));
  const part = (first: number, rows: number) => ({
    group: Uint32Array.from({ length: rows }, (_, i) => first + i),
    "hash:4": Uint32Array.from({ length: 4 * rows }, (_, i) => 4 * first + i + 0xf0000000),
    key: Float64Array.from({ length: rows }, (_, i) => (i % 3 ? -i / 3 : Number.NaN)),
    vector: Int32Array.from({ length: rows }, (_, i) => i - 1),
    is: Uint8Array.from({ length: rows }, (_, i) => i & 1),
    signature: BigUint64Array.from({ length: rows }, (_, i) => 2n ** 63n + BigInt(i)),
  });
  const parts = [part(0, 3), part(3, 0), part(3, 70_000), part(70_003, 1)];
  const path = join(folder, "parts.arrow");
  await writeColumns(path, ...parts);

  it("each part is read by itself, and all of them at once", async () => {
    for (const [i, expected] of parts.entries()) assert.deepEqual(await readColumns(path, i), expected);
    const all = await readColumns<{ group: Uint32Array }>(path);
    assert.deepEqual(all.group, part(0, 70_004).group);
  });

  it("another reader opens the file", async () => {
    const table = tableFromIPC(await readFile(path));
    assert.equal(table.numRows, 70_004);
    assert.deepEqual([...(table.getChild("hash:4")?.get(70_003) ?? [])], [...part(70_003, 1)["hash:4"]]);
  });

  it("a column that is too short is refused", async () => {
    const short = { group: new Uint32Array(2), is: new Uint8Array(1) };
    await assert.rejects(writeColumns(join(folder, "short.arrow"), short), /a column has 1 numbers, expected 2/);
  });

  it("small parts share a batch of the file, and each of them is read alone", async () => {
    const shared = join(folder, "shared.arrow");
    const sizes = [3, 0, 2 ** 19, 2 ** 19, 1, ...Array.from({ length: 200 }, (_, i) => i % 3)];
    const small = sizes.map((rows, at) => ({
      row: Uint32Array.from({ length: rows }, (_, i) => at * 7 + i),
      "pair:2": Float32Array.from({ length: 2 * rows }, (_, i) => at - i),
    }));
    await writeColumns(shared, ...small);
    assert.deepEqual(
      tableFromIPC(await readFile(shared)).batches.map(({ numRows }) => numRows),
      [3 + 2 ** 20, sizes.slice(4).reduce((sum, rows) => sum + rows)],
    );
    for (const at of [0, 1, 4, 5, 6, 204]) assert.deepEqual(await readColumns(shared, at), small[at]);
    const uneven = [
      { row: new Uint32Array(2), other: new Uint8Array(1) },
      { row: new Uint32Array(1), other: new Uint8Array(2) },
    ];
    await assert.rejects(writeColumns(join(folder, "uneven.arrow"), ...uneven), /a column has 1 numbers, expected 2/);
  });
});
