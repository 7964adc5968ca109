import { workerData } from "node:worker_threads";
import { serve } from "../../workers/server.js";
import type { EmbeddedWindow, SessionProbe, SessionReady, SessionStartup, TokenParts } from "./messages.js";
import { createEmbeddingSession } from "./session.js";

/** Worker that owns the session: a probe asks whether it is ready, a window asks for its vectors. */
const loading = createEmbeddingSession(workerData as SessionStartup);
loading.catch(() => {});

serve<TokenParts | SessionProbe, SessionReady | EmbeddedWindow>(
  async (request) => {
    const session = await loading;
    if ("ids" in request) return session.embed(request);
    await session.probe(request);
    return { dim: session.dim };
  },
  (result) =>
    "vectors" in result ? [result.vectors.buffer as ArrayBuffer, result.directed.buffer as ArrayBuffer] : [],
);
