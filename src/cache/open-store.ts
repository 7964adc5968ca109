import type { CacheSettings } from "./settings.js";
import type { VectorStore } from "./store.js";

/** Opens the store; only the code of its kind is loaded. */
export async function openStore({ place, ...rest }: CacheSettings): Promise<VectorStore> {
  if (place.kind === "redis") {
    const { openRedisStore } = await import("./redis.js");
    return openRedisStore({ ...rest, address: place.address });
  }
  const { openEmbeddedStore } = await import("./embedded.js");
  return openEmbeddedStore({ ...rest, folder: place.folder, maxBytes: place.maxBytes });
}
