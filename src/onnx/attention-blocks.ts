import { appendToModel, encodeNode, type Initializer, type Node } from "./builder.js";
import { attributeInts, constantRank, type RawNode, readNode, readTensor, renameNode, SUBGRAPHS } from "./nodes.js";
import * as pb from "./protobuf.js";
import { readFields, readString } from "./protobuf-reader.js";

/** Blocks of tokens that the attention of a long text is cut into. */
const BLOCKS = 16;

/** Longest text, in tokens, that is one block. */
const ONE_BLOCK = 512;

/** Lowest opset in which Slice, Gather and Concat take what is given to them here. */
const LOWEST_OPSET = 11;

const PREFIX = "bge_dedup_attention";

/** The nodes of one attention, from the scores of all pairs of tokens to the sums that the scores weight. */
interface Attention {
  readonly scores: RawNode;
  /** Nodes that work on each score, or on all scores of one token: scale, mask, softmax. */
  readonly between: readonly RawNode[];
  readonly sums: RawNode;
}

/**
 * Rewrites a model for long texts so that its attention takes block after block of the tokens that look at others:
 *
 *     before   MatMul(q, k) -> scale -> mask -> Softmax -> MatMul(., v)
 *     after    for each block: Slice(q) -> MatMul(., k) -> scale -> Slice(mask) -> Softmax -> MatMul(., v); then Concat
 *
 * The scores of all pairs are [rows, heads, tokens, tokens]: at 8,192 tokens and 16 heads 4.3 GB, of which onnxruntime
 * needs three. A block of a sixteenth of the tokens needs a sixteenth of them. Each token's scores are computed as
 * before, so vectors are the same to the bit. A text of at most 512 tokens is one block; the others are empty.
 *
 * An attention that is written in another way stays as it is, so an unknown graph costs memory and never correctness.
 * @returns a new buffer, or the model itself if it has no such attention
 */
export function cutAttention(model: Uint8Array): Uint8Array {
  const others: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  const nodes: RawNode[] = [];
  const ranks = new Map<string, number>();
  const outputs = new Set<string>();
  let opset = 0;
  readFields(model, (field, value, start, end) => {
    if (field === 8) opset = Math.max(opset, standardOpset(value as Uint8Array));
    if (field !== 7) {
      others.push(model.subarray(start, end));
      return;
    }
    const graph = value as Uint8Array;
    readFields(graph, (graphField, part, from, to) => {
      if (graphField === 1) nodes.push(readNode(part as Uint8Array));
      else rest.push(graph.subarray(from, to));
      if (graphField === 12) outputs.add(valueName(part as Uint8Array));
      if (graphField !== 5) return;
      const { name, rank } = readTensor(part as Uint8Array);
      ranks.set(name, rank);
    });
  });
  for (const { op, outputs: results, attributes } of nodes) {
    const tensor = attributes.get("value");
    if (op === "Constant" && tensor !== undefined) ranks.set(results[0], constantRank(tensor));
  }
  if (opset < LOWEST_OPSET || nodes.some(({ op }) => SUBGRAPHS.has(op))) return model;
  const found = findAttentions(nodes, ranks, outputs);
  if (found.length === 0) return model;

  const gone = new Set(found.flatMap(({ scores, between }) => [scores, ...between]));
  const bySums = new Map(found.map((attention) => [attention.sums, attention]));
  const encoded = borders().map(encodeNode);
  for (const node of nodes) {
    const attention = bySums.get(node);
    if (attention !== undefined) encoded.push(...inBlocks(attention));
    else if (!gone.has(node)) encoded.push(pb.bytes(1, node.bytes));
  }
  const parts = [...encoded, ...rest];
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return appendToModel([...others, pb.header(7, length), ...parts], {
    nodes: [],
    initializers: constants(),
    inputs: [],
    outputs: [],
  });
}

/** Version of an OperatorSetIdProto if it is ONNX's own set, else 0. */
function standardOpset(set: Uint8Array): number {
  let version = 0;
  let own = true;
  readFields(set, (field, value) => {
    if (field === 1) own = (value as Uint8Array).length === 0;
    else if (field === 2) version = value as number;
  });
  return own ? version : 0;
}

/** Name of a ValueInfoProto. */
function valueName(value: Uint8Array): string {
  let name = "";
  readFields(value, (field, text) => {
    if (field === 1) name = readString(text);
  });
  return name;
}

/** Every Softmax over the last axis between two products, where the scores go nowhere else. */
function findAttentions(
  nodes: readonly RawNode[],
  ranks: ReadonlyMap<string, number>,
  outputs: ReadonlySet<string>,
): Attention[] {
  const producers = new Map<string, RawNode>();
  const users = new Map<string, RawNode[]>();
  for (const node of nodes) {
    for (const name of node.outputs) producers.set(name, node);
    for (const name of node.inputs) users.set(name, [...(users.get(name) ?? []), node]);
  }
  const onlyUser = (node: RawNode) => {
    const all = users.get(node.outputs[0]) ?? [];
    return all.length === 1 && !outputs.has(node.outputs[0]) ? all[0] : undefined;
  };
  const found: Attention[] = [];
  for (const softmax of nodes) {
    const axis = softmax.attributes.get("axis");
    if (softmax.op !== "Softmax" || (axis !== undefined && ![-1, 3].includes(attributeInts(axis)[0]))) continue;
    const between = [softmax];
    let scores = producers.get(softmax.inputs[0]);
    while (scores !== undefined && isStep(scores, ranks)) {
      between.unshift(scores);
      scores = producers.get(scores.inputs[0]);
    }
    const sums = onlyUser(softmax);
    if (scores?.op !== "MatMul" || sums?.op !== "MatMul" || sums.inputs[0] !== softmax.outputs[0]) continue;
    const chain = [scores, ...between];
    if (!chain.every((node, i) => onlyUser(node) === (chain[i + 1] ?? sums))) continue;
    if (isByHead(producers.get(scores.inputs[0]), producers)) found.push({ scores, between, sums });
  }
  return found;
}

