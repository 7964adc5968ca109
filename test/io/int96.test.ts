import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Field, Schema, Timestamp } from "apache-arrow";
import { parquetWriteBuffer } from "hyparquet-writer";
import { rowText } from "../../src/io/jsonl/json-text.js";
import { openParquet } from "../../src/io/parquet/parquet.js";
import { SurveyedTimestamp } from "../../src/io/schema/surveyed-timestamp.js";
import { unifySchemas } from "../../src/io/schema/unify.js";
import type { Source } from "../../src/io/source.js";
import { allRows, goldenRows, inFolder, openGolden } from "./golden.js";

/** An INT96: nanoseconds of the day, Julian day. */
function int96(nanoseconds: bigint, day: number): Uint8Array {
  const bytes = Buffer.alloc(12);
  bytes.writeBigInt64LE(nanoseconds);
  bytes.writeInt32LE(day, 8);
  return bytes;
}

const NEW_YEAR_1970 = 2_440_588;
const END_OF_9999 = 5_373_484;

/** A Parquet file whose column `t` has these INT96 values, in row groups of so many rows. */
function fileOf(values: (Uint8Array | null)[], rowGroupSize = values.length): Uint8Array {
  const schema = [
    { name: "root", num_children: 2 },
    { name: "text", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
    { name: "t", type: "FIXED_LEN_BYTE_ARRAY", type_length: 12, repetition_type: "OPTIONAL" },
  ] as const;
  const columnData = [
    { name: "text", data: values.map((_, i) => `row ${i}`) },
    { name: "t", data: values, encoding: "PLAIN" as const },
  ];
  const bytes = Buffer.from(parquetWriteBuffer({ schema: [...schema], columnData, statistics: false, rowGroupSize }));
  // The library writes no INT96, but values of width 12 are stored alike. Their type is a number in the element of the
  // schema, before the width 12, and in the metadata of each chunk, before the list of encodings: 7 becomes 3, as varints.
  const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
  for (const after of [[0x15, 0x18], [0x19]]) {
    const type = Buffer.from([0x15, 14, ...after]);
    assert.ok(bytes.indexOf(type, footer) > 0);
    for (let at = bytes.indexOf(type, footer); at > 0; at = bytes.indexOf(type, at)) bytes[at + 1] = 6;
  }
  return bytes;
}

async function withFiles(files: (Uint8Array | null)[][], use: (sources: Source[]) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const sources: Source[] = [];
    for (const [i, values] of files.entries()) {
      const path = join(folder, `${i}.parquet`);
      await writeFile(path, fileOf(values));
      sources.push(await openParquet({ path, name: `${i}.parquet` }));
    }
    await use(sources);
  });
}

/** The texts of column `t` of all sources under their common schema. */
async function unifiedTimes(sources: readonly Source[]): Promise<{ type: string; times: unknown[] }> {
  const schema = unifySchemas(await Promise.all(sources.map((source) => source.schema())));
  const times: unknown[] = [];
  for (const source of sources) {
    for await (const { columns } of source.read({ schema })) {
      const text = rowText(columns);
      for (let row = 0; row < columns.numRows; row++) times.push(JSON.parse(text(row)).t);
    }
  }
  return { type: String(schema.fields[1].type), times };
}

test("each column has the unit that holds its values, in lists too", async () => {
  const { fields } = await (await openGolden("int96-wide.parquet")).schema();
  assert.deepEqual(
    fields.map(({ type }) => String(type)),
    ["Utf8", "Timestamp<MICROSECOND>", "Timestamp<NANOSECOND>", "List<Timestamp<MICROSECOND>>"],
  );
  const old = await (await openGolden("int96.parquet")).schema();
  assert.equal(String(old.fields[1].type), "Timestamp<NANOSECOND>");
  assert.deepEqual(await allRows(await openGolden("int96-wide.parquet")), goldenRows("int96-wide.parquet"));
});

