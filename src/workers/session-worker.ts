import { createEmbeddingSession } from "../embed/local/session.js";
import { moving, type Workers } from "./messages.js";
import { serve } from "./serve.js";

/** Worker that owns a session and turns windows of token ids into vectors. */
serve<Workers["session"]>(async (options) => {
  const session = await createEmbeddingSession(options);
  return {
    async probe(largestId) {
      await session.probe(largestId);
      return session.dim;
    },
    async embed(window) {
      const embedded = await session.embed(window);
      return moving(embedded, embedded.vectors, embedded.directed);
    },
  };
});
