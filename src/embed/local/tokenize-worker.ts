import { workerData } from "node:worker_threads";
import { loadEncoder } from "../../models/load-encoder.js";
import { serve } from "../../workers/server.js";
import type { TokenizedWindow, TokenizeRequest, TokenizerReady, TokenizeStartup } from "./messages.js";

/** Worker that turns windows of texts into token ids. */
const { model, long } = workerData as TokenizeStartup;
const loading = loadEncoder(model);
loading.catch(() => {});

serve<TokenizeRequest, TokenizedWindow | TokenizerReady>(
  async (request) => {
    const { encode, encodeParts, largestId } = await loading;
    if (request === null) return { largestId };
    const { joined, ends } = request;
    const texts = ends.length;
    const parts: ArrayLike<number>[] = [];
    const firstPart = new Int32Array(texts + 1);
    const truncated = new Uint8Array(texts);
    let size = 0;
    for (let i = 0, start = 0; i < texts; start = ends[i++]) {
      const text = joined.slice(start, ends[i]);
      const encoded = long === "mean" ? encodeParts(text) : encode(text);
      if (encoded.truncated) truncated[i] = 1;
      for (const ids of "parts" in encoded ? encoded.parts : [encoded.ids]) {
        const part = encoded.known ? ids : [];
        parts.push(part);
        size += part.length;
      }
      firstPart[i + 1] = parts.length;
    }
    const offsets = new Int32Array(parts.length + 1);
    const ids = new Int32Array(size);
    for (let p = 0; p < parts.length; p++) {
      ids.set(parts[p], offsets[p]);
      offsets[p + 1] = offsets[p] + parts[p].length;
    }
    return { ids, offsets, truncated, firstPart: parts.length > texts ? firstPart : undefined };
  },
  (result) => ("ids" in result ? transferOf(result) : []),
);

function transferOf({ ids, offsets, truncated, firstPart }: TokenizedWindow): ArrayBuffer[] {
  const arrays = [ids, offsets, truncated, ...(firstPart === undefined ? [] : [firstPart])];
  return arrays.map(({ buffer }) => buffer as ArrayBuffer);
}
