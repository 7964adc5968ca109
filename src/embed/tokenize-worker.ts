import { workerData } from "node:worker_threads";
import { loadEncoder } from "../model/load-encoder.js";
import type { TokenizedWindow, TokenizeRequest, TokenizeStartup } from "./messages.js";
import { serve } from "./serve.js";

/** Worker that turns windows of texts into token ids. */
const encoder = loadEncoder((workerData as TokenizeStartup).model);
encoder.catch(() => {});

serve<TokenizeRequest, TokenizedWindow>(
  async ({ texts }) => {
    const { encode } = await encoder;
    const encoded = texts.map((text) => {
      const { ids, known, truncated } = encode(text);
      return { ids: known ? ids : [], truncated };
    });
    const offsets = new Int32Array(texts.length + 1);
    for (let i = 0; i < texts.length; i++) offsets[i + 1] = offsets[i] + encoded[i].ids.length;
    const ids = new Int32Array(offsets[texts.length]);
    for (let i = 0; i < texts.length; i++) ids.set(encoded[i].ids, offsets[i]);
    return { ids, offsets, truncated: Uint8Array.from(encoded, ({ truncated }) => (truncated ? 1 : 0)) };
  },
  ({ ids, offsets, truncated }) => [ids, offsets, truncated].map(({ buffer }) => buffer as ArrayBuffer),
);
