import { modelProto } from "./builder.js";
import type { Engine } from "./engine.js";

/** Products in each sum of the trial, and its numbers of rows: one row and many may use different instructions. */
const DEPTH = 64;
const ROWS = [1, 64];

/**
 * Tries whether the engine's products of unsigned and signed bytes are wrong for large factors. Processors without VNNI
 * add two such products in 16 bits with saturation (VPMADDUBSW): 255 · 127 + 255 · 127 = 64,770 becomes 32,767.
 */
export async function byteProductsSaturate(engine: Engine): Promise<boolean> {
  const kernel = await engine.compile(
    modelProto({
      nodes: [{ op: "MatMulInteger", inputs: ["a", "b"], outputs: ["product"] }],
      inputs: [
        { name: "a", dtype: "uint8", shape: ["n", DEPTH] },
        { name: "b", dtype: "int8", shape: [DEPTH, DEPTH] },
      ],
      outputs: [{ name: "product", dtype: "int32", shape: ["n", DEPTH] }],
    }),
  );
  try {
    const b = { dtype: "int8" as const, shape: [DEPTH, DEPTH], data: new Int8Array(DEPTH * DEPTH).fill(127) };
    for (const rows of ROWS) {
      const a = { dtype: "uint8" as const, shape: [rows, DEPTH], data: new Uint8Array(rows * DEPTH).fill(255) };
      const { product } = await kernel.run({ a, b });
      if ((product.data as Int32Array).some((value) => value !== 255 * 127 * DEPTH)) return true;
    }
    return false;
  } finally {
    await kernel.release();
  }
}
