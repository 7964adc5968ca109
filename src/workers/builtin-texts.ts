import type { WindowVectors } from "../embed/local/embedder.js";
import { normaliseInto } from "../embed/normalise.js";
import { builtin } from "../models/builtin.js";
import type { JoinedTexts } from "./messages.js";

/** Turns texts into vectors of the builtin model; the result is the caller's. Not to be called while a call of it runs. */
export type EmbedBuiltin = (texts: JoinedTexts) => WindowVectors;

/** @param maxTokens most n-grams of a text that are used */
export function builtinTexts(maxTokens: number): EmbedBuiltin {
  const { dim, name } = builtin;
  const sums = new Int32Array(dim);
  return ({ joined, ends }) => {
    const count = ends.length;
    const vectors = new Float32Array(count * dim);
    const directed = new Uint8Array(count);
    const truncated = new Uint8Array(count);
    let tokens = 0;
    for (let i = 0, start = 0; i < count; start = ends[i++]) {
      const encoded = builtin.encode(joined.slice(start, ends[i]), maxTokens);
      tokens += encoded.ids.length;
      if (encoded.truncated) truncated[i] = 1;
      builtin.project(encoded.ids, sums);
      if (normaliseInto(sums, 0, vectors, i * dim, dim, name)) directed[i] = 1;
    }
    return { vectors, directed, truncated, tokens, paddedTokens: tokens };
  };
}
