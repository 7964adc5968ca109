import type { Graph } from "../onnx/builder.js";
import { ZERO_POINT } from "./codes.js";

/** Product of codes of rows with those of steps, as float32 and multiplied with the scale of its column. */
export function productGraph(width: number, columns: number): Graph {
  return {
    nodes: [
      {
        op: "MatMulIntegerToFloat",
        domain: "com.microsoft",
        inputs: ["rows", "codes", "one", "scale", "zero"],
        outputs: ["product"],
      },
    ],
    inputs: [
      { name: "rows", dtype: "uint8", shape: ["rows", width] },
      { name: "codes", dtype: "int8", shape: [width, columns] },
      { name: "scale", dtype: "float32", shape: [columns] },
    ],
    outputs: [{ name: "product", dtype: "float32", shape: ["rows", columns] }],
    initializers: [
      { name: "one", dtype: "float32", shape: [], data: Float32Array.of(1) },
      { name: "zero", dtype: "uint8", shape: [], data: Uint8Array.of(ZERO_POINT) },
    ],
  };
}
