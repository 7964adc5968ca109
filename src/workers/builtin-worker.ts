import { normaliseInto } from "../embed/normalise.js";
import { builtin } from "../models/builtin.js";
import { moving, type Workers } from "./messages.js";
import { serve } from "./serve.js";

/**
 * Worker that turns windows of texts into vectors of the builtin model. The worker computes the vectors itself and
 * needs no onnxruntime session.
 */
serve<Workers["builtin"]>(({ maxTokens }) => {
  const { dim, name } = builtin;
  const sums = new Int32Array(dim);
  return {
    async embed({ joined, ends }) {
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
      return moving({ vectors, directed, truncated, tokens, paddedTokens: tokens }, vectors, directed, truncated);
    },
  };
});
