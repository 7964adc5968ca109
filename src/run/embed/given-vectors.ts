import { normaliseInto } from "../../embed/normalise.js";
import type { ModelSpec } from "../../models/spec.js";
import type { Reporter } from "../../reporter.js";
import type { RowIndex } from "../read/read-texts.js";
import type { WindowEmbedder } from "./embed-store.js";
import type { PreparedModel } from "./prepared-model.js";

/** Characters of a window; without a model only its number of rows matters. */
const WINDOW_CHARS = 1 << 24;

/** What stands in a model's place where the vectors come with the input. */
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

/** Brings the vectors of each window to unit length; a zero vector has no direction. */
export function vectorNormaliser(index: RowIndex): WindowEmbedder {
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
