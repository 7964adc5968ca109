import type { Graph, Node } from "../onnx/builder.js";
import type { Grouping } from "./grouping.js";

/**
 * x·c − |c|²/2 ranks centroids as −|x − c|² does, in one product with a bias; the best ones are picked in the graph. With a grouping all
 * scores come out too, and the best of each group; to write and copy these takes almost as long as the rest.
 */
export function scoreGraph(dim: number, k: number, top: number, grouping: Grouping | null): Graph {
  const { groupSize, groups } = grouping ?? { groupSize: 1, groups: k };
  const int64 = (name: string, ...values: number[]) => {
    return { name, dtype: "int64" as const, shape: [values.length], data: BigInt64Array.from(values, BigInt) };
  };
  const grouped: Node[] = [
    { op: "Pad", inputs: ["scores", "ends", "lowest"], outputs: ["filled"] },
    { op: "Reshape", inputs: ["filled", "grouped"], outputs: ["byGroup"] },
    {
      op: "ReduceMax",
      inputs: ["byGroup", "groupAxis"],
      outputs: ["groupBest"],
      attributes: { keepdims: { int: 0 } },
    },
  ];
  return {
    nodes: [
      {
        op: "Gemm",
        inputs: ["rows", "centroids", "bias"],
        outputs: ["scores"],
        attributes: { transB: { int: 1 } },
      },
      { op: "TopK", inputs: ["scores", "top"], outputs: ["best", "candidates"], attributes: { axis: { int: 1 } } },
      ...(groupSize > 1 ? grouped : []),
    ],
    inputs: [
      { name: "rows", dtype: "float32", shape: ["rows", dim] },
      { name: "centroids", dtype: "float32", shape: [k, dim] },
      { name: "bias", dtype: "float32", shape: [k] },
    ],
    outputs: [
      ...(grouping ? [{ name: "scores", dtype: "float32" as const, shape: ["rows", k] }] : []),
      { name: "best", dtype: "float32", shape: ["rows", top] },
      { name: "candidates", dtype: "int64", shape: ["rows", top] },
      ...(groupSize > 1 ? [{ name: "groupBest", dtype: "float32" as const, shape: ["rows", groups] }] : []),
    ],
    initializers: [
      int64("top", top),
      int64("ends", 0, 0, 0, groups * groupSize - k),
      int64("grouped", -1, groups, groupSize),
      int64("groupAxis", 2),
      { name: "lowest", dtype: "float32", shape: [], data: Float32Array.of(Number.NEGATIVE_INFINITY) },
    ],
  };
}
