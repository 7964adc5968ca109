import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  Field,
  FixedSizeList,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  makeBuilder,
  Struct,
  Table,
  tableToIPC,
  Uint8,
  Uint32,
  Uint64,
} from "apache-arrow";
import { dedup, numbers, readTable, testFolder, verify, writeJsonl } from "./folders.js";
import { count, dim, item, naiveKept, type Row, rows, writeVectors } from "./vector-inputs.js";

const folder = testFolder();

describe("vectors of other types, which come with the input,", () => {
  for (const type of [new Int8(), new Int16(), new Int32(), new Int64(), new Uint8(), new Uint32(), new Uint64()]) {
    it(`may be integers: ${type}, in lists of any kind, Arrow and Parquet`, async () => {
      const most = type.isSigned ? 1 : 0;
      const ints = rows.map((list) => list.map((x) => Math.round(Math.abs(x) * 9) * (x < 0 ? -most : 1)));
      const kept = naiveKept(ints, 0.9);
      assert.ok(kept.length > 5 && kept.length < count - 5, `${kept.length} kept`);
      const values = type.bitWidth === 64 ? ints.map((list) => list.map(BigInt)) : ints;
      for (const list of [new List(item(type)), new FixedSizeList(dim, item(type))]) {
        const name = `${type}-${list.typeId}`;
        const input = writeVectors(join(folder, `${name}.arrow`), list, values as Row[]);
        const out = join(folder, name);
        await dedup([input], out, { vectorField: "embedding", threshold: 0.9, formats: ["arrow", "parquet"] });
        assert.deepEqual(numbers(readTable(out, "kept.arrow"), "_row"), kept);
        assert.equal((await verify(out)).violation, undefined);
        // The kept vectors as Parquet: nothing is near any more.
        const again = join(folder, `${name}-again`);
        const { counts } = await dedup([join(out, "kept.parquet")], again, {
          vectorField: "embedding",
          threshold: 0.9,
        });
        assert.deepEqual([counts.read, counts.kept], [kept.length, kept.length]);
      }
    });
  }

  it("may lie in lists and structs", async () => {
    const records = [
      [
        [1, 0],
        [9, 9],
      ],
      [[1, 0.01]],
      null,
      [],
      [[0, 1]],
    ].map((all) => ({ meta: { all } }));
    const jsonl = writeJsonl(join(folder, "nested.jsonl"), records);
    const lists = new List(item(new List(item(new Float64()))));
    const builder = makeBuilder({ type: new Struct([new Field("all", lists, true)]), nullValues: [null] });
    for (const { meta } of records) builder.append(meta as never);
    const arrow = join(folder, "nested.arrow");
    writeFileSync(arrow, tableToIPC(new Table({ meta: builder.finish().toVector() }), "file"));
    for (const input of [jsonl, arrow]) {
      const out = `${input}.out`;
      const { counts } = await dedup([input], out, { vectorField: "meta.all[0]", threshold: 0.9 });
      assert.deepEqual([counts.read, counts.rejected], [5, 2]);
      assert.deepEqual(numbers(readTable(out, "kept.arrow"), "_row"), [0, 4]);
    }
  });
});
