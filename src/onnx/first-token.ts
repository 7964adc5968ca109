import { encodeNode } from "./builder.js";
import { attributeInts, constantRank, type RawNode, readNode, readTensor, renameNode, SUBGRAPHS } from "./nodes.js";
import * as pb from "./protobuf.js";
import { readFields } from "./protobuf-reader.js";

/**
 * Operators that compute each element from the elements at the same place, the other operands being constant or of the
 * same shape.
 */
const ELEMENTWISE = new Set(
  ["Add", "Sub", "Mul", "Div", "Pow", "Erf", "Sqrt", "Tanh", "Sigmoid", "Relu", "Cast", "Identity"].concat(
    ["Gelu", "FastGelu", "QuickGelu", "BiasGelu"], // onnxruntime's own
  ),
);

/**
 * Operators through which tokens see each other. A model without them is not rewritten: nothing would mark its last
 * layer.
 */
const ATTENTION = new Set(["Softmax", "Attention", "MultiHeadAttention", "PackedAttention", "GroupQueryAttention"]);

/** Name of the index of the first token. */
const INDEX = "bge_dedup_first_index";

/** Operators that normalise each token's vector alone. */
const NORMALISERS = new Set(["LayerNormalization", "SkipLayerNormalization"]);

/**
 * Rewrites a model of which only the first token's vector is used. After the last attention, the projection, the
 * feed-forward network and the normalisation work on each token alone, so they receive the first token only:
 *
 *     before   attention -> [batch, tokens, dim] -> projection, feed-forward ... -> output [batch, tokens, dim]
 *     after    attention -> Gather -> [batch, 1, dim] -> projection, feed-forward ... -> output [batch, 1, dim]
 *
 * The graph's other outputs are removed. The rewriting saves three quarters of the last layer's arithmetic: measured, a
 * model of 4 layers became 21 to 31 % faster, one of 12 layers 5 %.
 *
 * The function works backwards from the output. It narrows a node to the first token if the node is known to work on
 * each token alone and every user of its results is narrowed. At the border a Gather takes the first token. So an
 * unknown operator costs speed and never correctness. Weights are neither read nor copied before the caller joins the
 * parts.
 * @returns the parts of the rewritten model, to be joined
 */
export function keepFirstToken(model: Uint8Array, output: string): Uint8Array[] {
  const others: Uint8Array[] = [];
  const graphs: Uint8Array[] = [];
  readFields(model, (field, value, start, end) => {
    if (field === 7) graphs.push(value as Uint8Array);
    else others.push(model.subarray(start, end));
  });
  const all: RawNode[] = [];
  const rest: Uint8Array[] = [];
  const ranks = new Map<string, number>();
  for (const graph of graphs) {
    readFields(graph, (field, value, start, end) => {
      if (field === 1) all.push(readNode(value as Uint8Array));
      // The caller defines new outputs (12), and the noted shapes of inner tensors (13) are no longer true.
      else if (field !== 12 && field !== 13) rest.push(graph.subarray(start, end));
      if (field !== 5) return;
      const { name, rank } = readTensor(value as Uint8Array);
      ranks.set(name, rank);
    });
  }
  for (const { op, outputs, attributes } of all) {
    const tensor = attributes.get("value");
    if (op === "Constant" && tensor !== undefined) ranks.set(outputs[0], constantRank(tensor));
  }
  // A subgraph uses tensors of the outer graph without naming them as inputs, so their users cannot be counted.
  if (all.some(({ op }) => SUBGRAPHS.has(op)) || !all.some(({ op }) => ATTENTION.has(op))) return [model];

  const nodes = liveNodes(all, output);
  const scalars = findScalars(nodes, ranks);
  const narrowed = findNarrowed({ nodes, output, ranks, scalars });
  const produced = new Set([...narrowed].flatMap(({ outputs }) => outputs));
  const gathered = new Set<string>();
  const encoded: Uint8Array[] = [];
  for (const node of nodes) {
    if (!narrowed.has(node)) {
      encoded.push(pb.bytes(1, node.bytes));
      continue;
    }
    const inputs = node.inputs.map((name) => {
      if (name === "" || produced.has(name) || ranks.has(name) || scalars.has(name)) return name;
      const first = `bge_dedup_first/${name}`;
      if (!gathered.has(first)) {
        gathered.add(first);
        encoded.push(
          encodeNode({ op: "Gather", inputs: [name, INDEX], outputs: [first], attributes: { axis: { int: 1 } } }),
        );
      }
      return first;
    });
    encoded.push(pb.bytes(1, renameNode(node, inputs, node.outputs)));
  }
  // The index is a list of one, so that Gather keeps the token axis.
  const index = pb.message(5, pb.ints(1, [1]), pb.int(2, 7), pb.string(8, INDEX), pb.bytes(9, new Uint8Array(8)));
  const parts = [...encoded, index, ...rest];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [...others, pb.header(7, length), ...parts];
}

