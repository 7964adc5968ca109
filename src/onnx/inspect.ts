/**
 * Reads the interface of a serialised ONNX model (inputs, outputs, whether weights lie in other files) by skipping through
 * its fields, so that a model of gigabytes is not parsed. Field numbers as in builder.ts.
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

/** What `inspectModel` finds. */
export interface ModelInterface {
  readonly inputs: readonly ModelValue[];
  readonly outputs: readonly ModelValue[];
  /** True where an initializer's data lies in another file. */
  readonly externalData: boolean;
}

const decoder = new TextDecoder();

/** Calls `visit` for each field of a message; length-delimited ones come as a view, others as a number. */
function fields(message: Uint8Array, visit: (field: number, value: Uint8Array | number) => void): void {
  let at = 0;
  const varint = () => {
    let result = 0;
    let scale = 1;
    for (;;) {
      if (at >= message.length) throw new Error("the file is not an ONNX model or is cut off");
      const byte = message[at++];
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
      scale *= 128;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const wire = tag % 8;
    const field = Math.floor(tag / 8);
    if (wire === 0) visit(field, varint());
    else if (wire === 2) {
      const length = varint();
      if (at + length > message.length) throw new Error("the file is not an ONNX model or is cut off");
      visit(field, message.subarray(at, at + length));
      at += length;
    } else if (wire === 1 || wire === 5) at += wire === 1 ? 8 : 4;
    else throw new Error(`the file is not an ONNX model: field ${field} has wire type ${wire}`);
  }
}

function readValue(message: Uint8Array): ModelValue {
  let name = "";
  let elementType = 0;
  let rank = -1;
  let lastDim: number | undefined;
  fields(message, (field, value) => {
    if (field === 1) name = decoder.decode(value as Uint8Array);
    if (field !== 2) return;
    fields(value as Uint8Array, (typeField, tensor) => {
      if (typeField !== 1) return;
      fields(tensor as Uint8Array, (tensorField, shape) => {
        if (tensorField === 1) elementType = shape as number;
        if (tensorField !== 2) return;
        rank = 0;
        fields(shape as Uint8Array, (_, dimension) => {
          rank++;
          lastDim = undefined;
          fields(dimension as Uint8Array, (dimField, size) => {
            if (dimField === 1) lastDim = size as number;
          });
        });
      });
    });
  });
  return { name, elementType, rank, lastDim };
}

/**
 * Reads a model's interface.
 * @throws Error where the bytes are no ONNX model or end too early
 */
export function inspectModel(model: Uint8Array): ModelInterface {
  const inputs: ModelValue[] = [];
  const outputs: ModelValue[] = [];
  const constants = new Set<string>();
  let externalData = false;
  fields(model, (field, graph) => {
    if (field !== 7 || typeof graph === "number") return;
    fields(graph, (graphField, value) => {
      if (graphField === 11) inputs.push(readValue(value as Uint8Array));
      else if (graphField === 12) outputs.push(readValue(value as Uint8Array));
      else if (graphField === 5) {
        fields(value as Uint8Array, (tensorField, part) => {
          if (tensorField === 8) constants.add(decoder.decode(part as Uint8Array));
          else if (tensorField === 14 && part === 1) externalData = true;
        });
      }
    });
  });
  if (outputs.length === 0) throw new Error("the file is not an ONNX model: it has no outputs");
  // Old exporters list initializers among the inputs as well.
  return { inputs: inputs.filter(({ name }) => !constants.has(name)), outputs, externalData };
}
