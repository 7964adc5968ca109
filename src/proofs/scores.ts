import { modelProto } from "../onnx/builder.js";
import type { Engine, Kernel } from "../onnx/engine.js";

/** Rows on each side of a tile, all of whose scores are fetched: 4 MB. */
export const TILE = 1024;

/** Float32 scores of all pairs of two tiles of vectors, row-major. */
export interface ScoreProduct {
  /** @param left and @param right vectors, row-major; the result belongs to the caller */
  scores(left: Float32Array, right: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Compiles the product of the proofs, which shares nothing with those of the search. */
export async function createProofProduct(engine: Engine, dim: number): Promise<ScoreProduct> {
  const kernel: Kernel = await engine.compile(
    modelProto({
      nodes: [{ op: "Gemm", inputs: ["a", "b"], outputs: ["scores"], attributes: { transB: { int: 1 } } }],
      inputs: [
        { name: "a", dtype: "float32", shape: ["n", dim] },
        { name: "b", dtype: "float32", shape: ["m", dim] },
      ],
      outputs: [{ name: "scores", dtype: "float32", shape: ["n", "m"] }],
    }),
  );
  const feed = (data: Float32Array) => ({ dtype: "float32" as const, shape: [data.length / dim, dim], data });
  return {
    async scores(left, right) {
      const { scores } = await kernel.run({ a: feed(left), b: feed(right) });
      return scores.data as Float32Array;
    },
    release: () => kernel.release(),
  };
}
