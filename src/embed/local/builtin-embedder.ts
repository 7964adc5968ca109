import { builtin } from "../../models/builtin.js";
import { startWorkers } from "../../workers/client.js";
import type { Embedder, WindowVectors } from "./embedder.js";
import type { BuiltinStartup, TextsRequest } from "./messages.js";
import { textsRequest } from "./texts-request.js";

/**
 * Starts the builtin model on processors, whose vectors need no session: each worker turns windows of texts into vectors by
 * itself.
 * @param options.maxTokens n-grams of a text that are used
 */
export function startBuiltinEmbedder(options: { maxTokens: number; workers: number }): Embedder {
  const startup: BuiltinStartup = { maxTokens: options.maxTokens };
  const workers = startWorkers<TextsRequest, WindowVectors>({
    module: new URL("./builtin-worker.js", import.meta.url),
    startup,
    count: options.workers,
  });
  return {
    dim: builtin.dim,
    embed(texts) {
      const request = textsRequest(texts);
      return workers.call(request, [request.ends.buffer]);
    },
    busy: () => ({ embed: workers.busy }),
    close: () => workers.close(),
  };
}