/** The nodes that the output depends on, in the order of the graph. */
function liveNodes(nodes: readonly RawNode[], output: string): RawNode[] {
  const wanted = new Set([output]);
  const live: RawNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    for (const name of node.inputs) if (name !== "") wanted.add(name);
    live.push(node);
  }
  return live.reverse();
}

/** The computed tensors without a token axis: scales and zero points of quantised activations, and their products. */
function findScalars(nodes: readonly RawNode[], ranks: ReadonlyMap<string, number>): Set<string> {
  const scalars = new Set<string>();
  for (const { op, inputs, outputs } of nodes) {
    if (op === "DynamicQuantizeLinear") for (const name of outputs.slice(1)) scalars.add(name);
    else if (op === "Mul" && inputs.some((name) => scalars.has(name))) {
      if (inputs.every((name) => scalars.has(name) || (ranks.get(name) ?? 3) <= 1)) scalars.add(outputs[0]);
    }
  }
  return scalars;
}

/** The nodes to narrow: each works on tokens alone, and its results are the output or go to such nodes only. */
function findNarrowed(graph: {
  nodes: readonly RawNode[];
  output: string;
  ranks: ReadonlyMap<string, number>;
  scalars: ReadonlySet<string>;
}): Set<RawNode> {
  const { nodes, output, ranks, scalars } = graph;
  const uses = new Map<string, number>();
  // An omitted optional input has an empty name and uses no tensor.
  const count = (names: readonly string[], counts: Map<string, number>) => {
    for (const name of names) if (name !== "") counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  for (const { inputs } of nodes) count(inputs, uses);
  const narrowed = new Set<RawNode>();
  const narrowUses = new Map<string, number>([[output, 0]]);
  // Every node comes after the nodes it depends on, so going backwards meets all users of a result before its node.
  for (const node of nodes.toReversed()) {
    const wanted = node.outputs.some((name) => narrowUses.has(name));
    const whole = node.outputs.some((name) => (uses.get(name) ?? 0) > (narrowUses.get(name) ?? 0));
    if (!wanted || whole || !worksByToken(node, ranks, scalars)) continue;
    narrowed.add(node);
    count(node.inputs, narrowUses);
  }
  return narrowed;
}

/** True where a node's result for a token depends on that token alone; tensors are [batch, tokens, dim]. */
function worksByToken(
  { op, inputs, attributes }: RawNode,
  ranks: ReadonlyMap<string, number>,
  scalars: ReadonlySet<string>,
): boolean {
  const vectors = (names: readonly string[]) =>
    names.every((name) => name === "" || scalars.has(name) || (ranks.get(name) ?? 0) <= 1);
  if (ELEMENTWISE.has(op) || NORMALISERS.has(op)) {
    if (!vectors(inputs)) return false;
    const axis = attributes.get("axis");
    return axis === undefined || [-1, 2].includes(attributeInts(axis)[0]);
  }
  if (op === "MatMul") return !ranks.has(inputs[0]) && ranks.get(inputs[1]) === 2;
  if (op === "MatMulInteger") return !ranks.has(inputs[0]) && ranks.get(inputs[1]) === 2 && vectors(inputs.slice(2));
  if (op === "DynamicQuantizeLinear") return true;
  if (op !== "ReduceMean" || inputs.length !== 1) return false;
  const axes = attributes.get("axes");
  const keepdims = attributes.get("keepdims");
  const last = axes !== undefined && attributeInts(axes).every((axis) => axis === -1 || axis === 2);
  return last && (keepdims === undefined || attributeInts(keepdims)[0] === 1);
}
