import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Xxh64 } from "../../src/io/xxh64.js";
import { decodeZstd } from "../../src/io/zstd.js";

/** Frames that the zstd command line 1.5 wrote: levels 3 and 19, with and without checksum and content size. */
const SHORT = "KLUv/SQGMQAAc2hvcnQKkGPzoQ==";
const EMPTY = "KLUv/SQAAQAAmenYUQ==";
const ROWS =
  "KLUv/aCwHgQA3AEA0oEGDOBtY/8+7lImTqRzARJ3Je5K8DQ0rwxYXlkQoDD2+h2QU1cDdv+KHJPRJoadjDsJ+wb5IEBeLQVUAAAAAQD9/4n/uQYC" +
  "PQAAAAEArd4DIA==";
const rows = Array.from({ length: 30_000 }, (_, i) => `row ${i % 5} ${"ab".repeat(i % 3)}\n`).join("");

const MASK = 2n ** 64n - 1n;
const [P1, P2, P3, P4, P5] = [
  11400714785074694791n,
  14029467366897019727n,
  1609587929392839161n,
  9650029242287828579n,
  2870177450012600261n,
];

/** The specification word for word, in BigInt. */
function xxh64(bytes: Uint8Array): bigint {
  const rotate = (x: bigint, n: bigint) => ((x << n) | (x >> (64n - n))) & MASK;
  const round = (lane: bigint, word: bigint) => (rotate((lane + word * P2) & MASK, 31n) * P1) & MASK;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = P5;
  if (bytes.length >= 32) {
    const lanes = [(P1 + P2) & MASK, P2, 0n, -P1 & MASK];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i], view.getBigUint64(at + 8 * i, true));
    }
    hash = rotate(lanes[0], 1n) + rotate(lanes[1], 7n) + rotate(lanes[2], 12n) + rotate(lanes[3], 18n);
    for (const lane of lanes) hash = (((hash & MASK) ^ round(0n, lane)) * P1 + P4) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK;
  }
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at]) * P5) & MASK), 11n) * P1) & MASK;
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
  return hash ^ (hash >> 32n);
}

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function decode(bytes: Uint8Array, size = bytes.length): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decodeZstd(cut(bytes, size))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A frame of raw blocks with a checksum, as RFC 8878 lays it out. */
function rawFrame(content: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at === 0 || at < content.length; at += 100) {
    const block = content.subarray(at, at + 100);
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | (at + 100 >= content.length ? 1 : 0), 0, 3);
    blocks.push(header, block);
  }
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(Number(xxh64(content) & 0xffffffffn));
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 4, 0x58]), ...blocks, checksum]);
}

test("the hash is XXH64's low half for any bytes in any pieces", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 70 }), (bytes, size) => {
      const hash = new Xxh64();
      for (let at = 0; at < bytes.length; at += size) hash.update(bytes.subarray(at, at + size));
      assert.equal(hash.digestLow(), Number(xxh64(bytes) & 0xffffffffn));
    }),
  );
});

test("frames of the zstd command line decode to what went in, whatever the chunks", async () => {
  for (const size of [1, 5, 17, 1 << 20]) {
    assert.equal((await decode(Buffer.from(SHORT, "base64"), size)).toString(), "short\n");
    assert.equal((await decode(Buffer.from(EMPTY, "base64"), size)).length, 0);
    assert.ok((await decode(Buffer.from(ROWS, "base64"), size)).equals(Buffer.from(rows)));
  }
});

test("concatenated and skippable frames give one stream", async () => {
  const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const short = Buffer.from(SHORT, "base64");
  const raw = rawFrame(Buffer.from("x".repeat(250)));
  const all = Buffer.concat([skippable, short, Buffer.from(EMPTY, "base64"), raw, skippable, short]);
  for (const size of [1, 7, 1000]) {
    assert.equal((await decode(all, size)).toString(), `short\n${"x".repeat(250)}short\n`);
  }
});

test("a frame cut off at any byte is an error", async () => {
  for (const frame of [Buffer.from(SHORT, "base64"), Buffer.from(ROWS, "base64"), rawFrame(Buffer.alloc(250, 65))]) {
    for (let length = 0; length < frame.length; length++) {
      await assert.rejects(decode(frame.subarray(0, length)), /unexpected end of file/);
    }
  }
});

test("a flipped bit in a frame with a checksum never changes the content unnoticed", async () => {
  for (const frame of [Buffer.from(SHORT, "base64"), rawFrame(Buffer.from("some text".repeat(30)))]) {
    const content = await decode(frame);
    let errors = 0;
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      const flipped = Buffer.from(frame);
      flipped[bit >> 3] ^= 1 << (bit & 7);
      const decoded = await decode(flipped).catch(() => undefined);
      // Some bits say nothing of the content: a larger window, a reserved bit.
      if (decoded) assert.ok(decoded.equals(content), `bit ${bit}`);
      else errors++;
    }
    assert.ok(errors > 8 * frame.length - 16, `${errors} errors`);
  }
});

test("a window over 128 MiB is refused, with the cure", async () => {
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (27 - 9) << 3, 1, 0, 0]);
  await assert.rejects(decode(frame), /window is 268435456 bytes.*without --long/);
});
