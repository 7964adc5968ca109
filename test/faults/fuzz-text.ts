import assert from "node:assert/strict";
import { LineSplitter } from "../../src/io/jsonl/lines.js";
import { parseJson, RawNumber } from "../../src/io/jsonl/numbers.js";
import { mutate } from "./mutate.js";
import type { Random } from "./random.js";

/** Records that hold what JSON readers go wrong at. */
export const JSON_SEEDS = [
  '{"text":"a \\ud83d\\ude00 b\\n","n":[1,-0,1e5,12345678901234567890,0.1],"o":{"a":null,"b":true}}',
  '{"text":"","big":1e400,"tiny":4.9e-324,"long":0.12345678901234567890123,"__proto__":{"a":[[[[]]]]}}',
  "[1,2,{},[],-1.5E-3,false,null]",
];

/** Accepts what JSON.parse accepts, and nothing else, with equal values but for the digits that JSON.parse loses. */
export function jsonTarget(random: Random): boolean {
  const text = mutate(Buffer.from(JSON_SEEDS[random.below(JSON_SEEDS.length)]), random).toString();
  const read = (parse: (text: string) => unknown): { value: unknown } | undefined => {
    try {
      return { value: parse(text) };
    } catch (error) {
      assert.ok(error instanceof SyntaxError, `${JSON.stringify(text)}: ${(error as Error).stack}`);
      return undefined;
    }
  };
  const expected = read(JSON.parse);
  const given = read(parseJson);
  assert.equal(given === undefined, expected === undefined, JSON.stringify(text));
  if (given !== undefined) assert.deepEqual(rounded(given.value), expected?.value, JSON.stringify(text));
  return given !== undefined;
}

/** Numbers as float64, as JSON.parse gives them. */
function rounded(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(rounded);
  if (value instanceof RawNumber) return value.value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    Object.defineProperty(copy, key, { value: rounded(item), enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

/** Lines come out as a decoder of the whole gives them, however the bytes are cut into chunks. */
export function linesTarget(random: Random): boolean {
  const bytes = mutate(
    Buffer.from('{"text":"é 文 😀"}\r\n\n \n{"text":2}\nno\r\n'.repeat(1 + random.below(4))),
    random,
  );
  const splitter = new LineSplitter(40);
  const given: unknown[] = [];
  const take = ({ lines, numbers }: { lines: readonly unknown[]; numbers: ArrayLike<number> }) => {
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string | { error: string };
      given.push([numbers[i], typeof line === "string" ? line : line.error.slice(0, 20)]);
    }
  };
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(50));
    take(splitter.push(bytes.subarray(at, end)));
    at = end;
  }
  take(splitter.finish());
  const whole = new LineSplitter(40);
  const once = given.splice(0);
  take(whole.push(bytes));
  take(whole.finish());
  assert.deepEqual(once, given, bytes.toString("base64"));
  return true;
}
