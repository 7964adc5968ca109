import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  Bool,
  Dictionary,
  Field,
  Float32,
  Int32,
  List,
  makeData,
  Table,
  tableFromIPC,
  tableToIPC,
  Uint64,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { InputError } from "../../src/errors.js";
import { openArrowTable } from "../../src/io/arrow/table.js";
import { testFolder } from "../run/folders.js";

const folder = testFolder();
const path = join(folder, "table.arrow");

const listType = new List(new Field("item", new Utf8(), true));
/** One dictionary for all batches, as a file must have it. */
const coded = vectorFromArray(["甲", "beta", "exact"], new Utf8());
const codedType = new Dictionary(new Utf8(), new Int32(), 1);

/** A table in record batches of very different sizes, an empty one among them; `_row` ascends with gaps. */
function tableOf(sizes: readonly number[]): Table {
  let next = 0;
  const parts = sizes.map((size) => {
    const rows = Array.from({ length: size }, (_, i) => next + i);
    next += size;
    const pick = <T>(make: (row: number) => T) => rows.map(make);
    return new Table({
      _row: vectorFromArray(
        pick((row) => BigInt(3 * row + 1)),
        new Uint64(),
      ),
      text: vectorFromArray(
        pick((row) => (row % 7 === 3 ? null : `text ${"长".repeat(row % 5)} ${row}`)),
        new Utf8(),
      ),
      tags: vectorFromArray(
        pick((row) => (row % 4 === 0 ? [] : [`t${row}`, null])),
        listType,
      ),
      flag: vectorFromArray(
        pick((row) => (row % 3 === 0 ? null : row % 2 === 0)),
        new Bool(),
      ),
      score: vectorFromArray(
        pick((row) => row / 8),
        new Float32(),
      ),
      kind: new Vector([
        makeData({ type: codedType, length: size, data: Int32Array.from(rows, (row) => row % 3), dictionary: coded }),
      ]),
    });
  });
  return parts[0].concat(...parts.slice(1));
}

const table = tableOf([5, 1, 0, 300, 64]);
writeFileSync(path, tableToIPC(table, "file"));
const expected = tableFromIPC(tableToIPC(table, "file")).toArray().map(String);

describe("a table read at random", () => {
  it("every row and every subset of columns is what the reference reader gives", async () => {
    const opened = await openArrowTable(path);
    assert.equal(opened.rows, 370);
    const all = table.schema.fields.map(({ name }) => String(name));
    for (const at of [0, 4, 5, 6, 7, 150, 305, 306, 369]) {
      const batch = await opened.row(all, at);
      assert.deepEqual([batch.numRows, String(batch.get(0))], [1, expected[at]]);
    }
    const part = await opened.row(["kind", "_row"], 17);
    assert.deepEqual(
      part.schema.fields.map(({ name }) => name),
      ["kind", "_row"],
    );
    assert.deepEqual([part.getChild("kind")?.get(0), part.getChild("_row")?.get(0)], [coded.get(17 % 3), 52n]);
    await opened.close();
  });

  it("a scan yields all rows in order with their places", async () => {
    const opened = await openArrowTable(path);
    const found: string[] = [];
    for await (const { first, batch } of opened.scan(table.schema.fields.map(({ name }) => String(name)))) {
      assert.equal(first, found.length);
      for (let i = 0; i < batch.numRows; i++) found.push(String(batch.get(i)));
    }
    assert.deepEqual(found, expected);
    await opened.close();
  });

  it("counts the rows below a value as a plain loop does", async () => {
    const opened = await openArrowTable(path);
    const rows = Array.from({ length: 370 }, (_, i) => 3 * i + 1);
    for (const value of [0, 1, 2, 3, 13, 14, 16, 17, 500, 1107, 1108, 1109, 1e9]) {
      assert.equal(opened.countBelow("_row", value), rows.filter((row) => row < value).length, String(value));
    }
    assert.throws(() => opened.countBelow("score", 1), /column score is Float32, expected uint64 without nulls/);
    await opened.close();
  });

  it("says what is wrong with a file, a column or a row", async () => {
    const opened = await openArrowTable(path);
    await assert.rejects(
      opened.row(["text"], 370),
      new InputError(`${path}: cannot be read as Arrow: it has no row 370`),
    );
    await assert.rejects(opened.row(["_vector"], 0), /no column _vector; name a folder that bge-dedup wrote/);
    await opened.close();
    const cut = join(folder, "cut.arrow");
    writeFileSync(cut, tableToIPC(table, "file").subarray(0, 900));
    await assert.rejects(openArrowTable(cut), InputError);
    await assert.rejects(openArrowTable(join(folder, "none.arrow")), /cannot be read: ENOENT/);
  });
});
