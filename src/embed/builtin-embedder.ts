import { builtin } from "../model/builtin.js";
import type { Embedder, WindowVectors } from "./embedder.js";
import type { BuiltinStartup, TextsRequest } from "./messages.js";
import { textsRequest } from "./texts-request.js";
import { startWorkers } from "./worker-client.js";

/**
 * Starts the builtin model on processors, whose vectors need no session: `threads` workers that each turn windows of texts
 * into vectors by themselves. A worker embeds about 250,000 short titles a second.
 * @param options.maxTokens n-grams of a text that are used
 */
export function startBuiltinEmbedder({ maxTokens, threads }: { maxTokens: number; threads: number }): Embedder {
  const startup: BuiltinStartup = { maxTokens };
  const workers = startWorkers<TextsRequest, WindowVectors>({
    module: new URL("./builtin-worker.js", import.meta.url),
    startup,
    count: threads,
  });
  return {
    dim: builtin.dim,
    embed(texts) {
      const request = textsRequest(texts);
      return workers.call(request, [request.ends.buffer]);
    },
    close: () => workers.close(),
  };
}
