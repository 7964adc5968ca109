import { modelProto } from "../onnx/builder.js";
import type { Engine, Kernel } from "../onnx/engine.js";

/** Columns whose scores are reduced to one maximum inside the graph. */
export const BLOCK = 64;

/** Computes block maxima of cosines between two tiles of vectors. */
export interface TileProduct {
  /**
   * Float32 cosines of every row with every column, reduced to the maximum over each run of 64 columns.
   * @param rows n × dim; @param columns m × dim with m a multiple of 64 (pad with zeros)
   * @returns n × m/64, row-major
   */
  blockMaxima(rows: Float32Array, columns: Float32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

/**
 * Compiles rows · columnsᵀ followed by a maximum over blocks of 64 columns. The reduction is in the graph because a full
 * score tile costs as much to bring back as to compute.
 */
export async function createTileProduct(engine: Engine, dim: number): Promise<TileProduct> {
  const kernel: Kernel = await engine.compile(
    modelProto({
      nodes: [
        { op: "Gemm", inputs: ["rows", "columns"], outputs: ["scores"], attributes: { transB: { int: 1 } } },
        { op: "Reshape", inputs: ["scores", "blocks"], outputs: ["blocked"] },
        { op: "ReduceMax", inputs: ["blocked", "axis"], outputs: ["maxima"], attributes: { keepdims: { int: 0 } } },
      ],
      inputs: [
        { name: "rows", dtype: "float32", shape: ["n", dim] },
        { name: "columns", dtype: "float32", shape: ["m", dim] },
      ],
      outputs: [{ name: "maxima", dtype: "float32", shape: ["n", "m/64"] }],
      initializers: [
        { name: "blocks", dtype: "int64", shape: [3], data: BigInt64Array.of(0n, -1n, BigInt(BLOCK)) },
        { name: "axis", dtype: "int64", shape: [1], data: BigInt64Array.of(2n) },
      ],
    }),
  );
  return {
    async blockMaxima(rows, columns) {
      const { maxima } = await kernel.run({
        rows: { dtype: "float32", shape: [rows.length / dim, dim], data: rows },
        columns: { dtype: "float32", shape: [columns.length / dim, dim], data: columns },
      });
      return maxima.data as Float32Array;
    },
    release: () => kernel.release(),
  };
}
