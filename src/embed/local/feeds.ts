import { Tensor } from "onnxruntime-node";
import type { Batch } from "./batching.js";

/** Element types in which models take token ids. */
export type IdType = "int64" | "int32";

/**
 * Builds the inputs of a batch, each [rows, length]: ids padded with 0, the attention mask, and token types that are
 * all 0. Only inputs that the model has are built.
 * @param types element type of each input of the model
 */
export function fillFeeds(
  { ids, offsets }: { readonly ids: Int32Array; readonly offsets: Int32Array },
  { members, length }: Batch,
  types: ReadonlyMap<string, IdType>,
): Record<string, Tensor> {
  const size = members.length * length;
  const feeds: Record<string, Tensor> = {};
  for (const [name, type] of types) {
    // int64 values are written through their low words: ids are small and not negative, and every machine that
    // onnxruntime runs on is little-endian.
    const stride = type === "int64" ? 2 : 1;
    const words = new Int32Array(size * stride);
    if (name !== "token_type_ids") {
      const isMask = name === "attention_mask";
      for (let r = 0; r < members.length; r++) {
        const start = offsets[members[r]];
        const end = offsets[members[r] + 1];
        let at = r * length * stride;
        for (let t = start; t < end; t++, at += stride) words[at] = isMask ? 1 : ids[t];
      }
    }
    const shape = [members.length, length];
    feeds[name] =
      type === "int64"
        ? new Tensor("int64", new BigInt64Array(words.buffer), shape)
        : new Tensor("int32", words, shape);
  }
  return feeds;
}
