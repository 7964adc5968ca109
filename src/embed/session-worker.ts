import { workerData } from "node:worker_threads";
import type { EmbeddedWindow, SessionReady, SessionStartup, TokenizedWindow } from "./messages.js";
import { serve } from "./serve.js";
import { createEmbeddingSession } from "./session.js";

/** Worker that owns the session: the request null asks whether it is ready, a window asks for its vectors. */
const session = createEmbeddingSession(workerData as SessionStartup);
session.catch(() => {});

serve<TokenizedWindow | null, SessionReady | EmbeddedWindow>(
  async (window) => {
    const { dim, embed } = await session;
    return window === null ? { dim } : embed(window);
  },
  (result) =>
    "vectors" in result ? [result.vectors.buffer as ArrayBuffer, result.directed.buffer as ArrayBuffer] : [],
);
