import { workerData } from "node:worker_threads";
import { builtin } from "../../models/builtin.js";
import { serve } from "../../workers/server.js";
import { normaliseInto } from "../normalise.js";
import type { WindowVectors } from "./embedder.js";
import type { BuiltinStartup, TextsRequest } from "./messages.js";

/** Worker that turns windows of texts into vectors of the builtin model, without a session. */
const { maxTokens } = workerData as BuiltinStartup;
const { dim, name } = builtin;
const sums = new Int32Array(dim);

serve<TextsRequest, WindowVectors>(
  async ({ joined, ends }) => {
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
  },
  ({ vectors, directed, truncated }) => [vectors, directed, truncated].map(({ buffer }) => buffer as ArrayBuffer),
);
