import { modelProto } from "../../onnx/builder.js";
import type { Engine } from "../../onnx/engine.js";

/** For each row its `k` columns with the highest scores, best first; n × k. */
export interface Nearest {
  readonly scores: Float32Array;
  readonly columns: Int32Array;
}

/** Finds the nearest columns of rows by float32 products. */
export interface NearestKernel {
  /** Compares n × dim with m × dim, m at least `k`; both stay the caller's. */
  nearest(rows: Float32Array, columns: Float32Array): Promise<Nearest>;
  /** Frees the engine's memory. */
  release(): Promise<void>;
}

/**
 * Compiles the product that returns the best `k` columns of each row. The selection is part of the graph, because to
 * hand out all scores takes longer than to compute them.
 */
export async function createNearest(engine: Engine, dim: number, k: number): Promise<NearestKernel> {
  const kernel = await engine.compile(
    modelProto({
      nodes: [
        { op: "Gemm", inputs: ["rows", "columns"], outputs: ["products"], attributes: { transB: { int: 1 } } },
        {
          op: "TopK",
          inputs: ["products", "k"],
          outputs: ["scores", "indices"],
          attributes: { axis: { int: 1 } },
        },
      ],
      inputs: [
        { name: "rows", dtype: "float32", shape: ["n", dim] },
        { name: "columns", dtype: "float32", shape: ["m", dim] },
      ],
      outputs: [
        { name: "scores", dtype: "float32", shape: ["n", k] },
        { name: "indices", dtype: "int64", shape: ["n", k] },
      ],
      initializers: [{ name: "k", dtype: "int64", shape: [1], data: BigInt64Array.of(BigInt(k)) }],
    }),
  );
  return {
    async nearest(rows, columns) {
      const { scores, indices } = await kernel.run({
        rows: { dtype: "float32", shape: [rows.length / dim, dim], data: rows },
        columns: { dtype: "float32", shape: [columns.length / dim, dim], data: columns },
      });
      return { scores: scores.data as Float32Array, columns: Int32Array.from(indices.data as BigInt64Array, Number) };
    },
    release: () => kernel.release(),
  };
}
