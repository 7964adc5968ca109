import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tableFromArrays } from "apache-arrow";
import { parquetWriteBuffer } from "hyparquet-writer";
import { openArrowWriter } from "../../src/io/arrow/write.js";
import { seededRandom } from "./random.js";

/** A broken or hostile input and what a run over it must come to. */
export interface HostileInput {
  readonly name: string;
  /** What is given to the command; more than one for the same file twice. */
  readonly paths: readonly string[];
  readonly code: 0 | 3;
  /** Records that must be counted and how many of them rejected, where the run succeeds. */
  readonly read?: number;
  readonly rejected?: number;
  /** In the error, where it fails. */
  readonly message?: RegExp;
}

const LINE = '{"text":"how do I reset my password","id":1}\n';
const MiB = 2 ** 20;

/** A gzip stream of `count` times the same piece, as members, so that making it takes no memory. */
function gzipBomb(path: string, piece: Buffer, count: number, head = "", tail = ""): void {
  const file = openSync(path, "w");
  const member = gzipSync(piece, { level: 9 });
  writeSync(file, gzipSync(Buffer.from(head)));
  for (let i = 0; i < count; i++) writeSync(file, member);
  writeSync(file, gzipSync(Buffer.from(tail)));
  closeSync(file);
}

/** A zstd frame of RLE blocks: four bytes for 128 KiB each. */
function zstdBomb(blocks: number, byte: number): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]);
  const body = Buffer.alloc(blocks * 4);
  for (let i = 0; i < blocks; i++) {
    const word = ((128 * 1024) << 3) | (1 << 1) | (i === blocks - 1 ? 1 : 0);
    body.writeUIntLE(word, i * 4, 3);
    body[i * 4 + 3] = byte;
  }
  return Buffer.concat([header, body]);
}

/** A zstd frame of stored blocks, which needs no compressor. */
function zstdStored(content: Buffer): Buffer {
  const pieces: Uint8Array[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58])];
  for (let at = 0; at < content.length; at += 128 * 1024) {
    const block = content.subarray(at, at + 128 * 1024);
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | (at + block.length === content.length ? 1 : 0), 0, 3);
    pieces.push(header, block);
  }
  return Buffer.concat(pieces);
}

/** Text for a JSON line of about `bytes` bytes. */
const longLine = (bytes: number) => `{"text":"${"abc ".repeat(bytes / 4)}"}\n`;

/**
 * Makes the corpus in a folder, the same for the same seed. `large` adds what takes seconds: lines of 200 MB, bombs of
 * gigabytes.
 */
