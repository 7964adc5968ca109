import { appendToModel, dataType, type Initializer, type Node } from "./builder.js";
import { keepFirstToken } from "./first-token.js";
import type { ModelInterface } from "./inspect.js";

/** How token vectors become one vector: the first token's (cls), their mean, or pooled by the model itself (none). */
export type Pooling = "cls" | "mean" | "none";

/** Output that the appended nodes define: float32 [batch, dim], not normalised. */
export const POOLED = "bge_dedup_pooled";

/** Names of model inputs that this program can fill. */
const KNOWN_INPUTS = ["input_ids", "attention_mask", "token_type_ids"];

/**
 * Appends pooling to a model, which then returns [rows, dim] instead of [rows, tokens, dim]. Mean pooling sums the
 * vectors of the tokens in the attention mask and does not divide, because the vectors are normalised later. The
 * appended operators have the same form in every opset. The result is a new buffer.
 * @throws Error where the model has inputs that cannot be filled or no output that can be pooled
 */
export function appendPooling(model: Uint8Array, { inputs, outputs }: ModelInterface, pooling: Pooling): Uint8Array {
  const strange = inputs.filter(({ name }) => !KNOWN_INPUTS.includes(name));
  if (strange.length > 0) {
    const names = strange.map(({ name }) => name).join(", ");
    throw new Error(`the model wants the inputs ${names}; expected only ${KNOWN_INPUTS.join(", ")}`);
  }
  if (!inputs.some(({ name }) => name === "input_ids")) {
    throw new Error(`the model has no input input_ids, only ${inputs.map(({ name }) => name).join(", ")}`);
  }
  const named = (name: string) => outputs.find((output) => output.name === name);
  const tokens = named("last_hidden_state") ?? named("token_embeddings") ?? outputs.find(({ rank }) => rank === 3);
  const sentence = named("sentence_embedding") ?? outputs.find(({ rank }) => rank === 2);
  const nodes: Node[] = [];
  const initializers: Initializer[] = [];
  const constant = (name: string, shape: number[], values: number[]) => {
    initializers.push({ name, dtype: "int64", shape, data: BigInt64Array.from(values, BigInt) });
    return name;
  };
  let parts = [model];
  const toFloat32 = { to: { int: dataType.float32 } };
  if (tokens !== undefined && pooling !== "none") {
    nodes.push({ op: "Cast", inputs: [tokens.name], outputs: ["bge_dedup_tokens"], attributes: toFloat32 });
    if (pooling === "cls") {
      parts = keepFirstToken(model, tokens.name);
      const first = constant("bge_dedup_first", [], [0]);
      const attributes = { axis: { int: 1 } };
      nodes.push({ op: "Gather", inputs: ["bge_dedup_tokens", first], outputs: [POOLED], attributes });
    } else {
      const asRow = constant("bge_dedup_as_row", [3], [0, 1, -1]);
      const flat = constant("bge_dedup_flat", [2], [0, -1]);
      nodes.push(
        { op: "Cast", inputs: ["attention_mask"], outputs: ["bge_dedup_mask"], attributes: toFloat32 },
        { op: "Reshape", inputs: ["bge_dedup_mask", asRow], outputs: ["bge_dedup_weights"] },
        { op: "MatMul", inputs: ["bge_dedup_weights", "bge_dedup_tokens"], outputs: ["bge_dedup_sum"] },
        { op: "Reshape", inputs: ["bge_dedup_sum", flat], outputs: [POOLED] },
      );
    }
  } else if (sentence !== undefined) {
    nodes.push({ op: "Cast", inputs: [sentence.name], outputs: [POOLED], attributes: toFloat32 });
  } else {
    const found = outputs.map(({ name, rank }) => `${name} of rank ${rank}`).join(", ");
    const wanted = pooling === "none" ? "which it should have" : "and no token vectors (rank 3)";
    throw new Error(`the model has no sentence vector (rank 2), ${wanted}; its outputs are ${found}`);
  }
  return appendToModel(parts, {
    nodes,
    initializers,
    inputs: [],
    outputs: [{ name: POOLED, dtype: "float32", shape: ["bge_dedup_batch", "bge_dedup_dim"] }],
  });
}
