import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { tableFromArrays } from "apache-arrow";
import { UsageError } from "../../src/errors.js";
import { openArrowWriter } from "../../src/io/arrow/write.js";
import { dedup, numbers, readTable, testFolder, values, verify, writeJsonl } from "./folders.js";

const folder = testFolder();

async function part(name: string, texts: readonly string[]): Promise<string> {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  if (name.endsWith(".jsonl"))
    return writeJsonl(
      path,
      texts.map((text) => ({ text })),
    );
  const table = tableFromArrays({ text: texts });
  const writer = await openArrowWriter({ path, schema: table.schema });
  for (const batch of table.batches) await writer.write(batch);
  await writer.finish();
  return path;
}

function manifestOf(out: string): { inputs: { name: string; format: string; rows: number; first_row: number }[] } {
  return JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
}

describe("where a row came from", () => {
  it("partition folders are columns of every format, --source-field is the file, and the manifest counts", async () => {
    await part("hive/year=2023/lang=zh%20CN/a.arrow", ["first row of all", "second thing"]);
    await part("hive/year=2024/lang=__HIVE_DEFAULT_PARTITION__/b.jsonl", ["a third one", "not a row like others"]);
    await part("hive/year=2025/c.jsonl", ["first row of all"]);
    const out = join(folder, "hive-out");
    await dedup([join(folder, "hive")], out, { sourceField: "file", keep: "max:year" });
    const kept = readTable(out, "kept.arrow");
    assert.deepEqual(numbers(kept, "_row"), [1, 2, 3, 4]);
    assert.deepEqual(numbers(kept, "year"), [2023, 2024, 2024, 2025]);
    assert.deepEqual(values(kept, "lang"), ["zh CN", null, null, null]);
    const paths = [
      "year=2023/lang=zh%20CN/a.arrow",
      "year=2024/lang=__HIVE_DEFAULT_PARTITION__/b.jsonl",
      "year=2025/c.jsonl",
    ];
    assert.deepEqual(
      values(kept, "file"),
      [0, 1, 1, 2].map((i) => join(folder, "hive", paths[i])),
    );
    assert.deepEqual(
      manifestOf(out).inputs.map(({ format, rows, first_row }) => [format, rows, first_row]),
      [
        ["arrow", 2, 0],
        ["jsonl", 2, 2],
        ["jsonl", 1, 4],
      ],
    );
    const report = await verify(out);
    assert.ok(report.ok, report.violation);
  });

  it("a partition that is not a whole number everywhere is text; a column of the file comes first", async () => {
    await part("mixed/part=01/x.jsonl", ["one text"]);
    const path = await part("mixed/part=2/y.jsonl", []);
    writeJsonl(path, [{ text: "another matter", n: 1 }]);
    const out = join(folder, "mixed-out");
    await dedup([join(folder, "mixed")], out);
    assert.deepEqual(values(readTable(out, "kept.arrow"), "part"), ["01", "2"]);
    writeJsonl(path, [{ text: "another matter", part: "its own" }]);
    await dedup([join(folder, "mixed")], out);
    const kept = readTable(out, "kept.arrow");
    assert.deepEqual(values(kept, "part"), [null, "its own"]);
    assert.equal(kept.schema.fields.filter(({ name }) => name === "part").length, 1);
  });

  it("a column of the files orders the rows, not the partition of the same name", async () => {
    await part("own/rank=7/a.jsonl", []);
    writeJsonl(join(folder, "own/rank=7/a.jsonl"), [
      { text: "the same text", rank: 1 },
      { text: "the same text", rank: 9 },
    ]);
    await dedup([join(folder, "own")], join(folder, "own-out"), { keep: "max:rank" });
    assert.deepEqual(numbers(readTable(join(folder, "own-out"), "kept.arrow"), "rank"), [9]);
  });

  it("a partition of more digits than every reader keeps is text", async () => {
    await part("long/id=1234567890123456/a.jsonl", ["one text"]);
    await part("long/id=99999999999999999999/b.jsonl", ["another matter"]);
    await dedup([join(folder, "long")], join(folder, "long-out"));
    const ids = values(readTable(join(folder, "long-out"), "kept.arrow"), "id");
    assert.deepEqual(ids, ["1234567890123456", "99999999999999999999"]);
  });

  it("a source field that the inputs have is refused before anything is embedded", async () => {
    const input = await part("plain.jsonl", ["one", "two"]);
    await assert.rejects(dedup([input], join(folder, "no"), { sourceField: "text" }), (error) => {
      return error instanceof UsageError && /--source-field text is a column of the inputs already/.test(error.message);
    });
  });

  it("standard input is recognised by its content as well", async () => {
    const out = join(folder, "stdin-out");
    const stdin = Readable.from([Buffer.from('id;text\n1;"one; two"\n2;three words here\n')]);
    const { counts } = await dedup(["-"], out, { context: { stdin }, sourceField: "source" });
    assert.equal(counts.kept, 2);
    assert.deepEqual(values(readTable(out, "kept.arrow"), "source"), ["-", "-"]);
    assert.equal(manifestOf(out).inputs[0].format, "csv");
  });
});

