import { openStore } from "../cache/open-store.js";
import { keysOf } from "../cache/record.js";
import { moving, type Workers } from "./messages.js";
import { serve } from "./serve.js";

/** Worker that looks vectors up in a cache and stores new ones, beside reading and embedding. */
serve<Workers["cache"]>(async (settings) => {
  const store = await openStore(settings);
  return {
    dim: async () => store.dim,
    async lookUp({ joined, ends }) {
      const keys = keysOf(settings.space, joined, ends);
      const known = await store.lookUp(keys);
      const { vectors, directed, truncated, tokens, found } = known;
      return moving({ ...known, keys }, keys, vectors, directed, truncated, tokens, found);
    },
    store: ({ keys, texts, dim }) => store.append(keys, texts, dim),
    close: () => store.close(),
  };
});
