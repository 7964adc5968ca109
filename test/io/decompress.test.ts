import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFile, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { InputError } from "../../src/errors.js";
import { byteStream, type Compression } from "../../src/io/compress/decompress.js";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "bge-dedup-decompress-"));
});
after(() => rm(folder, { recursive: true }));

async function read(stored: Uint8Array, compression?: Compression, highWaterMark?: number) {
  const path = join(folder, "file");
  await writeFile(path, stored);
  const stream = byteStream({ path, compression, byteLength: stored.length, highWaterMark });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return { text: Buffer.concat(chunks).toString(), bytesRead: stream.bytesRead, sha256: stream.sha256 };
}

const long = Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join("");
const member = gzipSync(long);

test("a plain file comes as it is, with the bytes read and their hash", async () => {
  const sha256 = createHash("sha256").update(long).digest("hex");
  for (const size of [1000, undefined]) {
    assert.deepEqual(await read(Buffer.from(long), undefined, size), { text: long, bytesRead: long.length, sha256 });
  }
});

test("gzip members follow one another, and the hash is that of the stored bytes", async () => {
  const stored = Buffer.concat([gzipSync("a\n"), member, gzipSync(""), gzipSync("b\n")]);
  const sha256 = createHash("sha256").update(stored).digest("hex");
  for (const size of [999, undefined]) {
    const expected = { text: `a\n${long}b\n`, bytesRead: stored.length, sha256 };
    assert.deepEqual(await read(stored, "gzip", size), expected);
  }
});

test("a gzip stream cut off at any byte is an error that names the file and the cure", async () => {
  const stored = Buffer.concat([gzipSync("one\n"), gzipSync("two\n")]);
  const boundary = gzipSync("one\n").length;
  for (let length = 0; length < stored.length; length++) {
    if (length === boundary) continue;
    await assert.rejects(read(stored.subarray(0, length), "gzip"), (error: Error) => {
      assert.ok(error instanceof InputError);
      return /file is not a complete gzip stream: unexpected end of file; compress or copy it again/.test(
        error.message,
      );
    });
  }
});

test("what follows a gzip member and is none is an error, never left out", async () => {
  for (const tail of [Buffer.from("garbage"), Buffer.of(0, 0, 1), Buffer.from([0x1f, 0])]) {
    for (const size of [7, undefined]) {
      await assert.rejects(read(Buffer.concat([gzipSync("one\n"), tail]), "gzip", size), InputError);
    }
  }
});

test("zeros behind a gzip member are the padding of a tape or a block, as for gzip itself", async () => {
  for (const size of [7, undefined]) {
    const stored = Buffer.concat([gzipSync("one\n"), Buffer.alloc(300)]);
    const sha256 = createHash("sha256").update(stored).digest("hex");
    assert.deepEqual(await read(stored, "gzip", size), { text: "one\n", bytesRead: stored.length, sha256 });
  }
});

test("a flipped byte and a file of another format are errors", async () => {
  const damaged = Buffer.from(member);
  damaged[damaged.length - 6] ^= 1;
  await assert.rejects(read(damaged, "gzip"), InputError);
  for (const compression of ["gzip", "zstd"] as const) {
    await assert.rejects(read(Buffer.from('{"text":"plain"}\n'), compression), InputError);
    await assert.rejects(read(Buffer.alloc(0), compression), InputError);
  }
});

test("bytes appended later are not read, and a file that shrank is an error", async () => {
  const path = join(folder, "growing");
  await writeFile(path, "one\n");
  await appendFile(path, "two\n");
  const chunks: Buffer[] = [];
  for await (const chunk of byteStream({ path, byteLength: 4 })) chunks.push(Buffer.from(chunk));
  assert.equal(Buffer.concat(chunks).toString(), "one\n");
  const zstd = Buffer.from("KLUv/SQGMQAAc2hvcnQKkGPzoQ==", "base64");
  for (const [stored, compression] of [[Buffer.from("one\n")], [gzipSync("one\n"), "gzip"], [zstd, "zstd"]] as const) {
    await writeFile(path, stored);
    await truncate(path, stored.length - 1);
    const shrunk = byteStream({ path, byteLength: stored.length, compression });
    await assert.rejects(
      async () => {
        for await (const chunk of shrunk) assert.ok(chunk);
      },
      (error: Error) => !(error instanceof InputError) && /the input changed during the run/.test(error.message),
    );
  }
});

test("a reader may stop early", async () => {
  const path = join(folder, "early");
  await writeFile(path, member);
  for await (const chunk of byteStream({ path, byteLength: member.length, compression: "gzip", highWaterMark: 100 })) {
    assert.ok(chunk.length > 0);
    break;
  }
});
