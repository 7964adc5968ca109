import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { InputError } from "../../src/errors.js";
import { ArraySplitter } from "../../src/io/jsonl/array.js";
import type { BadRecord } from "../../src/io/jsonl/record-block.js";

function split(text: string | Uint8Array, sizes: readonly number[] = [1 << 20], mostBytes?: number) {
  const bytes = Buffer.from(text as string);
  const splitter = new ArraySplitter({ name: "x.json", mostBytes });
  const lines: (string | BadRecord)[] = [];
  const numbers: number[] = [];
  const take = (block: ReturnType<ArraySplitter["finish"]>) => {
    lines.push(...block.lines);
    numbers.push(...block.numbers);
  };
  for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length]) {
    // The producer's buffer is overwritten after each push.
    const chunk = Buffer.from(bytes.subarray(at, at + sizes[i % sizes.length]));
    take(splitter.push(chunk));
    chunk.fill(0x21);
  }
  take(splitter.finish());
  return { lines, numbers };
}

describe("the elements of a JSON array", () => {
  it("any array in any layout and any chunks gives its elements", () => {
    const layout = fc.constantFrom(0, 1, 3, "\t");
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue({ maxDepth: 3 })),
        layout,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (elements, indent, sizes) => {
          const { lines } = split(JSON.stringify(elements, null, indent), sizes);
          assert.deepEqual(
            lines.map((line) => JSON.stringify(JSON.parse(line as string))),
            elements.map((element) => JSON.stringify(element)),
          );
        },
      ),
    );
  });

  it("counts the lines where elements begin", () => {
    assert.deepEqual(split('[\n{"a":\n1},\n\n {"b":2}]\n[{"c":3}]').numbers, [2, 5, 6]);
  });

  it("reads arrays that follow one another, marks between them, and missing or doubled commas", () => {
    assert.deepEqual(split('\ufeff[{"a":1} {"b":2},,{"c":3},]\n\ufeff[]\n[{"d":"]"}]').lines, [
      '{"a":1}',
      '{"b":2}',
      '{"c":3}',
      '{"d":"]"}',
    ]);
  });

  it("reads lines of JSON behind an array", () => {
    assert.deepEqual(split('[{"a":1}]\n{"b":"x, y"}\n{"c":"\\""}\n').lines, ['{"a":1}', '{"b":"x, y"}', '{"c":"\\""}']);
  });

  it("keeps what is no object as a record of its own", () => {
    assert.deepEqual(split('[1, "a,b", null, [2,[3]], nonsense, {"a":1}]\nafter\n').lines, [
      "1",
      '"a,b"',
      "null",
      "[2,[3]]",
      "nonsense",
      '{"a":1}',
      "after",
    ]);
  });

  it("a bracket too many is a fault of its element, and each line behind the arrays is a record", () => {
    const { lines, numbers } = split('[{"a":1}},{"b":2,"c":3}]\none\ntwo');
    assert.deepEqual(lines, ['{"a":1}', "}", '{"b":2,"c":3}', "one", "two"]);
    assert.deepEqual(numbers, [1, 1, 1, 2, 3]);
  });

  it("rejects an element that is too long or not UTF-8, and no other", () => {
    const { lines } = split(
      Buffer.concat([Buffer.from(`[{"a":"${"x".repeat(5000)}"},{"b":"`), Buffer.of(0xff), Buffer.from('"},{"c":3}]')]),
      [777],
      2000,
    );
    assert.match((lines[0] as BadRecord).error, /element has 5008 bytes, expected at most 2000/);
    assert.ok((lines[0] as BadRecord).raw.startsWith('{"a":"xxx') && (lines[0] as BadRecord).raw.length <= 1000);
    assert.match((lines[1] as BadRecord).error, /element is not valid UTF-8/);
    assert.equal(lines[2], '{"c":3}');
  });

  it("an array that is not closed is a file cut short", () => {
    for (const text of ['[{"a":1},', '[{"a":1}', '[{"a":"', '[{"a":1},{"b":', "["]) {
      assert.throws(
        () => split(text),
        (error) =>
          error instanceof InputError &&
          /x\.json: the JSON array that begins in line 1 is not closed/.test(error.message),
      );
    }
  });
});
