import type { Tile } from "./engine.js";
import * as pb from "./protobuf.js";

/**
 * Builds ONNX models from plain descriptions: the builtin model, the tile products of the join and of k-means, and the
 * pooling that `appendToModel` adds to a foreign model. The first argument of each `pb` call is a field number. Field
 * numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

/** Element types that the graphs here use, with their TensorProto.DataType. */
export const dataType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
} as const;

/** Name of an element type. */
export type Dtype = keyof typeof dataType;

/** Integer attributes are `{ int }` or `{ ints }`, so that 1 and 1.0 cannot be confused. */
export type Attribute = { int: number } | { ints: readonly number[] } | { float: number } | { string: string };

/** One operator call. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Operator domain; the ONNX standard one where absent. */
  readonly domain?: string;
}

/** A graph input or output. A string in the shape names a dimension whose size is known only at run time. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly (number | string)[];
}

/** A constant of the graph. */
export interface Initializer extends Tile {
  readonly name: string;
}

/** A graph: its nodes in an order in which each comes after the nodes whose results it uses. */
export interface Graph {
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers?: readonly Initializer[];
}

/** Opset of the graphs built here: the lowest with ScatterElements' reduction and ReduceMax over int8. */
export const OPSET = 18;

function attribute(name: string, value: Attribute): Uint8Array {
  const field = pb.string(1, name);
  if ("int" in value) return pb.message(5, field, pb.int(3, value.int), pb.int(20, 2));
  if ("ints" in value) return pb.message(5, field, pb.ints(8, value.ints), pb.int(20, 7));
  if ("float" in value) return pb.message(5, field, pb.float(2, value.float), pb.int(20, 1));
  return pb.message(5, field, pb.string(4, value.string), pb.int(20, 3));
}

/** Encodes a node as field 1 of a graph. */
export function encodeNode({ op, inputs, outputs, attributes = {}, domain }: Node): Uint8Array {
  return pb.message(
    1,
    ...inputs.map((name) => pb.string(1, name)),
    ...outputs.map((name) => pb.string(2, name)),
    pb.string(4, op),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    ...(domain === undefined ? [] : [pb.string(7, domain)]),
  );
}

function initializer({ name, dtype, shape, data }: Initializer): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return pb.message(5, pb.ints(1, shape), pb.int(2, dataType[dtype]), pb.string(8, name), pb.bytes(9, raw));
}

function valueInfo(field: number, { name, dtype, shape }: ValueInfo): Uint8Array {
  const dims = shape.map((d) => pb.message(1, typeof d === "string" ? pb.string(2, d) : pb.int(1, d)));
  const tensorType = pb.message(1, pb.int(1, dataType[dtype]), pb.message(2, ...dims));
  return pb.message(field, pb.string(1, name), pb.message(2, tensorType));
}

function graphFields({ nodes, inputs, outputs, initializers = [] }: Graph): Uint8Array[] {
  return [
    ...nodes.map(encodeNode),
    ...initializers.map(initializer),
    ...inputs.map((input) => valueInfo(11, input)),
    ...outputs.map((output) => valueInfo(12, output)),
  ];
}

/** Serialises a graph as a ModelProto of opset 18 (and com.microsoft 1, for onnxruntime's own operators). */
export function modelProto(graph: Graph): Uint8Array {
  return pb.join([
    pb.int(1, 9),
    pb.string(2, "bge-dedup"),
    pb.message(7, pb.string(2, "bge-dedup"), ...graphFields(graph)),
    pb.message(8, pb.int(2, OPSET)),
    pb.message(8, pb.string(1, "com.microsoft"), pb.int(2, 1)),
  ]);
}

/**
 * Appends nodes and outputs to a serialised model without parsing it: concatenated protobuf messages merge, so repeated
 * fields (nodes, initializers, outputs) are appended and all others stay. The nodes must fit the model's opset, and
 * their names must not occur in the model. The result is a new buffer.
 * @param model the bytes of the model, or consecutive parts of them
 * @see https://protobuf.dev/programming-guides/encoding/#last-one-wins
 */
export function appendToModel(model: Uint8Array | readonly Uint8Array[], graph: Graph): Uint8Array {
  const parts = model instanceof Uint8Array ? [model] : model;
  return pb.join([...parts, pb.message(7, ...graphFields(graph))]);
}
