import * as pb from "./protobuf.js";
import { readFields, readInts, readString } from "./protobuf-reader.js";

/**
 * Reads the nodes of a serialised graph for the rewritings, which pass on most of a model as it stands. Field numbers as
 * in builder.ts.
 */

/** The parts of a node that rewritings need; `bytes` is the whole message. */
export interface RawNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Uint8Array>;
  readonly bytes: Uint8Array;
}

/** Operators with graphs inside. Such a graph uses tensors of the outer one without naming them as inputs. */
export const SUBGRAPHS: ReadonlySet<string> = new Set(["If", "Loop", "Scan", "SequenceMap"]);

/** Reads a NodeProto. */
export function readNode(bytes: Uint8Array): RawNode {
  let op = "";
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Uint8Array>();
  readFields(bytes, (field, value) => {
    if (field === 1) inputs.push(readString(value));
    else if (field === 2) outputs.push(readString(value));
    else if (field === 4) op = readString(value);
    else if (field === 5) {
      readFields(value as Uint8Array, (part, name) => {
        if (part === 1) attributes.set(readString(name), value as Uint8Array);
      });
    }
  });
  return { op, inputs, outputs, attributes, bytes };
}

/** Name and number of dimensions of a TensorProto, whose dims may be packed. */
export function readTensor(tensor: Uint8Array): { name: string; rank: number } {
  let name = "";
  let rank = 0;
  readFields(tensor, (field, value) => {
    if (field === 8) name = readString(value);
    else if (field === 1) rank += readInts(value).length;
  });
  return { name, rank };
}

/** Rank of a Constant node's value. */
export function constantRank(attribute: Uint8Array): number {
  let rank = 0;
  readFields(attribute, (field, value) => {
    if (field === 5) rank = readTensor(value as Uint8Array).rank;
  });
  return rank;
}

/** Integers of an attribute: its `i` or its `ints`. */
export function attributeInts(attribute: Uint8Array): number[] {
  const ints: number[] = [];
  readFields(attribute, (field, value) => {
    if (field === 3 || field === 8) ints.push(...readInts(value));
  });
  return ints;
}

/** The message of a node with other inputs and outputs. The node loses its name, which must be unique in a graph. */
export function renameNode({ bytes }: RawNode, inputs: readonly string[], outputs: readonly string[]): Uint8Array {
  const parts = [...inputs.map((name) => pb.string(1, name)), ...outputs.map((name) => pb.string(2, name))];
  readFields(bytes, (field, _, start, end) => {
    if (field > 3) parts.push(bytes.subarray(start, end));
  });
  return pb.join(parts);
}