export async function hostileInputs(options: {
  folder: string;
  seed: number;
  large: boolean;
}): Promise<HostileInput[]> {
  const { folder, seed, large } = options;
  const random = seededRandom(seed);
  const at = (name: string) => join(folder, name);
  const inputs: HostileInput[] = [];
  const add = (name: string, bytes: string | Uint8Array, expected: Omit<HostileInput, "name" | "paths">) => {
    writeFileSync(at(name), bytes);
    inputs.push({ name, paths: [at(name)], ...expected });
  };
  const bad = (name: string, bytes: string | Uint8Array, message = /./) => add(name, bytes, { code: 3, message });
  const rows = (name: string, bytes: string | Uint8Array, read: number, rejected: number) =>
    add(name, bytes, { code: 0, read, rejected });

  const plain = Array.from({ length: 3000 }, (_, i) => `{"text":"row ${i} ${random.below(1e9)}","n":${i}}\n`).join("");
  const gz = gzipSync(plain);
  const zst = zstdStored(Buffer.from(plain));
  const texts = Array.from({ length: 3000 }, (_, i) => `row ${i} ${random.below(1e9)}`);
  const parquet = Buffer.from(parquetWriteBuffer({ columnData: [{ name: "text", data: texts, type: "STRING" }] }));
  const table = tableFromArrays({ text: texts });
  const writer = await openArrowWriter({ path: at("whole.arrow"), schema: table.schema });
  for (const batch of table.batches) await writer.write(batch);
  await writer.finish();
  const arrow = readFileSync(at("whole.arrow"));

  for (const [i, share] of [0, 0.01, 0.5, 0.9, 0.999].entries()) {
    bad(`cut-${i}.jsonl.gz`, gz.subarray(0, Math.max(5, share * gz.length)), /not a complete gzip stream/);
    bad(`cut-${i}.jsonl.zst`, zst.subarray(0, share * zst.length), /not a complete zstd stream/);
    bad(`cut-${i}.parquet`, parquet.subarray(0, share * parquet.length));
    bad(`cut-${i}.arrow`, arrow.subarray(0, share * arrow.length));
  }
  rows("whole.jsonl.zst", Buffer.concat([zst, zst]), 6000, 0);
  bad("tail.jsonl.zst", Buffer.concat([zst, random.bytes(100)]), /not a complete zstd stream/);
  bad("garbage.jsonl.zst", random.bytes(5000), /not a complete zstd stream/);
  bad("magic.parquet", Buffer.concat([Buffer.from("PAR2"), parquet.subarray(4, -4), Buffer.from("PAR2")]));
  bad("magic.arrow", Buffer.concat([Buffer.from("ARROW0"), arrow.subarray(6, -6), Buffer.from("ARROW0")]));
  for (const name of ["text.parquet", "text.arrow", "plain.jsonl.gz", "plain.jsonl.zst"]) rows(name, plain, 3000, 0);
  bad("tail.jsonl.gz", Buffer.concat([gz, random.bytes(100)]), /not a complete gzip stream/);
  // Lying lengths: of the footer, and of whatever integer the bytes are.
  for (const [i, length] of [0, 1, 2 ** 31 - 1, 2 ** 32 - 1, parquet.length + 1].entries()) {
    const lie = Buffer.from(parquet);
    lie.writeUInt32LE(length, lie.length - 8);
    bad(`footer-${i}.parquet`, lie);
    const other = Buffer.from(arrow);
    other.writeUInt32LE(length, other.length - 10);
    bad(`footer-${i}.arrow`, other);
  }
  const cut = zstdBomb(10, 65);
  bad("cut.jsonl.zst", cut.subarray(0, -2), /not a complete zstd stream/);

  rows(
    "binary.jsonl",
    Buffer.concat([Buffer.from(LINE), Buffer.from([0xff, 0xfe, 0xc0, 0xaf, 10]), Buffer.from(LINE)]),
    3,
    1,
  );
  const overlong = [
    [0xc0, 0xaf],
    [0xe0, 0x80, 0xaf],
    [0xf0, 0x80, 0x80, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
  ];
  const wrapped = overlong.map((bytes) =>
    Buffer.concat([Buffer.from('{"text":"'), Buffer.from(bytes), Buffer.from('"}\n')]),
  );
  rows("overlong.jsonl", Buffer.concat([Buffer.from(LINE), ...wrapped]), 6, 5);
  rows(
    "surrogates.jsonl",
    `{"text":"a \\ud800 b"}\n{"text":"\\udc00\\ud800"}\n{"text":"a \\ufffd b"}\n{"text":"\\ud83d\\ude00"}\n`,
    4,
    2,
  );
  rows("nul.jsonl", `{"text":"a\\u0000b"}\n{"text":"a\u0000b"}\n\u0000\n${LINE}`, 4, 2);
  rows(
    "direction.jsonl",
    '{"text":"\u202eabc\u202c"}\n{"text":"\u200b\u200d\ufeff"}\n{"text":"שלום עולם"}\n{"text":"مرحبا\u061c"}\n',
    4,
    0,
  );
  const deep = (open: string, close: string) => `${open.repeat(100_000)}1${close.repeat(100_000)}`;
  rows(
    "deep.jsonl",
    `{"text":"a","d":${deep("[", "]")}}\n${LINE}{"text":"b","d":${deep('{"a":', "}")}}\n${deep("[", "]")}\n`,
    4,
    3,
  );
  rows(
    "prototype.jsonl",
    `{"text":"a","__proto__":{"x":1},"constructor":2,"toString":null,"hasOwnProperty":[]}\n{"__proto__":{"text":"b"}}\n${LINE}`,
    3,
    1,
  );
  rows(
    "duplicate-keys.jsonl",
    `{"text":"a","text":"b","n":1,"n":"x"}\n{"text":1,"text":"c"}\n{"text":"d","text":2}\n`,
    3,
    1,
  );
  const wide = (columns: number) =>
    JSON.stringify({
      text: "wide",
      ...Object.fromEntries(Array.from({ length: columns }, (_, i) => [`column ${i}`, i])),
    });
  rows("wide.jsonl", `${wide(9_998)}\n${LINE}`, 2, 0);
  bad("wider.jsonl", `${wide(10_000)}\n${LINE}`, /more than 10000 distinct fields/);
  rows(
    "ours.jsonl",
    `{"text":"a","_row":"x","_vector":[],"_group_size":{},"_kept_row":1,"_similarity":null,"_reason":true,"cluster":0}\n{"text":"a"}\n`,
    2,
    0,
  );
  bad("empty.jsonl", "", /hold no records/);
  bad("newlines.jsonl", "\r\n\n\r\n".repeat(1000), /hold no records/);
  rows("no-newline.jsonl", LINE.trimEnd(), 1, 0);
  bad("empty.parquet", "");
  bad("empty.arrow", "");
  bad("empty.jsonl.gz", "");
  writeFileSync(at("twice.jsonl"), plain);
  inputs.push({
    name: "the same file twice",
    paths: [at("twice.jsonl"), at("twice.jsonl")],
    code: 0,
    read: 6000,
    rejected: 0,
  });
  mkdirSync(at("empty-folder"));
  inputs.push({
    name: "an empty folder",
    paths: [at("empty-folder")],
    code: 3,
    message: /holds no file that can be read/,
  });
  mkdirSync(at("folder.jsonl"));
  inputs.push({ name: "a folder named like a file", paths: [at("folder.jsonl")], code: 3 });
  const names = "steer\u001b[2J\nforged: \u202eline.jsonl";
  rows(names, `${LINE}no\n`, 2, 1);
  bad(`missing text ${names}`, '{"other":1}\n', /text field "text" is missing/);

  // A bomb: a few kilobytes that hold half a gigabyte of one line, or of many.
  const zeros = large ? 256 : 24;
  bad(
    "one-line-bomb.jsonl.zst",
    zstdBomb(zeros * 64, 97),
    large ? /line has \d+ bytes/ : /the only record was rejected/,
  );
  bad("blank-bomb.jsonl.zst", zstdBomb(zeros * 8, 10), /hold no records/);
  gzipBomb(at("one-line-bomb.jsonl.gz"), Buffer.alloc(MiB, 97), zeros * 8, '{"text":"', `"}\n${LINE}`);
  inputs.push({ name: "one-line-bomb.jsonl.gz", paths: [at("one-line-bomb.jsonl.gz")], code: 0, read: 2, rejected: 1 });
  const member = Buffer.from(LINE.repeat(1000));
  gzipBomb(at("many-lines-bomb.jsonl.gz"), member, large ? 2000 : 50);
  const lines = large ? 2_000_000 : 50_000;
  inputs.push({
    name: "many-lines-bomb.jsonl.gz",
    paths: [at("many-lines-bomb.jsonl.gz")],
    code: 0,
    read: lines,
    rejected: 0,
  });
  const same = new Array<string>(large ? 300_000 : 5000).fill("x".repeat(large ? 4000 : 400));
  rows(
    "bomb.parquet",
    new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "text", data: same, type: "STRING" }] })),
    same.length,
    0,
  );
  if (large) {
    rows("long-lines.jsonl", longLine(60 * MiB) + longLine(200 * MiB) + LINE, 3, 1);
    if (spawnSync("zstd", ["--version"]).status === 0) {
      spawnSync("zstd", ["-q", "-19", at("long-lines.jsonl")]);
      inputs.push({ name: "long lines, zstd", paths: [at("long-lines.jsonl.zst")], code: 0, read: 3, rejected: 1 });
    }
  }
  return inputs;
}
