import type { Embedder } from "../embed/local/embedder.js";
import { builtin } from "../models/builtin.js";
import { builtinTexts } from "./builtin-texts.js";
import { leastLoaded, startWorkers } from "./client.js";
import { joinedTexts, type Workers } from "./messages.js";

/**
 * Starts the builtin model on the processor, which needs no session.
 * @param options.maxTokens most n-grams of a text that are used
 * @param options.workers threads that embed; 0 where the caller's thread does, because a thread takes 0.15 s to start
 * @returns an embedder that the caller closes
 */
export function startBuiltinEmbedder(options: { readonly maxTokens: number; readonly workers: number }): Embedder {
  const { maxTokens, workers: count } = options;
  if (count === 0) return embedderHere(maxTokens);
  const module = new URL("./builtin-worker.js", import.meta.url);
  const workers = leastLoaded(startWorkers<Workers["builtin"]>({ module, startup: { maxTokens }, count }));
  return {
    dim: builtin.dim,
    embed: (texts) => workers.call("embed", joinedTexts(texts)),
    busy: () => ({ embed: workers.busy }),
    close: workers.close,
  };
}

/** Embeds on the thread that calls. */
function embedderHere(maxTokens: number): Embedder {
  const embedTexts = builtinTexts(maxTokens);
  let busy = 0;
  return {
    dim: builtin.dim,
    async embed(texts) {
      const began = performance.now();
      const vectors = embedTexts(joinedTexts(texts).value);
      busy += performance.now() - began;
      return vectors;
    },
    busy: () => ({ embed: busy }),
    close: async () => {},
  };
}
