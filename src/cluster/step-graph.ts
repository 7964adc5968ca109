import type { Graph, Node } from "../onnx/builder.js";
import { ZERO_POINT } from "./codes.js";

/**
 * Moves the bounds of a tile by one step of `columns` centroids in equal groups. With P = q·Δ̂ as float32, one scale a column, and the
 * widening W = coefficients × terms, `next` is the old bounds plus the largest P + W of each group, `best` the largest of it in each row, and
 * `change` P for the row's own centroid. Where groups are of one the maximum is left out.
 */
export function stepGraph(width: number, columns: number, groups: number): Graph {
  const f32 = (name: string, ...shape: (number | string)[]) => ({ name, dtype: "float32" as const, shape });
  const maximum = (input: string, axis: number, output: string): Node => {
    return { op: "ReduceMax", inputs: [input, `axis${axis}`], outputs: [output], attributes: { keepdims: { int: 0 } } };
  };
  const nodes: Node[] = [
    {
      op: "MatMulIntegerToFloat",
      domain: "com.microsoft",
      inputs: ["rows", "codes", "one", "scale", "zero"],
      outputs: ["product"],
    },
    { op: "GatherElements", inputs: ["product", "own"], outputs: ["change"], attributes: { axis: { int: 1 } } },
  ];
  if (columns === groups) {
    nodes.push({ op: "Gemm", inputs: ["coefficients", "terms", "bounds"], outputs: ["widened"] });
    nodes.push({ op: "Add", inputs: ["widened", "product"], outputs: ["next"] });
  } else {
    nodes.push({ op: "Gemm", inputs: ["coefficients", "terms", "product"], outputs: ["added"] });
    nodes.push({ op: "Reshape", inputs: ["added", "grouped"], outputs: ["byGroup"] });
    nodes.push(maximum("byGroup", 2, "most"));
    nodes.push({ op: "Add", inputs: ["bounds", "most"], outputs: ["next"] });
  }
  nodes.push(maximum("next", 1, "best"));
  const int64 = (name: string, ...values: number[]) => {
    return { name, dtype: "int64" as const, shape: [values.length], data: BigInt64Array.from(values, BigInt) };
  };
  return {
    nodes,
    inputs: [
      { name: "rows", dtype: "uint8", shape: ["rows", width] },
      { name: "codes", dtype: "int8", shape: [width, columns] },
      f32("scale", columns),
      f32("coefficients", "rows", 3),
      f32("terms", 3, columns),
      f32("bounds", "rows", groups),
      { name: "own", dtype: "int32", shape: ["rows", 1] },
    ],
    outputs: [f32("next", "rows", groups), f32("best", "rows"), f32("change", "rows", 1)],
    initializers: [
      { name: "one", dtype: "float32", shape: [], data: Float32Array.of(1) },
      { name: "zero", dtype: "uint8", shape: [], data: Uint8Array.of(ZERO_POINT) },
      int64("axis1", 1),
      int64("axis2", 2),
      int64("grouped", -1, groups, columns / groups),
    ],
  };
}
