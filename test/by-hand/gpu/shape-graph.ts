import { appendToModel, type Dtype, dataType, type Initializer, type Node } from "../../../src/onnx/builder.js";
import * as pb from "../../../src/onnx/protobuf.js";

/** Sizes of a BERT. */
export interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly vocabulary: number;
  readonly positions: number;
}

/** A weight tensor that lies in the file beside the graph. */
interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** A graph without its weights, and the bytes that the file of weights has. */
export interface ShapeGraph {
  readonly model: Uint8Array;
  readonly weightBytes: number;
}

/** Each weight begins at a multiple of this many bytes. */
const ALIGNMENT = 64;

/**
 * The graph of a BERT as PyTorch's exporter writes one for opset 14, operator by operator, so that onnxruntime fuses it as it
 * fuses the models of the hub: layer normalisation and GELU in their parts, attention by four reshapes.
 * @param file name of the file of weights, in the folder of the graph
 * @param fused attention as onnxruntime's MultiHeadAttention, as its own optimizer of transformers writes models; its kernels
 *   take lengths of texts instead of a mask in half precision only
 */
export function bertGraph(shape: Shape, half: boolean, file: string, fused = false): ShapeGraph {
  const { layers, hidden, heads, vocabulary, positions } = shape;
  const dtype: Dtype = half ? "float16" : "float32";
  const nodes: Node[] = [];
  const constants: Initializer[] = [];
  const weights: Weight[] = [];
  let weightBytes = 0;

  const node = (op: string, inputs: readonly string[], output: string, attributes?: Node["attributes"]): string => {
    nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  };
  const floats = (name: string, dims: readonly number[], value: number): string => {
    const size = dims.reduce((a, b) => a * b, 1);
    const data = half ? new Uint16Array(size).fill(toHalf(value)) : new Float32Array(size).fill(value);
    constants.push({ name, dtype, shape: dims, data });
    return name;
  };
  const integers = (name: string, dims: readonly number[], values: readonly number[]): string => {
    constants.push({ name, dtype: "int64", shape: dims, data: BigInt64Array.from(values, BigInt) });
    return name;
  };
  const weight = (name: string, ...dims: number[]): string => {
    const bytes = dims.reduce((a, b) => a * b, half ? 2 : 4);
    weights.push({ name, shape: dims, offset: weightBytes, bytes });
    weightBytes += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return name;
  };

  const [zero, one, two] = [0, 1, 2].map((i) => integers(`at_${i}`, [1], [i]));
  const [first, second] = [0, 1].map((i) => integers(`index_${i}`, [], [i]));
  const [headCount, headSize, all] = [heads, hidden / heads, hidden].map((n, i) => integers(`size_${i}`, [1], [n]));
  const [square, epsilon] = [2, half ? 6e-8 : 1e-12].map((value, i) => floats(`norm_${i}`, [], value));
  const [root, half1, unit] = [Math.SQRT2, 0.5, 1].map((value, i) => floats(`gelu_${i}`, [], value));
  const lowest = floats("lowest", [], half ? -65504 : -3.4028234663852886e38);
  const scale = floats("scale", [], Math.sqrt(hidden / heads));

  const axis = { axes: { ints: [-1] } };
  const normalise = (name: string, input: string): string => {
    const mean = node("ReduceMean", [input], `${name}/mean`, axis);
    const centred = node("Sub", [input, mean], `${name}/centred`);
    const variance = node("ReduceMean", [node("Pow", [centred, square], `${name}/squares`)], `${name}/variance`, axis);
    const deviation = node("Sqrt", [node("Add", [variance, epsilon], `${name}/above_zero`)], `${name}/deviation`);
    const unitVariance = node("Div", [centred, deviation], `${name}/unit`);
    const scaled = node("Mul", [unitVariance, floats(`${name}.weight`, [hidden], 1)], `${name}/scaled`);
    return node("Add", [scaled, floats(`${name}.bias`, [hidden], 0)], `${name}/output`);
  };
  const dense = (name: string, input: string, from: number, to: number): string => {
    const product = node("MatMul", [input, weight(`${name}.weight`, from, to)], `${name}/product`);
    return node("Add", [floats(`${name}.bias`, [to], 0), product], `${name}/output`);
  };
  /** The tensor as [batch, tokens, ...sizes]. */
  const reshape = (name: string, input: string, sizes: readonly string[]): string => {
    const dims = [first, second].map((index, i) => {
      const size = node("Gather", [node("Shape", [input], `${name}/shape_${i}`), index], `${name}/dim_${i}`);
      return node("Unsqueeze", [size, zero], `${name}/unsqueezed_${i}`);
    });
    const target = node("Concat", [...dims, ...sizes], `${name}/target`, { axis: { int: 0 } });
    return node("Reshape", [input, target], `${name}/reshaped`);
  };
  const byHead = (name: string, input: string, perm: readonly number[]): string => {
    const split = reshape(name, input, [headCount, headSize]);
    return node("Transpose", [split], `${name}/by_head`, { perm: { ints: perm } });
  };

  // Embeddings.
  const tokens = node("Gather", [node("Shape", ["input_ids"], "ids/shape"), second], "ids/tokens");
  const count = node("Unsqueeze", [tokens, zero], "ids/count");
  const range = integers(
    "range",
    [1, positions],
    Array.from({ length: positions }, (_, i) => i),
  );
  const places = node("Slice", [range, zero, count, one, one], "positions");
  const words = node("Gather", [weight("words", vocabulary, hidden), "input_ids"], "words/output");
  const types = node("Gather", [weight("types", 2, hidden), "token_type_ids"], "types/output");
  const placed = node("Gather", [weight("places", positions, hidden), places], "places/output");
  const sum = node("Add", [node("Add", [words, types], "words_types"), placed], "embedded");
  let state = normalise("embeddings", sum);

  // 0 where there is a token, the lowest number where there is none.
  const wide = node("Unsqueeze", [node("Unsqueeze", ["attention_mask", one], "mask/1"), two], "mask/2");
  const present = node("Cast", [wide], "mask/float", { to: { int: dataType[dtype] } });
  const mask = node("Mul", [node("Sub", [unit, present], "mask/absent"), lowest], "mask/output");

  // The number of tokens of each text, then where each begins among the queries, and among the keys.
  const extents = "extents/output";
  if (fused) {
    const int32 = { to: { int: dataType.int32 } };
    const texts = node("Gather", [node("Shape", ["input_ids"], "extents/shape"), first], "extents/texts");
    const begins = node("Range", [first, node("Add", [texts, second], "extents/end"), second], "extents/range");
    const lengths = node("ReduceSum", ["attention_mask", one], "extents/lengths", { keepdims: { int: 0 } });
    const places = node("Mul", [begins, tokens], "extents/places");
    node("Cast", [node("Concat", [lengths, places, places], "extents/all", { axis: { int: 0 } })], extents, int32);
  }
  const attend = (at: (name: string) => string, [query, key, value]: readonly string[]): string => {
    nodes.push({
      op: "MultiHeadAttention",
      domain: "com.microsoft",
      inputs: [query, key, value, "", extents],
      outputs: [at("context")],
      attributes: { num_heads: { int: heads } },
    });
    return at("context");
  };

  const spellOut = (at: (name: string) => string, [query, key, value]: readonly string[]): string => {
    const [queries, keys, values] = [
      byHead(at("query"), query, [0, 2, 1, 3]),
      byHead(at("key"), key, [0, 2, 3, 1]),
      byHead(at("value"), value, [0, 2, 1, 3]),
    ];
    const products = node("MatMul", [queries, keys], at("products"));
    const scores = node("Add", [node("Div", [products, scale], at("scaled")), mask], at("scores"));
    const shares = node("Softmax", [scores], at("shares"), { axis: { int: -1 } });
    const mixed = node("Transpose", [node("MatMul", [shares, values], at("mixed"))], at("by_token"), {
      perm: { ints: [0, 2, 1, 3] },
    });
    return reshape(at("context"), mixed, [all]);
  };

  for (let layer = 0; layer < layers; layer++) {
    const at = (name: string) => `layer.${layer}.${name}`;
    const query = dense(at("query"), state, hidden, hidden);
    const key = dense(at("key"), state, hidden, hidden);
    const value = dense(at("value"), state, hidden, hidden);
    const context = fused ? attend(at, [query, key, value]) : spellOut(at, [query, key, value]);
    const attended = dense(at("attention"), context, hidden, hidden);
    const between = normalise(at("attention.norm"), node("Add", [attended, state], at("attention/sum")));
    const inner = dense(at("inner"), between, hidden, 4 * hidden);
    const erf = node("Erf", [node("Div", [inner, root], at("gelu/scaled"))], at("gelu/erf"));
    const gate = node("Mul", [inner, node("Add", [erf, unit], at("gelu/gate"))], at("gelu/gated"));
    const outer = dense(at("outer"), node("Mul", [gate, half1], at("gelu")), 4 * hidden, hidden);
    state = normalise(at("norm"), node("Add", [outer, between], at("sum")));
  }
  const last = half ? node("Cast", [state], "last_hidden_state", { to: { int: dataType.float32 } }) : state;
  if (!half) node("Identity", [last], "last_hidden_state");

  const ids = ["input_ids", "attention_mask", "token_type_ids"];
  const own = pb.message(8, pb.string(1, "com.microsoft"), pb.int(2, 1));
  const header = pb.join([pb.int(1, 8), pb.message(7, pb.string(2, "bert")), pb.message(8, pb.int(2, 14)), own]);
  const graph = appendToModel(header, {
    nodes,
    inputs: ids.map((name) => ({ name, dtype: "int64", shape: ["batch", "tokens"] })),
    outputs: [{ name: "last_hidden_state", dtype: "float32", shape: ["batch", "tokens", hidden] }],
    initializers: constants,
  });
  const outside = weights.map((tensor) => externalWeight(tensor, dtype, file));
  return { model: pb.join([graph, pb.message(7, ...outside)]), weightBytes };
}

/** A TensorProto whose data lies in a file. */
function externalWeight({ name, shape, offset, bytes }: Weight, dtype: Dtype, file: string): Uint8Array {
  const entry = (key: string, value: string) => pb.message(13, pb.string(1, key), pb.string(2, value));
  const where = [entry("location", file), entry("offset", `${offset}`), entry("length", `${bytes}`)];
  return pb.message(5, pb.ints(1, shape), pb.int(2, dataType[dtype]), pb.string(8, name), ...where, pb.int(14, 1));
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The bits of the float16 next to a number; numbers below the smallest normal one, 6.1e-5, become multiples of 6.0e-8. */
export function toHalf(value: number): number {
  float[0] = value;
  const sign = (bits[0] >>> 16) & 0x8000;
  const size = Math.abs(value);
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24);
  // Rounding may carry into the exponent, as it should.
  return sign | ((((bits[0] & 0x7fffffff) + 0x1000) >>> 13) - (112 << 10));
}
