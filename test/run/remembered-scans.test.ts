import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openJsonl } from "../../src/io/jsonl/jsonl.js";
import type { ScannedBatch, Source } from "../../src/io/source.js";
import { RememberedScans } from "../../src/run/read/remembered-scans.js";
import { testFolder } from "./folders.js";

const FIELDS = { textFields: ["text"] };

async function all(batches: AsyncIterable<ScannedBatch> | Iterable<ScannedBatch>): Promise<ScannedBatch[]> {
  const found: ScannedBatch[] = [];
  for await (const batch of batches) found.push(batch);
  return found;
}

/** A file of `rows` records, of which one has no text, that counts how often it is scanned. */
async function counted(rows: number): Promise<{ source: Source; scans: () => number }> {
  const path = join(testFolder(), "in.jsonl");
  const lines = Array.from({ length: rows }, (_, row) =>
    JSON.stringify(row === 1 ? { no: row } : { text: `text ${row}` }),
  );
  writeFileSync(path, lines.join("\n"));
  const source = await openJsonl({ path, name: "in.jsonl" });
  const { scan } = source;
  let scans = 0;
  source.scan = (options) => {
    scans++;
    return scan.call(source, options);
  };
  return { source, scans: () => scans };
}

describe("what the check has scanned", () => {
  it("comes again as it was, once, without a second scan", async () => {
    const { source, scans } = await counted(20_000);
    const remembered = new RememberedScans(2 ** 30);
    const first = await all(remembered.scan(source, FIELDS));
    const again = remembered.take(source);
    assert.ok(again !== undefined && first.length > 1);
    assert.deepEqual(await all(again), first);
    assert.equal(remembered.take(source), undefined);
    assert.equal(scans(), 1);
  });

  it("is forgotten, of all sources, where the texts take more than their share of memory", async () => {
    const small = await counted(10);
    const large = await counted(20_000);
    const remembered = new RememberedScans(8 * 2 ** 20);
    await all(remembered.scan(small.source, FIELDS));
    assert.equal((await all(remembered.scan(large.source, FIELDS))).length, 3);
    assert.equal(remembered.take(small.source), undefined);
    assert.equal(remembered.take(large.source), undefined);
  });

  it("is not remembered where the path of the file may hold the order of the rows", async () => {
    const { source } = await counted(10);
    const partition = Object.assign(Object.create(source), { added: [{ name: "year" }] }) as Source;
    const remembered = new RememberedScans(2 ** 30);
    await all(remembered.scan(partition, { ...FIELDS, orderField: "year" }));
    assert.equal(remembered.take(partition), undefined);
  });
});
