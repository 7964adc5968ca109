import type { CachePlace } from "../../cache/place.js";
import type { CacheCounts, CacheSettings } from "../../cache/settings.js";
import { type VectorCache, vectorCache } from "../../workers/vector-cache.js";
import type { SharedOptions } from "../options.js";
import type { PreparedModel } from "./prepared-model.js";
import { isRepeatable, vectorSpace } from "./vector-space.js";

/** Size that a cache folder is kept at unless the environment's BGE_CACHE_MAX says otherwise, in bytes. */
const CACHE_BYTES = 10 * 2 ** 30;

/**
 * Prepares the cache of a run; nothing is opened before the first look-up. The builtin model is faster than any cache,
 * and vectors that come with the input need none.
 * @returns undefined if the run has no cache; else a cache that the caller closes
 */
export function openCache(
  shared: SharedOptions,
  prepared: PreparedModel,
  note: (message: string) => void,
): VectorCache | undefined {
  const { model, provider } = prepared;
  const place = shared.cache ?? { kind: "none" };
  if (place.kind === "none" || shared.vectorField !== undefined || shared.model === "builtin") return undefined;
  if (!isRepeatable(provider)) {
    const where = provider === "endpoint" ? "behind a server" : `on ${provider}`;
    note(
      `${where} the last bits of a vector depend on its batch, so vectors from the cache may differ there from new ones; --cache none embeds all texts`,
    );
  }
  return vectorCache({
    settings: {
      place: storePlace(place),
      space: vectorSpace(shared, prepared),
      model: { name: model.name, device: provider },
    },
    shown: place.kind === "redis" ? place.url : place.folder,
    note,
  });
}

function storePlace(place: Exclude<CachePlace, { kind: "none" }>): CacheSettings["place"] {
  return place.kind === "redis"
    ? { kind: "redis", address: place.address() }
    : { kind: "embedded", folder: place.folder, maxBytes: place.maxBytes ?? CACHE_BYTES };
}

/** The counts of a run's cache for the summary. */
export function cacheCounts(shared: Pick<SharedOptions, "cache">, cache: VectorCache | undefined): CacheCounts {
  if (cache === undefined) return { kind: "none", hits: 0, misses: 0 };
  return { kind: shared.cache?.kind ?? "none", ...cache.counts };
}
