import { appendToModel, encodeNode, type Initializer, type Node } from "./builder.js";
import { type Attention, findAttentions } from "./find-attention.js";
import { constantRank, type RawNode, readNode, readTensor, renameNode, SUBGRAPHS } from "./nodes.js";
import * as pb from "./protobuf.js";
import { readFields, readString } from "./protobuf-reader.js";

/** Most blocks of tokens that the attention of a long text is cut into. */
const BLOCKS = 16;

/** Least tokens of a block, about: smaller blocks cost time and save little memory. */
const BLOCK_TOKENS = 256;

/**
 * Longest text, in tokens, whose attention is computed as it is. For 16 heads, that takes 0.2 GB. Blocks would cost 6
 * to 8 % more time at 1,024 tokens, and 4 to 6 % more at 20.
 */
export const WHOLE_TOKENS = 1024;

/** Lowest opset in which Slice, Gather and Concat take what is given to them here. */
const LOWEST_OPSET = 11;

const PREFIX = "bge_dedup_attention";

/**
 * Rewrites a model for long texts so that its attention takes block after block of the tokens that look at others:
 *
 *     before   MatMul(q, k) -> scale -> mask -> Softmax -> MatMul(., v)
 *     after    If the text has at most 1,024 tokens: as before
 *              else for each block: Slice(q) -> MatMul(., k) -> scale -> Slice(mask) -> Softmax -> MatMul(., v); then Concat
 *
 * The scores of all pairs are [rows, heads, tokens, tokens]: at 8,192 tokens and 16 heads 4.3 GB, of which onnxruntime
 * needs three. A block of a sixteenth of the tokens needs a sixteenth of them. Each token's scores are computed as
 * before, so vectors are the same to the bit.
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
    if (attention !== undefined) encoded.push(byLength(attention));
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
    ints("long", [WHOLE_TOKENS + 1]),
    ints("most_in_least_blocks", [BLOCKS * BLOCK_TOKENS]),
    ints("block_tokens", [BLOCK_TOKENS]),
    ints("block_tokens_less_1", [BLOCK_TOKENS - 1]),
    ints("most", [BLOCKS]),
    ints("numbers", numbers),
    ints("before_last", [-2]),
    ints("two", [2]),
    ...numbers.map((i) => ints(`number_${i}`, [i])),
  ];
}

/**
 * Nodes that compute whether the text is short, and the borders of the blocks of a long text. The first `count` blocks
 * are even and the others empty. No block has a single token: its products could take another kernel, which sums in
 * another order.
 */
function borders(): Node[] {
  const node = (op: string, inputs: string[], output: string): Node => ({
    op,
    inputs: inputs.map((name) => (name === "input_ids" ? name : constant(name))),
    outputs: [constant(output)],
  });
  return [
    node("Shape", ["input_ids"], "shape"),
    node("Gather", ["shape", "number_1"], "tokens"),
    node("Less", ["tokens", "long"], "is_short"),
    node("Less", ["tokens", "most_in_least_blocks"], "has_least_blocks"),
    node("Add", ["tokens", "block_tokens_less_1"], "rounded_up"),
    node("Div", ["rounded_up", "block_tokens"], "least_blocks"),
    node("Where", ["has_least_blocks", "least_blocks", "most"], "count"),
    node("Less", ["numbers", "count"], "is_full"),
    node("Where", ["is_full", "numbers", "count"], "blocks_before"),
    node("Mul", ["tokens", "blocks_before"], "multiples"),
    node("Div", ["multiples", "count"], "borders"),
    ...Array.from({ length: BLOCKS + 1 }, (_, i) => node("Gather", ["borders", `number_${i}`], `border_${i}`)),
  ];
}

/** An attention as one node, If: of a short text the nodes as they were, of a long text block after block. */
function byLength(attention: Attention): Uint8Array {
  const { scores, between, sums } = attention;
  const output = sums.outputs[0];
  const chain = [scores, ...between, sums];
  const name = (tensor: string) => `${PREFIX}/whole/${tensor}`;
  const whole = chain.map((node, i) => {
    const inputs = i === 0 ? node.inputs : [name(node.inputs[0]), ...node.inputs.slice(1)];
    return pb.bytes(1, renameNode(node, inputs, [name(node.outputs[0])]));
  });
  const branch = (attribute: string, nodes: readonly Uint8Array[], result: string) => {
    const graph = pb.message(6, ...nodes, pb.string(2, attribute), pb.message(12, pb.string(1, result)));
    return pb.message(5, pb.string(1, attribute), graph, pb.int(20, 5));
  };
  const blocks = `${PREFIX}/blocks/${output}`;
  return pb.message(
    1,
    pb.string(1, constant("is_short")),
    pb.string(2, output),
    pb.string(4, "If"),
    branch("then_branch", whole, name(output)),
    branch("else_branch", inBlocks(attention, blocks), blocks),
  );
}

/** The nodes of an attention, block after block, whose result is named `output`. */
function inBlocks({ scores, between, sums }: Attention, output: string): Uint8Array[] {
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
  add({ op: "Concat", inputs: results, outputs: [output], attributes: { axis: { int: -2 } } });
  return encoded;
}
