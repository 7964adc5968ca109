import { normaliseInto } from "../../embed/normalise.js";
import type { ModelSpec } from "../../models/spec.js";
import type { Reporter } from "../../reporter.js";
import type { RowIndex } from "../read/read-texts.js";
import type { PreparedModel } from "./prepared-model.js";
import type { WindowEmbedder } from "./window-embedder.js";

/** Characters of a window: so many that only the number of texts limits a window, since no model runs. */
const WINDOW_CHARS = 1 << 24;

/**
 * Stands in for a model when the vectors come with the input. Its `start` always rejects, because there is nothing to
 * start.
 * @param field column that holds the vectors
 */
export function prepareVectors(field: string, reporter: Pick<Reporter, "note">): PreparedModel {
  reporter.note(`vectors of column ${field}; no model is used`);
  const model: ModelSpec = {
    name: `column ${field}`,
    dtype: "fp32",
    pooling: "none",
    poolingSource: "vectors come with the input",
    maxTokens: 0,
    threshold: 0.9,
    thresholdSource: "general default; choose one on your own data",
    fingerprint: `column ${field}`,
  };
  return {
    model,
    provider: "cpu",
    start: () => Promise.reject(new Error("vectors that come with the input need no model")),
    windowChars: WINDOW_CHARS,
  };
}

/**
 * Scales the input's own vectors to unit length in place of a model. A zero vector has no direction.
 * @param index knows the number of components once the first batch has been read
 * @throws Error from `embed` if a vector has a component that is not finite
 */
export function vectorNormaliser(index: Pick<RowIndex, "vectorDim">): WindowEmbedder {
  return {
    get dim() {
      return index.vectorDim;
    },
    async embed({ vectors = [] }) {
      const dim = index.vectorDim;
      const scaled = new Float32Array(vectors.length * dim);
      const directed = new Uint8Array(vectors.length);
      for (const [i, vector] of vectors.entries()) {
        if (normaliseInto(vector, 0, scaled, i * dim, dim, "of the input")) directed[i] = 1;
      }
      const truncated = new Uint8Array(vectors.length);
      return { vectors: scaled, directed, truncated, tokens: 0, paddedTokens: 0 };
    },
    async close() {},
  };
}
