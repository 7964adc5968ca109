import { dataType, modelProto } from "../../onnx/builder.js";
import type { Engine, Kernel, Tile } from "../../onnx/engine.js";

/** Graphs of the learner; the shapes are free, so one graph serves every size. */
export interface BasisKernels {
  /** y = xᵀ·(x·b) as float64, from float32 x and b. */
  step: Kernel;
  /** rest = y − v·(vᵀ·y) in float64. */
  outside: Kernel;
  /** y = a·b in float64. */
  times: Kernel;
  /** y = aᵀ·a in float64. */
  gram: Kernel;
}

/** Compiles the graphs. The caller releases the kernels. */
export async function compileBasisKernels(engine: Engine): Promise<BasisKernels> {
  const free = ["r", "c"];
  const out = (name: string) => ({ name, dtype: "float64" as const, shape: free });
  const step = modelProto({
    nodes: [
      { op: "MatMul", inputs: ["x", "b"], outputs: ["xb"] },
      { op: "Gemm", inputs: ["x", "xb"], outputs: ["xxb"], attributes: { transA: { int: 1 } } },
      { op: "Cast", inputs: ["xxb"], outputs: ["y"], attributes: { to: { int: dataType.float64 } } },
    ],
    inputs: [
      { name: "x", dtype: "float32", shape: free },
      { name: "b", dtype: "float32", shape: ["c", "k"] },
    ],
    outputs: [{ ...out("y"), shape: ["c", "k"] }],
  });
  const outside = modelProto({
    nodes: [
      { op: "Transpose", inputs: ["v"], outputs: ["vt"] },
      { op: "MatMul", inputs: ["vt", "y"], outputs: ["coefficients"] },
      { op: "MatMul", inputs: ["v", "coefficients"], outputs: ["inside"] },
      { op: "Sub", inputs: ["y", "inside"], outputs: ["rest"] },
    ],
    inputs: [
      { ...out("v"), shape: ["r", "k"] },
      { ...out("y"), shape: ["r", "c"] },
    ],
    outputs: [out("rest")],
  });
  const times = modelProto({
    nodes: [{ op: "MatMul", inputs: ["a", "b"], outputs: ["y"] }],
    inputs: [out("a"), { ...out("b"), shape: ["c", "k"] }],
    outputs: [{ ...out("y"), shape: ["r", "k"] }],
  });
  const gram = modelProto({
    nodes: [
      { op: "Transpose", inputs: ["a"], outputs: ["at"] },
      { op: "MatMul", inputs: ["at", "a"], outputs: ["y"] },
    ],
    inputs: [out("a")],
    outputs: [{ ...out("y"), shape: ["c", "c"] }],
  });
  return {
    step: await engine.compile(step),
    outside: await engine.compile(outside),
    times: await engine.compile(times),
    gram: await engine.compile(gram),
  };
}

/** A matrix as the kernels take it. */
export function tile(dtype: "float32" | "float64", shape: number[], data: Float32Array | Float64Array): Tile {
  return { dtype, shape, data };
}
