import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { InputError } from "../../src/errors.js";
import { csvFormat } from "../../src/io/csv/csv.js";
import { CsvSplitter } from "../../src/io/csv/records.js";
import type { BadRecord } from "../../src/io/jsonl/record-block.js";
import { openRecordFile } from "../../src/io/record-file.js";
import type { Reject } from "../../src/io/source.js";
import { testFolder } from "../run/folders.js";

const folder = testFolder();

async function read(content: string | Buffer, delimiter = ",", textFields = ["text"]) {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "table.csv");
  writeFileSync(path, content);
  const source = await openRecordFile({ path, name: "table.csv", format: () => csvFormat("table.csv", delimiter) });
  const texts: (string | null | undefined)[] = [];
  const rejects: Reject[] = [];
  for await (const batch of source.scan({ textFields })) {
    texts.push(...batch.texts);
    rejects.push(...batch.rejects);
  }
  const schema = await source.schema();
  return { texts, rejects, columns: schema.fields.map(String), source, schema };
}

/** A field as any writer may put it: quoted where it must be, and elsewhere by chance. */
function written(field: string, delimiter: string, quoted: boolean): string {
  return quoted || field === "" || /["\r\n]/.test(field) || field.includes(delimiter)
    ? `"${field.replaceAll('"', '""')}"`
    : field;
}

describe("CSV", () => {
  it("any fields, quoted as they must be or more, come back in any chunks", async () => {
    const field = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("", '"', '""', ",", ";", "\n", "\r\n", " a ", "007"),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(field, field, fc.boolean()), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(",", ";", "\t", "|"),
        fc.constantFrom("\n", "\r\n"),
        async (rows, delimiter, end) => {
          const lines = rows.map(
            ([a, b, quoted]) => `${written(a, delimiter, quoted)}${delimiter}${written(b, delimiter, true)}`,
          );
          const { texts, rejects, source, schema } = await read(`text${delimiter}b${end}${lines.join(end)}`, delimiter);
          assert.deepEqual(rejects, []);
          assert.deepEqual(
            texts,
            rows.map(([a]) => a),
          );
          const seen: unknown[] = [];
          for await (const { columns } of source.read({ schema })) {
            for (const row of columns.toArray()) seen.push(row.toJSON());
          }
          assert.deepEqual(
            seen,
            rows.map(([text, b]) => ({ text, b })),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it("cuts records as a scan of the whole does, in any chunks", () => {
    const piece = fc.constantFrom("a", '"', '""', ",", "\n", "\r\n", "\r", "\ufeff", "é", " ", "\t");
    fc.assert(
      fc.property(
        fc.array(piece),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
        fc.constantFrom(44, 9),
        (pieces, sizes, delimiter) => {
          const bytes = Buffer.from(pieces.join(""));
          const run = (steps: readonly number[]) => {
            const splitter = new CsvSplitter({ delimiter });
            const found: unknown[] = [];
            for (let at = 0, i = 0; at < bytes.length; i++) {
              const size = steps[i % steps.length];
              const block = splitter.push(bytes.subarray(at, at + size));
              found.push(...block.lines.map((line, n) => [block.numbers[n], line]));
              at += size;
            }
            const last = splitter.finish();
            return [...found, ...last.lines.map((line, n) => [last.numbers[n], line])];
          };
          assert.deepEqual(run(sizes), run([1 << 20]));
        },
      ),
    );
  });

  it("values stay text as written, and a column without a name gets one", async () => {
    const { columns, texts } = await read("\ufeff,text,score\n0,a,007\n1,b,1e5\n");
    assert.deepEqual(columns, ["column_1: Utf8", "text: Utf8", "score: Utf8"]);
    assert.deepEqual(texts, ["a", "b"]);
  });

  it("a byte order mark is no part of the first name, which may hold a line end in quotes", async () => {
    const { columns, texts } = await read('\ufeff"long\nname","text"\n0,a\n');
    assert.deepEqual(columns, ["long\nname: Utf8", "text: Utf8"]);
    assert.deepEqual(texts, ["a"]);
    assert.deepEqual((await read("\ufeff")).texts, []);
  });

  it("a header whose quotes do not match is refused", async () => {
    await assert.rejects(
      read('text,"n\na,1\n'),
      (error) => error instanceof InputError && /table\.csv: its header cannot be read: .*quote/.test(error.message),
    );
  });

  it("a ragged row is a reject with its line, and so is a faulty quote; every other row is read", async () => {
    const content = 'text,n\na,1\nb\nc,2,3\n"d\nd",4\n"e"e,5\n\n5" h,8\nf,"6\ng,7\n';
    const { texts, rejects } = await read(content);
    assert.deepEqual(texts, ["a", null, null, "d\nd", null, '5" h', null, "g"]);
    assert.deepEqual(
      rejects.map(({ line, error, raw }) => [line, error, raw]),
      [
        [3, "the record has 1 field, expected 2 as in the header", "b"],
        [4, "the record has 3 fields, expected 2 as in the header", "c,2,3"],
        [7, "not valid CSV: text follows a closing quote", '"e"e,5'],
        [10, "not valid CSV: the quote that it opens is never closed", 'f,"6'],
      ],
    );
  });

  it("text behind the quotes of several lines rejects the line that opens them, not the rows below", async () => {
    const { texts, rejects } = await read('text,n\n"never closed,1\nb,2\nc,3\n"d" and more,4\ne,5\n');
    assert.deepEqual(texts, [null, "b", "c", null, "e"]);
    assert.deepEqual(
      rejects.map(({ line }) => line),
      [2, 5],
    );
  });

  it("in a file with tabs, quotes that enclose no field are part of the text", async () => {
    const content =
      'n\ttext\n1\t"an opening quote\n2\tplain\n3\t"whole"\n4\t"said" she\n5\tend"\n6\t"two\nlines"\n7\t5" pipe\n8\t"last\n';
    const { texts, rejects } = await read(content, "\t");
    assert.deepEqual(rejects, []);
    assert.deepEqual(texts, [
      '"an opening quote',
      "plain",
      "whole",
      '"said" she',
      'end"',
      "two\nlines",
      '5" pipe',
      '"last',
    ]);
  });

  it("Excel's first line says the delimiter and is no header", async () => {
    assert.deepEqual((await read("sep=;\ntext;n\na,b;1\n", ";")).texts, ["a,b"]);
  });

  it("behind a closing quote a carriage return ends the record only with a line feed", async () => {
    const { texts, rejects } = await read('text,n\na,"1"\r\nb,"2"\r,3\nc,4\n');
    assert.deepEqual(texts, ["a", null, "c"]);
    assert.match(rejects[0].error, /text follows a closing quote/);
  });

  it("bytes that are not UTF-8 reject their record", async () => {
    const { texts, rejects } = await read(Buffer.from("text,n\na,1\n\xe9,2\nb,3\n", "latin1"));
    assert.deepEqual(texts, ["a", null, "b"]);
    assert.equal(rejects[0].rawBase64, true);
  });

  it("two columns of one name are refused by name; __proto__ is a name like any other", async () => {
    await assert.rejects(
      read("text,a,a\nx,1,2\n"),
      (error) => error instanceof InputError && /table\.csv: two columns are named "a"/.test(error.message),
    );
    const { texts } = await read("text,__proto__\nx,y\n", ",", ["__proto__"]);
    assert.deepEqual(texts, ["y"]);
  });

  it("an open quote cannot take more than the limit: its line is rejected, the others are read", () => {
    const splitter = new CsvSplitter({ delimiter: 44, mostBytes: 100 });
    const block = splitter.push(Buffer.from(`a,"b\n${"c,d\n".repeat(50)}`));
    assert.match((block.lines[0] as BadRecord).error, /not closed within the bytes/);
    assert.equal(block.lines.filter((line) => line === "c,d").length, 50);
    const long = new CsvSplitter({ delimiter: 44, mostBytes: 100 });
    const blocks = [long.push(Buffer.alloc(150, 97)), long.push(Buffer.from("bbb\nc,d\n")), long.finish()];
    const lines = blocks.flatMap((each) => each.lines);
    assert.match((lines[0] as BadRecord).error, /record has 150 bytes, expected at most 100/);
    assert.deepEqual(lines.slice(1), ["c,d"]);
  });

  it("behind a record over the limit, in any chunks, records keep their lines", () => {
    const content = `"x\ny",${"z".repeat(150)}\n"c\nc",d\n"e",f\n`;
    for (const size of [1, 7, 30, 1000]) {
      const splitter = new CsvSplitter({ delimiter: 44, mostBytes: 100 });
      const found: [number, unknown][] = [];
      for (let at = 0; at < content.length; at += size) {
        const { lines, numbers } = splitter.push(Buffer.from(content.slice(at, at + size)));
        found.push(...lines.map((line, i): [number, unknown] => [numbers[i], line]));
      }
      const { lines, numbers } = splitter.finish();
      found.push(...lines.map((line, i): [number, unknown] => [numbers[i], line]));
      assert.deepEqual(
        found.slice(-2),
        [
          [3, '"c\nc",d'],
          [5, '"e",f'],
        ],
        `chunks of ${size}`,
      );
    }
  });

  it("behind a line that is too long no record is lost, though the line opens a quote", () => {
    const splitter = new CsvSplitter({ delimiter: 44, mostBytes: 100 });
    const pushes = ["a".repeat(150), ',"b\nd,1\n', "e,2\n"].map((text) => splitter.push(Buffer.from(text)));
    const lines = [...pushes, splitter.finish()].flatMap((block) => block.lines);
    assert.deepEqual(lines.slice(1), ["d,1", "e,2"]);
    const numbers = pushes.flatMap((block) => block.numbers);
    assert.deepEqual(numbers, [1, 2, 3]);
  });
});