/** True for a node that scales scores by a constant or adds a mask to them; the scores are its first input. */
function isStep({ op, inputs }: RawNode, ranks: ReadonlyMap<string, number>): boolean {
  if (op === "Mul" || op === "Div") return (ranks.get(inputs[1]) ?? 4) <= 1;
  return op === "Add" && !ranks.has(inputs[1]);
}

/** True if a tensor is [rows, heads, tokens, components]: four axes in another order, scaled perhaps. */
function isByHead(node: RawNode | undefined, producers: ReadonlyMap<string, RawNode>): boolean {
  if (node === undefined) return false;
  if (node.op === "Mul" || node.op === "Div") return isByHead(producers.get(node.inputs[0]), producers);
  const perm = node.attributes.get("perm");
  return node.op === "Transpose" && perm !== undefined && attributeInts(perm).length === 4;
}

const constant = (name: string) => `${PREFIX}/${name}`;
/** First token of block i, and one past the last token of block i - 1. */
const border = (i: number) => constant(`border_${i}`);

/** The numbers that the nodes of `borders` and `inBlocks` use. */
function constants(): Initializer[] {
  const ints = (name: string, values: number[]): Initializer => ({
    name: constant(name),
    dtype: "int64",
    shape: [values.length],
    data: BigInt64Array.from(values, BigInt),
  });
  const numbers = Array.from({ length: BLOCKS + 1 }, (_, i) => i);
  return [
    ints("one_block", [ONE_BLOCK + 1]),
    ints("blocks", [BLOCKS]),
    ints("numbers", numbers),
    ints(
      "all_in_first",
      numbers.map((i) => Math.min(i, 1)),
    ),
    ints("before_last", [-2]),
    ints("two", [2]),
    ...numbers.map((i) => ints(`number_${i}`, [i])),
  ];
}

/** Nodes that compute the borders of the blocks: of a short text [0, tokens, tokens, ..], of a long text even ones. */
function borders(): Node[] {
  const node = (op: string, inputs: string[], output: string): Node => ({
    op,
    inputs: inputs.map((name) => (name === "input_ids" ? name : constant(name))),
    outputs: [constant(output)],
  });
  return [
    node("Shape", ["input_ids"], "shape"),
    node("Gather", ["shape", "number_1"], "tokens"),
    node("Less", ["tokens", "one_block"], "is_short"),
    node("Mul", ["tokens", "all_in_first"], "whole"),
    node("Mul", ["tokens", "numbers"], "multiples"),
    node("Div", ["multiples", "blocks"], "even"),
    node("Where", ["is_short", "whole", "even"], "borders"),
    ...Array.from({ length: BLOCKS + 1 }, (_, i) => node("Gather", ["borders", `number_${i}`], `border_${i}`)),
  ];
}

/** The nodes of an attention, block after block. */
function inBlocks({ scores, between, sums }: Attention): Uint8Array[] {
  const encoded: Uint8Array[] = [];
  const add = (node: Node) => encoded.push(encodeNode(node));
  const axes = constant("before_last");
  const masks = between.flatMap(({ op, inputs }) => (op === "Add" ? [inputs[1]] : []));
  const own = (name: string, what: string | number) => `${PREFIX}/${what}/${sums.outputs[0]}/${name}`;
  // A mask has a row for each token, or one row for all.
  for (const mask of masks) {
    add({ op: "Shape", inputs: [mask], outputs: [own(mask, "shape")] });
    add({ op: "Gather", inputs: [own(mask, "shape"), axes], outputs: [own(mask, "rows")] });
    add({ op: "Less", inputs: [own(mask, "rows"), constant("two")], outputs: [own(mask, "one_row")] });
  }
  const results: string[] = [];
  for (let i = 0; i < BLOCKS; i++) {
    const cut = own(scores.inputs[0], i);
    add({ op: "Slice", inputs: [scores.inputs[0], border(i), border(i + 1), axes], outputs: [cut] });
    for (const mask of masks) {
      const [from, to] = [own(mask, `from_${i}`), own(mask, `to_${i}`)];
      add({ op: "Where", inputs: [own(mask, "one_row"), constant("number_0"), border(i)], outputs: [from] });
      add({ op: "Where", inputs: [own(mask, "one_row"), constant("number_1"), border(i + 1)], outputs: [to] });
      add({ op: "Slice", inputs: [mask, from, to, axes], outputs: [own(mask, i)] });
    }
    for (const node of [scores, ...between, sums]) {
      const [first, ...others] = node.inputs;
      const input = node === scores ? cut : own(first, i);
      const operands = node.op === "Add" ? others.map((name) => own(name, i)) : others;
      encoded.push(pb.bytes(1, renameNode(node, [input, ...operands], [own(node.outputs[0], i)])));
    }
    results.push(own(sums.outputs[0], i));
  }
  add({ op: "Concat", inputs: results, outputs: [sums.outputs[0]], attributes: { axis: { int: -2 } } });
  return encoded;
}