test("files of one table meet in microseconds where one of them needs these and none has finer digits", async () => {
  const narrow = [int96(1000n, NEW_YEAR_1970), null];
  const wide = [int96(86_399_999_999_000n, END_OF_9999)];
  for (const files of [
    [narrow, wide],
    [wide, narrow],
    [narrow, narrow, wide],
  ]) {
    await withFiles(files, async (sources) => {
      const { type, times } = await unifiedTimes(sources);
      assert.equal(type, "Timestamp<MICROSECOND>");
      const expected = files.flatMap((values) =>
        values === wide ? ["9999-12-31T23:59:59.999999"] : ["1970-01-01T00:00:00.000001", null],
      );
      assert.deepEqual(times, expected);
    });
  }
});

test("files whose values no unit holds meet as text, each with its own digits", async () => {
  await withFiles([[int96(1001n, NEW_YEAR_1970)], [int96(0n, END_OF_9999)]], async (sources) => {
    const { type, times } = await unifiedTimes(sources);
    assert.equal(type, "Utf8");
    assert.deepEqual(times, ["1970-01-01T00:00:00.000001001", "9999-12-31T00:00:00.000000"]);
  });
});

test("a column that no unit holds is refused with both rows, and a date out of all time with its row", async () => {
  const refused = async (values: (Uint8Array | null)[], message: RegExp) => {
    await assert.rejects(() => withFiles([values], async () => {}), { message, exitCode: 3 });
  };
  await refused(
    [null, int96(1n, NEW_YEAR_1970), int96(0n, END_OF_9999)],
    /^0\.parquet: cannot be read as Parquet: column "t": row 3 lies outside of the years 1677 to 2262.* row 2 has digits/,
  );
  await refused([null, int96(0n, -105_862_232)], /column "t", row 2: a date of more than 290,000 years from 1970/);
});

test("rows count through the row groups", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "groups.parquet");
    const plain = int96(0n, NEW_YEAR_1970);
    await writeFile(
      path,
      fileOf([plain, null, plain, plain, null, int96(1n, NEW_YEAR_1970), int96(0n, END_OF_9999)], 2),
    );
    await assert.rejects(openParquet({ path, name: "groups.parquet" }), {
      message: /row 7 lies outside of .* row 6 has digits below microseconds/,
    });
  });
});

test("nanoseconds are exact up to the last one that fits, and times beyond a day count on", async () => {
  // 2262-04-11T23:47:16.854775807 and 1677-09-21T00:12:43.145224192 are the last and first of an int64.
  const last = int96(85_636_854_775_807n, NEW_YEAR_1970 + 106_751);
  const first = int96(763_145_224_192n, NEW_YEAR_1970 - 106_752);
  const late = int96(2n * 86_400_000_000_000n, NEW_YEAR_1970);
  await withFiles([[last, first, late]], async (sources) => {
    assert.deepEqual((await unifiedTimes(sources)).times, [
      "2262-04-11T23:47:16.854775807",
      "1677-09-21T00:12:43.145224192",
      "1970-01-03T00:00:00.000000000",
    ]);
  });
  const beyond = int96(85_636_854_776_000n, NEW_YEAR_1970 + 106_751);
  await withFiles([[beyond]], async (sources) => {
    assert.deepEqual(await unifiedTimes(sources), {
      type: "Timestamp<MICROSECOND>",
      times: ["2262-04-11T23:47:16.854776"],
    });
  });
});

test("what unifies with wide timestamps loses nothing in any order", () => {
  const one = (type: Timestamp) => new Schema([new Field("t", type, true)]);
  const wide = new SurveyedTimestamp({ wide: true, fine: false });
  const whole = new SurveyedTimestamp({ wide: false, fine: false });
  const fine = new SurveyedTimestamp({ wide: false, fine: true });
  const meet = (...types: Timestamp[]) => String(unifySchemas(types.map(one)).fields[0].type);
  assert.equal(meet(wide, new Timestamp(3)), "Utf8");
  assert.equal(meet(new Timestamp(3), wide), "Utf8");
  assert.equal(meet(wide, new Timestamp(0)), "Timestamp<MICROSECOND>");
  assert.equal(meet(whole, fine, wide), "Utf8");
  assert.equal(meet(fine, whole), "Timestamp<NANOSECOND>");
  assert.equal(meet(whole, new Timestamp(2)), "Timestamp<NANOSECOND>");
  assert.equal(meet(whole, new Timestamp(2, "UTC")), "Utf8");
});
