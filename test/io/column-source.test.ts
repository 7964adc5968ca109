import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  Binary,
  type Data,
  Field,
  List,
  makeData,
  Schema,
  Table,
  Timestamp,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { openArrow } from "../../src/io/arrow/arrow.js";
import { batchOf } from "../../src/io/columns/take.js";
import { RejectedRecords } from "../../src/io/rejected-records.js";
import { unifySchemas } from "../../src/io/schema/unify.js";
import { inFolder } from "./golden.js";

const texts = (values: (string | null)[]) => vectorFromArray(values, new Utf8()).data[0];

/** Reads the second pass of a file with the columns `text` and `c`, of which the first `rejected` rows are left out. */
async function readPass(c: Field, data: Data, other: Field, rejected = 0): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, "t.arrow");
    const text = new Field("text", new Utf8(), true);
    const batch = batchOf(new Schema([text, c]), [texts(Array(data.length).fill("x")), data], data.length);
    await writeFile(path, tableToIPC(new Table([batch]), "file"));
    const source = await openArrow({ path, name: "t.arrow" });
    const schema = unifySchemas([await source.schema(), new Schema([text, other])]);
    const out = new RejectedRecords("t.arrow");
    out.add(
      data.length,
      Array.from({ length: rejected }, (_, record) => ({ record })),
    );
    for await (const { records } of source.read({ schema, rejected: out })) {
      assert.equal(records.length, data.length - rejected);
    }
  });
}

const times = (...values: bigint[]) =>
  makeData({ type: new Timestamp(0), length: values.length, nullCount: 0, data: BigInt64Array.from(values) });

test("a value that does not fit the common type is named with file, row and column", async () => {
  const c = new Field("c", new Timestamp(0), true);
  const nanoseconds = new Field("c", new Timestamp(3), true);
  const data = times(0n, 1n, 2n, 253_402_300_799n, 3n);
  await assert.rejects(() => readPass(c, data, nanoseconds), {
    message: /^t\.arrow: row 4: column "c": 253402300799 of Timestamp<SECOND> does not fit Timestamp<NANOSECOND>/,
    exitCode: 3,
  });
  // Rows count all records, rejected ones too.
  await assert.rejects(() => readPass(c, data, nanoseconds, 2), { message: /^t\.arrow: row 4: column "c"/ });
  await readPass(c, data, nanoseconds, 4);
});

test("the row of a value in a list is the row of the list", async () => {
  const list = (unit: 0 | 3) => new Field("c", new List(new Field("item", new Timestamp(unit), true)), true);
  const child = times(0n, 1n, 2n, 253_402_300_799n);
  const data = makeData({
    type: list(0).type as List<Timestamp>,
    length: 3,
    nullCount: 0,
    valueOffsets: Int32Array.of(0, 3, 4, 4),
    child,
  });
  await assert.rejects(() => readPass(list(0), data, list(3)), { message: /^t\.arrow: row 2: column "c"/ });
});

test("bytes that are no UTF-8 in a string column are named with file, row and column", async () => {
  const bytes = vectorFromArray([Buffer.from("a"), Buffer.from("b"), Buffer.from([0xff])], new Binary()).data[0];
  const c = new Field("c", new Utf8(), true);
  await assert.rejects(() => readPass(c, bytes.clone(new Utf8() as never), c), {
    message: 't.arrow: row 3: column "c" is a string but holds bytes that are not UTF-8: make it binary',
    exitCode: 3,
  });
});
