import { attributeInts, type RawNode } from "./nodes.js";

/** The nodes of one attention, from the scores of all pairs of tokens to the sums that the scores weight. */
export interface Attention {
  readonly scores: RawNode;
  /** Nodes that work on each score, or on all scores of one token: scale, mask, softmax. */
  readonly between: readonly RawNode[];
  readonly sums: RawNode;
}

/**
 * Every Softmax over the last axis between two products, where the scores go nowhere else.
 * @param ranks number of dimensions of each constant, by name
 * @param outputs names of the graph's outputs
 */
export function findAttentions(
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
