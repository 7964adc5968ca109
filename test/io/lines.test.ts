import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineSplitter } from "../../src/io/jsonl/lines.js";
import type { BadRecord } from "../../src/io/jsonl/record-block.js";

type Numbered = [number, string | { raw: string; rawBase64: boolean; kind: string }];

function kind(line: BadRecord): string {
  return /UTF-8/.test(line.error) ? "utf8" : "long";
}

function split(bytes: Uint8Array, sizes: readonly number[], max?: number): Numbered[] {
  const splitter = new LineSplitter(max);
  const found: Numbered[] = [];
  const take = ({ lines, numbers }: ReturnType<LineSplitter["finish"]>) => {
    lines.forEach((line, i) => {
      const { raw, rawBase64 } = line as BadRecord;
      found.push([numbers[i], typeof line === "string" ? line : { raw, rawBase64, kind: kind(line) }]);
    });
  };
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length];
    // The producer's buffer is overwritten after each push.
    const chunk = new Uint8Array(bytes.subarray(at, at + size));
    take(splitter.push(chunk));
    chunk.fill(0x21);
    at += size;
  }
  take(splitter.finish());
  return found;
}

/** A text without the byte order marks and record separators before it. */
function unmarked(text: string): string {
  return ["\ufeff", "\x1e"].includes(text[0]) ? unmarked(text.slice(1)) : text;
}

/** One line after the other, each decoded by the platform's strict decoder. */
function naive(bytes: Uint8Array, max: number): Numbered[] {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const found: Numbered[] = [];
  let rest = Buffer.from(bytes);
  for (let number = 1; rest.length > 0; number++) {
    const end = rest.indexOf(10);
    const line = end < 0 ? rest : rest.subarray(0, end);
    rest = end < 0 ? Buffer.alloc(0) : rest.subarray(end + 1);
    if (line.length > max) {
      found.push([number, { raw: line.toString(), rawBase64: false, kind: "long" }]);
      continue;
    }
    try {
      const text = unmarked(decoder.decode(line).replace(/\r$/, ""));
      if (text.trim() !== "") found.push([number, text]);
    } catch {
      found.push([number, { raw: line.toString("base64"), rawBase64: true, kind: "utf8" }]);
    }
  }
  return found;
}

const piece = fc.oneof(
  fc
    .constantFrom("\n", "\r\n", "\r", "", " ", "\t", "\u3000", "{}", "\ufeff", "\u2028")
    .map((text) => Buffer.from(text)),
  fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
  // Overlong slash, encoded surrogate, lone continuation, cut-off character, beyond U+10FFFF.
  fc.constantFrom("c0af", "eda080", "80", "e4b8", "f4908080", "ff").map((hex) => Buffer.from(hex, "hex")),
);

test("any bytes in any chunks give the lines of a naive reader", () => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      (pieces, bom, sizes) => {
        const bytes = Buffer.concat([Buffer.from(bom ? "efbbbf" : "", "hex"), ...pieces]);
        assert.deepEqual(split(bytes, sizes), naive(bytes, 1e9));
      },
    ),
    { numRuns: 500 },
  );
});

test("a line over the limit is reported with its length, and its neighbours are read, whatever the chunks", () => {
  const bytes = Buffer.from(`short\n${"x".repeat(50)}\n${"y".repeat(51)}\nlast ${"z".repeat(60)}`);
  for (const sizes of [[1], [7], [49, 3], [1000]]) {
    assert.deepEqual(split(bytes, sizes, 50), naive(bytes, 50));
  }
});

test("only the start of a line that is too long is kept, cut between characters", () => {
  const splitter = new LineSplitter(5000);
  const bytes = Buffer.from(`a${"字".repeat(3000)}`);
  for (let at = 0; at < bytes.length; at += 100) splitter.push(bytes.subarray(at, at + 100));
  const [line] = splitter.finish().lines as BadRecord[];
  assert.deepEqual([line.raw, line.rawBase64], [`a${"字".repeat(333)}`, false]);
  assert.match(line.error, /line has 9001 bytes, expected at most 5000: split the record/);
});

test("a long line does not stay in memory after it", () => {
  const splitter = new LineSplitter(1000);
  const chunk = Buffer.alloc(1 << 16, 0x61);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 1000; i++) splitter.push(chunk);
  assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20);
  const [line] = splitter.finish().lines as BadRecord[];
  assert.equal(line.raw.length, 1000);
});
