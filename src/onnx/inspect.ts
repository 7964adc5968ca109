import { readFields, readInts, readString } from "./protobuf-reader.js";

/**
 * Reads the interface of a serialised ONNX model (inputs, outputs, whether weights lie in other files). Field numbers
 * as in builder.ts.
 */

/** A graph input or output. */
export interface ModelValue {
  readonly name: string;
  /** TensorProto.DataType, 0 where not given. */
  readonly elementType: number;
  /** Number of dimensions, -1 where not given. */
  readonly rank: number;
  /** Size of the last dimension where it is fixed. */
  readonly lastDim?: number;
}

/** The interface of a model. */
export interface ModelInterface {
  readonly inputs: readonly ModelValue[];
  readonly outputs: readonly ModelValue[];
  /** True where an initializer's data lies in another file. */
  readonly externalData: boolean;
  /** The files with initializers' data, by their paths relative to the model file, each once. */
  readonly externalFiles: readonly string[];
  /** Rows of the table in which `input_ids` are looked up; undefined where the graph does not show the table. */
  readonly vocabulary?: number;
  /** Rows of the table of learnt positions; undefined where the graph shows no such table, as with rotary positions. */
  readonly positions?: number;
  /** True where the model quantises activations as it runs, with one scale for a whole batch. */
  readonly quantisesActivations: boolean;
}

function readValue(message: Uint8Array): ModelValue {
  let name = "";
  let elementType = 0;
  let rank = -1;
  let lastDim: number | undefined;
  readFields(message, (field, value) => {
    if (field === 1) name = readString(value);
    if (field !== 2) return;
    readFields(value as Uint8Array, (typeField, tensor) => {
      if (typeField !== 1) return;
      readFields(tensor as Uint8Array, (tensorField, shape) => {
        if (tensorField === 1) elementType = shape as number;
        if (tensorField !== 2) return;
        rank = 0;
        readFields(shape as Uint8Array, (_, dimension) => {
          rank++;
          lastDim = undefined;
          readFields(dimension as Uint8Array, (dimField, size) => {
            if (dimField === 1) lastDim = size as number;
          });
        });
      });
    });
  });
  return { name, elementType, rank, lastDim };
}

/** The file that an entry of external data names; undefined for an entry with another key than `location`. */
function readLocation(entry: Uint8Array): string | undefined {
  let key = "";
  let text = "";
  readFields(entry, (field, value) => {
    if (field === 1) key = readString(value);
    else if (field === 2) text = readString(value);
  });
  return key === "location" ? text : undefined;
}

/** Name, first dimension and external file of an initializer. */
function readInitializer(tensor: Uint8Array): { name: string; rows: number; file?: string } {
  let name = "";
  let rows = -1;
  let file: string | undefined;
  readFields(tensor, (field, value) => {
    if (field === 8) name = readString(value);
    else if (field === 1 && rows < 0) rows = readInts(value)[0];
    else if (field === 13) file ??= readLocation(value as Uint8Array);
  });
  return { name, rows, file };
}

/** Operator and inputs of a node. */
function readCall(node: Uint8Array): { op: string; inputs: string[] } {
  let op = "";
  const inputs: string[] = [];
  readFields(node, (field, value) => {
    if (field === 1) inputs.push(readString(value));
    else if (field === 4) op = readString(value);
  });
  return { op, inputs };
}

/**
 * Reads a model's interface.
 * @throws Error where the bytes are no ONNX model or end too early
 */
export function inspectModel(model: Uint8Array): ModelInterface {
  const inputs: ModelValue[] = [];
  const outputs: ModelValue[] = [];
  const rows = new Map<string, number>();
  const files = new Set<string>();
  let table: string | undefined;
  let places: string | undefined;
  let quantisesActivations = false;
  readFields(model, (field, graph) => {
    if (field !== 7 || !(graph instanceof Uint8Array)) return;
    readFields(graph, (graphField, value) => {
      if (graphField === 11) inputs.push(readValue(value as Uint8Array));
      else if (graphField === 12) outputs.push(readValue(value as Uint8Array));
      else if (graphField === 5) {
        const tensor = readInitializer(value as Uint8Array);
        rows.set(tensor.name, tensor.rows);
        if (tensor.file !== undefined) files.add(tensor.file);
      } else if (graphField === 1) {
        const { op, inputs: from } = readCall(value as Uint8Array);
        if (op === "Gather" && from[1] === "input_ids") table = from[0];
        // Exporters keep the name that the table has in transformers.
        if (op === "Gather" && /position_embeddings/.test(from[0])) places = from[0];
        if (op.startsWith("DynamicQuantize")) quantisesActivations = true;
      }
    });
  });
  if (outputs.length === 0) throw new Error("the file is not an ONNX model: it has no outputs");
  return {
    // Old exporters list initializers among the inputs as well.
    inputs: inputs.filter(({ name }) => !rows.has(name)),
    outputs,
    externalData: files.size > 0,
    externalFiles: [...files],
    vocabulary: table === undefined ? undefined : rows.get(table),
    positions: places === undefined ? undefined : rows.get(places),
    quantisesActivations,
  };
}