describe("pipes", () => {
  it("are read like files, several at once, and standard input beside them", async () => {
    const input = await part("piped.jsonl", ["one text", "another matter"]);
    const out = join(folder, "pipes-out");
    const command = `${process.execPath} bin/bge-dedup.js <(cat ${input}) - <(gzip -c ${input}) -o ${out} --json --progress none < ${input}`;
    const { stdout, status, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const { counts } = JSON.parse(stdout) as { counts: { read: number; kept: number } };
    assert.deepEqual([counts.read, counts.kept], [6, 2]);
    assert.ok(!existsSync(join(out, ".work")));
  });
});

describe("a night whose result would be useless", () => {
  const good = writeJsonl(join(folder, "good.jsonl"), [{ text: "one" }, { text: "two words" }]);
  const bad: [name: string, content: string | Buffer, message: RegExp][] = [
    ["empty.jsonl", "", /hold no records/],
    ["field.jsonl", '{"body":"a"}\n{"body":"b"}\n', /text field "text" is missing; the fields are "body"/],
    [
      "lines.txt",
      "just a text\nand more\n",
      /Line 1 of \S+: not valid JSON.* Likely cause: .*jq -cR '\{text: \.\}' \S+lines\.txt \| bge-dedup -/,
    ],
    ["objects.json", '{\n  "text": "a"\n}\n{\n  "text": "b"\n}\n', /objects over several lines; .*jq -c \./],
    ["objects.json.gz", gzipSync('{\n  "text": "a"\n}\n'), /gzip -dc \S+objects\.json\.gz \| jq -c \. \| bge-dedup -/],
    [
      "gbk.jsonl",
      Buffer.from([...Buffer.from('{"text":"'), 0xcd, 0xcb, 0xbf, 0xee, ...Buffer.from('"}\n')]),
      /could be GB18030; .*iconv -f GB18030/,
    ],
    ["page.jsonl", "<html>\n<body>Not found</body>\n</html>\n", /HTML or XML/],
    ["strings.jsonl", '"a text"\n"another"\n', /strings, not objects; .*jq -c '\{text: \.\}'/],
    ["texts.json", '["a text","another"]', /a list of strings, not of objects; .*jq -c '\.\[\] \| \{text: \.\}'/],
    ["rows.json", '[[1,"a text"],[2,"another"]]', /jq -c '\.\[\] \| \{text: \.\[1\]\}'/],
    ["lists.jsonl", '[1,"a text"]\n[2,"another"]\n', /its records are lists, .*jq -c '\{text: \.\[1\]\}'/],
    ["numbers.jsonl", '{"text":1}\n{"text":2}\n', /text field "text" holds the number 1/],
  ];
  for (const [name, content, message] of bad) {
    it(`${name}: exit 3, the likely cause, and the results of yesterday stay`, async () => {
      const out = join(folder, `out-${name}`);
      await dedup([good], out);
      const before = readFileSync(join(out, "kept.arrow"));
      const path = join(folder, name);
      writeFileSync(path, content);
      await assert.rejects(dedup([path], out), (error: Error & { exitCode?: number }) => {
        assert.equal(error.exitCode, 3, String(error));
        assert.match(error.message, message);
        return true;
      });
      assert.deepEqual(readFileSync(join(out, "kept.arrow")), before);
    });
  }

  it("over a tenth rejected is a warning, a tenth is not", async () => {
    const rows = Array.from({ length: 9 }, (_, i) => ({ text: `row ${i} of many` }));
    const path = join(folder, "tenth.jsonl");
    const lines = rows.map((row) => JSON.stringify(row)).join("\n");
    writeFileSync(path, `${lines}\nnot json\n`);
    assert.deepEqual((await dedup([path], join(folder, "tenth"))).warnings, []);
    writeFileSync(path, `${lines}\nnot json\nnor this\n`);
    const { warnings } = await dedup([path], join(folder, "tenth"));
    assert.match(warnings[0], /^2 of 11 records \(18\.2 %\) were rejected, see .*rejects\.jsonl/);
  });
});
