import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import zlib from "node:zlib";
import fc from "fast-check";
import { decodeZstd, decompressZstd, prepareZstd, ZSTD_ENGINE, type ZstdEngine } from "../../src/io/compress/zstd.js";
import { goldenFile } from "./golden.js";

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

/** The text that make.py compresses at several levels. */
function words(): Buffer {
  const vocabulary = "天气 reset password parcel refund invoice order account 退款 订单 address".split(" ");
  const text: string[] = [];
  let state = 1n;
  for (let i = 0; i < 24_000; i++) {
    state = (state * 1103515245n + 12345n) % 2n ** 31n;
    const number = Number(state);
    text.push(vocabulary[(number >> 16) % vocabulary.length] + (number % 5 === 0 ? String(number % 1000) : ""));
  }
  return Buffer.from(text.join(" "));
}

const native = zlib as {
  readonly zstdCompressSync?: (bytes: Uint8Array, options: object) => Buffer;
  readonly constants: Readonly<Record<string, number>>;
};

const engines: readonly ZstdEngine[] = ZSTD_ENGINE === "zlib" ? ["zlib", "wasm"] : ["wasm"];

before(() => prepareZstd("wasm"));

for (const engine of engines) {
  async function decode(bytes: Uint8Array, size = bytes.length): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of decodeZstd(cut(bytes, size), engine)) chunks.push(chunk.slice());
    return Buffer.concat(chunks);
  }

  const decompress = (stored: Uint8Array, size: number) => decompressZstd(stored, size, engine);

  test(`${engine}: frames of the zstd command line decode to what went in, whatever the chunks`, async () => {
    for (const size of [1, 5, 17, 1 << 20]) {
      assert.equal((await decode(Buffer.from(SHORT, "base64"), size)).toString(), "short\n");
      assert.equal((await decode(Buffer.from(EMPTY, "base64"), size)).length, 0);
      assert.ok((await decode(Buffer.from(ROWS, "base64"), size)).equals(Buffer.from(rows)));
    }
  });

  for (const level of [1, 5, 13, 19]) {
    test(`${engine}: blocks of level ${level} decode to what went in, in pieces and at once`, async () => {
      const stored = readFileSync(goldenFile(`zstd/level-${level}.zst`));
      const content = words();
      assert.ok((await decode(stored, 1000)).equals(content));
      assert.ok(content.equals(decompress(stored, content.length)));
      const twice = Buffer.concat([stored, stored]);
      assert.ok(Buffer.concat([content, content]).equals(decompress(twice, 2 * content.length)));
      for (const size of [0, content.length - 1, content.length + 1]) {
        assert.throws(() => decompress(stored, size), /bytes/, `${size} bytes`);
      }
    });
  }

  test(`${engine}: what Node's own zstd compresses, any bytes at any level, decodes`, {
    skip: !native.zstdCompressSync,
  }, () => {
    const { constants, zstdCompressSync } = native as Required<typeof native>;
    // Few kinds of pieces, so that there are matches, runs and every mode of tables.
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.nat(100_000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
      fc.constantFrom(...["abc ", "天气预报", "reset password ", rows.slice(0, 5000)].map((text) => Buffer.from(text))),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 60 }),
        fc.integer({ min: -5, max: 19 }),
        fc.boolean(),
        (pieces, level, checksum) => {
          const content = Buffer.concat(pieces);
          const params = {
            [constants.ZSTD_c_compressionLevel]: level,
            [constants.ZSTD_c_checksumFlag]: Number(checksum),
          };
          assert.ok(content.equals(decompress(zstdCompressSync(content, { params }), content.length)));
        },
      ),
      { numRuns: 60 },
    );
  });

  test(`${engine}: a window that slides decodes as one that holds everything`, async () => {
    // Raw blocks with matches between them that go as far back as the window of 1 KiB.
    const frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 0];
    const blocks: number[] = [];
    const block = (type: number, bytes: readonly number[], last = 0) => {
      const word = (bytes.length << 3) | (type << 1) | last;
      blocks.push(word & 255, (word >> 8) & 255, word >> 16, ...bytes);
    };
    const piece = (seed: number) => Array.from({ length: 1024 }, (_, i) => (seed * 31 + i * 7) & 255);
    const content: number[] = [];
    for (let i = 0; i < 2000; i++) {
      block(0, piece(i));
      content.push(...piece(i));
      // One sequence with RLE tables: no literals, an offset of 2^10 + 0 - 3 and one of 2^10 + 3 - 3, three bytes each.
      const low = i % 2 === 0 ? 3 : 0;
      block(2, [0, 1, 0b01010100, 0, 10, 0, low, 0b100]);
      const from = content.length - (1021 + low);
      content.push(...content.slice(from, from + 3));
    }
    block(0, [], 1);
    const bytes = Buffer.from([...frame, ...blocks]);
    assert.ok((await decode(bytes, 5000)).equals(Buffer.from(content)));
    assert.ok(Buffer.from(content).equals(decompress(bytes, content.length)));
    // A match that goes back beyond the frame's beginning.
    const far = Buffer.from([...frame, ...blocks.slice(0, 1027), 69, 0, 0, 0, 1, 0b01010100, 0, 11, 0, 4, 0b1000]);
    await assert.rejects(decode(far), Error);
  });

  test(`${engine}: a block of 98,047 sequences that are not there is refused before they are carried out`, async () => {
    // After some history: literals of one byte; 255, 255, 255: the most sequences; RLE tables; a stream of one byte.
    const sequences = [0, 255, 255, 255, 0b01010100, 0, 0, 43, 1];
    const header = (type: number, length: number, last: number) => [(length << 3) | (type << 1) | last, 0, 0];
    const bytes = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, ...header(0, 8, 0), 1, 2, 3, 4, 5, 6, 7, 8];
    bytes.push(...header(2, sequences.length, 1), ...sequences);
    await assert.rejects(decode(Buffer.from(bytes)), Error);
  });

  test(`${engine}: a header alone takes no room, whatever window it asks for`, async () => {
    const earlier = process.memoryUsage().rss;
    const open: AsyncGenerator<Uint8Array>[] = [];
    let end = (): void => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    async function* headerAndByte() {
      yield Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x88, 8, 0, 0, 65]);
      await held;
    }
    for (let i = 0; i < 50; i++) {
      const generator = decodeZstd(headerAndByte(), engine);
      assert.equal((await generator.next()).value?.length, 1);
      open.push(generator);
    }
    assert.ok(process.memoryUsage().rss - earlier < 200 * 2 ** 20);
    end();
    for (const generator of open) await assert.rejects(generator.next(), /unexpected end of file/);
  });

  test(`${engine}: concatenated and skippable frames give one stream`, async () => {
    const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const short = Buffer.from(SHORT, "base64");
    const raw = rawFrame(Buffer.from("x".repeat(250)));
    const all = Buffer.concat([skippable, short, Buffer.from(EMPTY, "base64"), raw, skippable, short]);
    for (const size of [1, 7, 1000]) {
      assert.equal((await decode(all, size)).toString(), `short\n${"x".repeat(250)}short\n`);
    }
  });

  test(`${engine}: a frame cut off at any byte is an error`, async () => {
    for (const frame of [Buffer.from(SHORT, "base64"), Buffer.from(ROWS, "base64"), rawFrame(Buffer.alloc(250, 65))]) {
      for (let length = 0; length < frame.length; length++) {
        await assert.rejects(decode(frame.subarray(0, length)), /unexpected end of file/);
      }
    }
  });

  test(`${engine}: a flipped bit in a frame with a checksum never changes the content unnoticed`, async () => {
    for (const frame of [Buffer.from(SHORT, "base64"), rawFrame(Buffer.from("some text".repeat(5)))]) {
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

  test(`${engine}: a window over 128 MiB is refused, with the cure`, async () => {
    const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (27 - 9) << 3, 1, 0, 0]);
    await assert.rejects(decode(frame), /window is 268435456 bytes.*without --long/);
  });
}
