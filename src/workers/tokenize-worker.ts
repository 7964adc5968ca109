import { loadEncoder } from "../models/load-encoder.js";
import type { LongText } from "../models/spec.js";
import type { Encoder } from "../models/tokenizer.js";
import { type JoinedTexts, moving, type TokenizedWindow, type Workers } from "./messages.js";
import { serve } from "./serve.js";

/** Worker that turns windows of texts into token ids. */
serve<Workers["tokenize"]>(async ({ model, long }) => {
  const encoder = await loadEncoder(model);
  return {
    largestId: async () => encoder.largestId,
    async tokenize(texts) {
      const window = tokenize(encoder, texts, long);
      return moving(window, window.ids, window.offsets, window.truncated, window.firstPart);
    },
  };
});

/**
 * Tokenizes a window. With `long` "mean" a long text gives several parts, else each text gives one part. A text without
 * a known token gives an empty part, which the session leaves without a vector.
 */
function tokenize({ encode, encodeParts }: Encoder, { joined, ends }: JoinedTexts, long: LongText): TokenizedWindow {
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
}
