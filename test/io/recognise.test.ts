import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { InputError } from "../../src/errors.js";
import type { FormatWishes } from "../../src/io/input-format.js";
import { openSources } from "../../src/io/open-sources.js";
import { type Recognised, recognise } from "../../src/io/recognise.js";
import { testFolder } from "../run/folders.js";
import { goldenFile } from "./golden.js";

const folder = testFolder();

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** The texts of a file, null where the record is rejected. */
async function texts(path: string, wishes: FormatWishes = {}): Promise<(string | null | undefined)[]> {
  const [{ source }] = await openSources([path], { memory: 2 ** 28, wishes });
  const found: (string | null | undefined)[] = [];
  for await (const batch of source.scan({ textFields: ["text"] })) found.push(...batch.texts);
  return found;
}

const ROWS = ["How do I reset my password?", "退款多久到账", 'a "quoted", text', "😀\n two lines"];
const JSONL = ROWS.map((text, n) => `${JSON.stringify({ text, n })}\n`).join("");
const ARRAY = JSON.stringify(ROWS.map((text, n) => ({ text, n })));
const CSV = `text,n\n${ROWS.map((text, n) => `"${text.replaceAll('"', '""')}",${n}\n`).join("")}`;
const TSV = `n\ttext\n${ROWS.map((text, n) => `${n}\t"${text.replaceAll('"', '""')}"\n`).join("")}`;

/** A Zstandard file that begins with a frame to be skipped, whose content is stored as it is (RFC 8878). */
function zstdBehindSkippedFrame(text: string): Buffer {
  const content = Buffer.from(text);
  assert.ok(content.length < 256);
  const skipped = [0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2];
  const block = 1 | (content.length << 3);
  const frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, content.length, block & 255, block >> 8, 0];
  return Buffer.concat([Buffer.from(skipped), Buffer.from(frame), content]);
}

function utf16(text: string, bigEndian = false): Buffer {
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le");
  return bigEndian ? bytes.swap16() : bytes;
}

describe("a file is read as what it holds, whatever its name", () => {
  const cases: [name: string, content: string | Uint8Array, expected: Partial<Recognised>][] = [
    ["plain.jsonl", JSONL, { format: "jsonl" }],
    ["no extension", JSONL, { format: "jsonl" }],
    ["lines.csv", JSONL, { format: "jsonl" }],
    ["array.jsonl", ARRAY, { format: "json" }],
    ["pretty.json", JSON.stringify(JSON.parse(ARRAY), null, 2), { format: "json" }],
    ["marked.json", `\ufeff \n${ARRAY}`, { format: "json" }],
    ["gzip.jsonl", gzipSync(JSONL), { format: "jsonl", compression: "gzip" }],
    ["array.json.gz", gzipSync(ARRAY), { format: "json", compression: "gzip" }],
    ["plain.jsonl.gz", JSONL, { format: "jsonl", compression: undefined }],
    ["commas.jsonl", JSONL.replaceAll("\n", ",\n"), { format: "jsonl" }],
    ["padded.jsonl.gz", Buffer.concat([gzipSync(JSONL), Buffer.alloc(3_000_000)]), { compression: "gzip" }],
    ["excel.csv", `sep=,\r\n${CSV}`, { format: "csv", delimiter: "," }],
    ["table.csv", CSV, { format: "csv", delimiter: "," }],
    ["table.txt", CSV, { format: "csv", delimiter: "," }],
    ["table.csv.gz", gzipSync(CSV), { format: "csv", compression: "gzip", delimiter: "," }],
    ["table.tsv", TSV, { format: "tsv", delimiter: "\t" }],
    ["tabs.csv", TSV, { format: "csv", delimiter: "\t" }],
    ["little.jsonl", utf16(JSONL), { format: "jsonl", utf16: "le" }],
    ["big.json", utf16(ARRAY, true), { format: "json", utf16: "be" }],
    ["wide.csv", utf16(CSV), { format: "csv", utf16: "le" }],
    ["old-mac.jsonl", JSONL.replaceAll("\n", "\r"), { format: "jsonl", carriageReturns: true }],
    ["windows.jsonl", JSONL.replaceAll("\n", "\r\n"), { format: "jsonl", carriageReturns: undefined }],
    ["joined.jsonl", JSONL.replaceAll("\n", "\n\ufeff"), { format: "jsonl" }],
    ["skipped-frame.jsonl", zstdBehindSkippedFrame(JSONL), { format: "jsonl", compression: "zstd" }],
    ["sequence.json", `\u001e${JSONL.trimEnd().replaceAll("\n", "\n\u001e")}`, { format: "jsonl" }],
  ];
  for (const [name, content, expected] of cases) {
    it(name, async () => {
      const path = write(`formats/${name}`, content);
      const found = await recognise(path, path, {});
      for (const [key, value] of Object.entries(expected)) assert.equal(found[key as keyof Recognised], value, key);
      assert.deepEqual(await texts(path), ROWS);
    });
  }

  for (const [name, file, format] of [
    ["parquet.jsonl", "groups.parquet", "parquet"],
    ["arrow.csv", "types.arrow", "arrow"],
  ] as const) {
    it(`${file} named ${name}`, async () => {
      const { readFileSync } = await import("node:fs");
      const path = write(name, readFileSync(goldenFile(file)));
      assert.equal((await recognise(path, path, {})).format, format);
    });
  }

  it("a first line that is no JSON does not make JSON lines something else", async () => {
    const path = write("comment.txt", `name, value and more\n${JSONL}`);
    assert.deepEqual(await texts(path), [null, ...ROWS]);
  });

  it("a text named as compressed is text, though the bytes that are looked at end within a character", async () => {
    for (const pad of ["", "a", "aa"]) {
      const path = write(`cut${pad.length}.jsonl.gz`, `{"text":"${pad}"}\n{"text":"${"文".repeat(30_000)}"}\n`);
      assert.deepEqual((await texts(path)).length, 2);
    }
  });

  it("Feather version 1 is named", async () => {
    const path = write("old", "FEA1....");
    await assert.rejects(
      openSources([path], { memory: 2 ** 28, wishes: {} }),
      (error) => error instanceof InputError && /Feather version 1, expected version 2/.test(error.message),
    );
  });

  it("a text may begin with the letters of another format", async () => {
    const path = write("ORCID", "ORCID,text\n0000-0001,one\n0000-0002,two\n");
    assert.deepEqual(await texts(path), ["one", "two"]);
  });

  it("prose with commas is no CSV", async () => {
    const path = write("prose.txt", "Hello, world. This is a text!\nAnd another one, as it were.\n");
    assert.equal((await recognise(path, path, {})).format, "jsonl");
  });

  it("zeros that a power cut left are one reject", async () => {
    const path = write("cut-power.jsonl", Buffer.concat([Buffer.from(JSONL), Buffer.alloc(5000)]));
    assert.deepEqual(await texts(path), [...ROWS, null]);
  });

  it("the user's word decides", async () => {
    const path = write("one-column", "text\nfirst\nsecond\n");
    assert.deepEqual(await texts(path, { format: "csv" }), ["first", "second"]);
    const odd = write("odd.csv", "text~n\na,b~1\n");
    assert.deepEqual(await texts(odd, { delimiter: "~" }), ["a,b"]);
  });
});

