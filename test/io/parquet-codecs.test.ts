import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { snappyCompress } from "hyparquet-writer/src/snappy.js";
import { decompressSnappy } from "../../src/io/parquet/codecs.js";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

test("what a Snappy compressor writes decodes to what went in, and to no other size", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.tuple(fc.nat(255), fc.nat(3000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
    fc.constantFrom("abc ", "天气预报", "reset password ").map((words) => Buffer.from(words)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const content = Buffer.concat(pieces);
      const stored = snappyCompress(content);
      assert.ok(content.equals(decompressSnappy(stored, content.length)));
      assert.throws(() => decompressSnappy(stored, content.length + 1), /bytes, expected/);
    }),
  );
});

test("copies of every kind of offset, overlapping ones too, by hand", () => {
  // 16 bytes: "abcd" as literals, 4 from 4 back with one offset byte, 4 from 1 back with two, 4 from 8 back with four.
  const block = [16, 12, 97, 98, 99, 100, 1, 4, 14, 1, 0, 15, 8, 0, 0, 0];
  assert.equal(text(decompressSnappy(Uint8Array.from(block), 16)), "abcdabcdddddabcd");
  // A literal of 70 bytes, whose length takes a byte of its own.
  const long = [70, 240, 69, ...new Array<number>(70).fill(120)];
  assert.equal(text(decompressSnappy(Uint8Array.from(long), 70)), "x".repeat(70));
});

test("a block that is cut short, points nowhere or holds more than it says is refused", () => {
  const block = [16, 12, 97, 98, 99, 100, 1, 4, 14, 1, 0, 15, 8, 0, 0, 0];
  const refused = (bytes: readonly number[], size: number, message: RegExp) =>
    assert.throws(() => decompressSnappy(Uint8Array.from(bytes), size), { name: "Error", message });
  for (let length = 0; length < block.length; length++) refused(block.slice(0, length), 16, /snappy block/);
  refused([4, 1, 4], 4, /corrupt/);
  refused([8, 12, 97, 98, 99, 100, 1, 0], 8, /corrupt/);
  refused([6, 12, 97, 98, 99, 100, 1, 4], 6, /corrupt/);
  refused([3, 12, 97, 98, 99, 100], 3, /corrupt/);
  // A length of -6 bytes, over which some decoders go round for ever.
  refused([16, 252, 250, 255, 255, 255, 1, 2, 3, 4, 5, 6, 7, 8], 16, /corrupt/);
  refused([255, 255, 255, 255, 255, 255], 3, /without a length/);
});

test("a block of many megabytes between small ones decodes like them", () => {
  for (const size of [300, 9 << 20, 0, 301]) {
    const content = Buffer.alloc(size, "weather report, ");
    assert.ok(content.equals(decompressSnappy(snappyCompress(content), size)), `${size} bytes`);
  }
});
