import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { byteProductsSaturate } from "../../src/onnx/byte-products.js";
import type { Tile } from "../../src/onnx/engine.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { watched } from "./watched-engine.js";

const engine = createOrtEngine({ threads: 1 });

/** The product of two byte matrices by plain loops; `pair` says what becomes of the sum of two neighbouring products. */
function product(a: Tile, b: Tile, pair: (sum: number) => number): Tile {
  const [[n, depth], [, m]] = [a.shape, b.shape];
  const at = (row: number, column: number, i: number) =>
    (a.data[row * depth + i] as number) * (b.data[i * m + column] as number);
  const data = Int32Array.from({ length: n * m }, (_, p) => {
    let sum = 0;
    for (let i = 0; i < depth; i += 2)
      sum += pair(at(Math.floor(p / m), p % m, i) + at(Math.floor(p / m), p % m, i + 1));
    return sum;
  });
  return { dtype: "int32", shape: [n, m], data };
}

test("a processor that adds pairs of byte products in 16 bits is found out, and one that does not is not", async () => {
  const saturate = (sum: number) => Math.max(-32768, Math.min(32767, sum));
  const saturating = watched(engine, async (_, { a, b }) => ({ product: product(a, b, saturate) }));
  const exact = watched(engine, async (_, { a, b }) => ({ product: product(a, b, (sum) => sum) }));
  assert.equal(await byteProductsSaturate(saturating), true);
  assert.equal(await byteProductsSaturate(exact), false);
});

test("a processor with VNNI does not saturate", { skip: !hasVnni() && "no VNNI here" }, async () => {
  assert.equal(await byteProductsSaturate(engine), false);
});

test("an x86 processor without VNNI saturates", { skip: hasVnni() !== false && "VNNI, or no x86, here" }, async () => {
  assert.equal(await byteProductsSaturate(engine), true);
});

/** Whether the processor has VNNI; undefined where that cannot be read. */
function hasVnni(): boolean | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1];
  return flags === undefined ? undefined : /\b(avx512_vnni|avx_vnni)\b/.test(flags);
}
