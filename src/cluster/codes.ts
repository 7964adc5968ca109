import { type Graph, modelProto, type Node } from "../onnx/builder.js";
import type { Engine } from "../onnx/engine.js";

/**
 * Vectors as 8-bit codes with a certain error. A row x becomes s·q + e + m: m a common centre, q integers from −127 to 127,
 * s the row's own scale, and e what is left over, of known length. So for any vector v the product (x − m)·v differs from
 * s·(q·v) by at most |e||v|, whatever the order in which the integers are summed.
 */
export interface CodeTile {
  /** q + 128, tileRows × dim. */
  readonly codes: Uint8Array;
  /** s of each row. */
  readonly scale: Float32Array;
  /** At least |e| of each row. */
  readonly error: Float32Array;
  /** At least |x − m| and |s·q| of each row. */
  readonly length: Float32Array;
}

/** Zero point of the codes. */
export const ZERO_POINT = 128;

/** Turns tiles of vectors into codes. */
export interface Encoder {
  /** `rows` is tileRows × dim, read during the call; the result is the caller's. */
  encode(rows: Float32Array): Promise<CodeTile>;
  release(): Promise<void>;
}

/** Unit roundoff of float32. */
const UNIT_ROUNDOFF = 2 ** -24;

/** Rows that the graph takes at a time: its intermediate results then stay in a core's cache. */
const PART_ROWS = 128;

/** Compiles the encoder for a centre (dim float32, read during the call). */
export async function createEncoder(engine: Engine, centre: Float32Array, tileRows: number): Promise<Encoder> {
  const dim = centre.length;
  const kernel = await engine.compile(modelProto(encodeGraph(centre)));
  return {
    async encode(rows) {
      const codes = new Uint8Array(tileRows * dim);
      const scale = new Float32Array(tileRows);
      const error = new Float32Array(tileRows);
      const length = new Float32Array(tileRows);
      for (let start = 0; start < tileRows; start += PART_ROWS) {
        const end = Math.min(tileRows, start + PART_ROWS);
        const part = rows.subarray(start * dim, end * dim);
        const out = await kernel.run({ rows: { dtype: "float32", shape: [end - start, dim], data: part } });
        codes.set(out.codes.data as Uint8Array, start * dim);
        scale.set(out.scale.data as Float32Array, start);
        error.set(out.left.data as Float32Array, start);
        length.set(out.full.data as Float32Array, start);
      }
      boundLengths(error, length, dim);
      return { codes, scale, error, length };
    },
    release: () => kernel.release(),
  };
}

/**
 * Turns float32 sums of squares into upper bounds of lengths: such a sum is off by at most γ(dim + 1) of itself, and
 * y = x − m and y − s·q by two roundings of |y| + |s·q|.
 */
function boundLengths(error: Float32Array, length: Float32Array, dim: number): void {
  const sum = 1 + (dim + 4) * UNIT_ROUNDOFF;
  for (let r = 0; r < error.length; r++) {
    const y = Math.sqrt(length[r]) * sum;
    const e = Math.sqrt(error[r]) * sum;
    error[r] = (e + 8 * UNIT_ROUNDOFF * (y + e)) * (1 + 2 ** -22) + 2 ** -60;
    length[r] = (y + error[r]) * (1 + 2 ** -22);
  }
}

function encodeGraph(centre: Float32Array): Graph {
  const dim = centre.length;
  const op = (name: string, inputs: string[], output: string, attributes?: Node["attributes"]): Node => {
    return { op: name, inputs, outputs: [output], attributes };
  };
  const scalar = (name: string, value: number) => {
    return { name, dtype: "float32" as const, shape: [], data: Float32Array.of(value) };
  };
  const byRow = { axis: { int: 0 } };
  const flat = { keepdims: { int: 0 } };
  return {
    nodes: [
      op("Sub", ["rows", "centre"], "y"),
      op("Abs", ["y"], "magnitude"),
      op("ReduceMax", ["magnitude", "axis"], "largest", flat),
      op("Mul", ["largest", "step"], "unbounded"),
      // A row on the centre has no scale of its own; any will do.
      op("Max", ["unbounded", "least"], "scale"),
      op("Shape", ["scale"], "count"),
      op("Expand", ["zero", "count"], "zeros"),
      op("QuantizeLinear", ["y", "scale", "zeros"], "codes", byRow),
      op("DequantizeLinear", ["codes", "scale", "zeros"], "coded", byRow),
      op("Sub", ["y", "coded"], "e"),
      // Faster than ReduceSumSquare.
      op("Mul", ["e", "e"], "squaredE"),
      op("ReduceSum", ["squaredE", "axis"], "left", flat),
      op("Mul", ["y", "y"], "squaredY"),
      op("ReduceSum", ["squaredY", "axis"], "full", flat),
    ],
    inputs: [{ name: "rows", dtype: "float32", shape: ["rows", dim] }],
    outputs: [
      { name: "codes", dtype: "uint8", shape: ["rows", dim] },
      { name: "scale", dtype: "float32", shape: ["rows"] },
      { name: "left", dtype: "float32", shape: ["rows"] },
      { name: "full", dtype: "float32", shape: ["rows"] },
    ],
    initializers: [
      { name: "centre", dtype: "float32", shape: [dim], data: centre },
      { name: "axis", dtype: "int64", shape: [1], data: BigInt64Array.of(1n) },
      { name: "zero", dtype: "uint8", shape: [], data: Uint8Array.of(ZERO_POINT) },
      scalar("step", 1 / 127),
      scalar("least", 2 ** -40),
    ],
  };
}