describe("what is not read is named, with the command that gets it in", () => {
  const refused: [name: string, content: Uint8Array, message: RegExp][] = [
    ["a.bz2", Buffer.from("BZh91AY"), /is bzip2, .*bzip2 -dc \S+a\.bz2 \| bge-dedup -/],
    ["b.jsonl.xz", Buffer.from("\xfd7zXZ\0\0", "latin1"), /xz -dc/],
    ["c.zip", Buffer.from("PK\x03\x04"), /unzip -p/],
    ["it's here.lz4", Buffer.from("\x04\x22\x4d\x18", "latin1"), /lz4 -dc '\S+it'\\''s here\.lz4' \| bge-dedup -/],
    ["d.tar", Buffer.concat([Buffer.alloc(257, 65), Buffer.from("ustar")]), /tar -xOf/],
    ["e.orc", Buffer.from("ORC\x00"), /convert it to Parquet/],
    ["f.jsonl", Buffer.from(JSONL, "utf16le"), /looks like UTF-16LE, .*iconv -f UTF-16LE -t UTF-8/],
    ["g.jsonl", Buffer.from(JSONL, "utf16le").swap16(), /looks like UTF-16BE/],
    ["h.jsonl", Buffer.from(Uint32Array.from("\ufeff{}", (c) => c.charCodeAt(0)).buffer), /is UTF-32/],
    ["p.jsonl", Buffer.from(Uint32Array.from(JSONL, (c) => c.charCodeAt(0)).buffer), /looks like UTF-32LE/],
    ["i.gz", gzipSync(gzipSync(JSONL)), /holds gzip inside of gzip/],
    ["j.parquet.gz", gzipSync(Buffer.from("PAR1....")), /holds parquet inside of gzip/],
    ["k.gz", Buffer.of(), /not a complete gzip stream/],
    ["l.zst", Buffer.from([1, 2, 0xff, 4]), /not a complete zstd stream/],
    [
      "n.tar.gz",
      gzipSync(Buffer.concat([Buffer.alloc(257, 65), Buffer.from("ustar")])),
      /a tar archive.*tar -xOf \S+n\.tar\.gz/,
    ],
    ["o.gz", gzipSync(Buffer.from(JSONL, "utf16le")), /gzip -dc \S+o\.gz \| iconv -f UTF-16LE -t UTF-8 \| bge-dedup -/],
    ["m.bin", Buffer.alloc(1000, "\0ab"), /binary data in no format that is read/],
  ];
  for (const [name, content, message] of refused) {
    it(name, async () => {
      const path = write(`refused/${name}`, content);
      await assert.rejects(recognise(path, path, {}), (error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

describe("UTF-16", () => {
  it("a lone surrogate and half a character reject their records and no other", async () => {
    const lines = utf16(`{"text":"one"}\n{"text":"\ud800"}\n{"text":"\ud83d\ude00"}\n{"text":"last"}`);
    const path = write("halves.jsonl", Buffer.concat([lines, Buffer.of(0x7d)]));
    assert.deepEqual(await texts(path), ["one", null, "😀", null]);
  });

  it("a pair that two reads divide stays whole", async () => {
    // Reads are of 1 MiB; the mark and the padding put the pair across the border.
    const pad = "x".repeat((1 << 19) - 13);
    const path = write("divided.jsonl", utf16(`{"text":"${pad}😀😀😀"}\n`));
    const [text] = await texts(path);
    assert.equal(text, `${pad}😀😀😀`);
  });
});
