import type { RedisAddress } from "./place.js";

/** What a cache is opened with. It crosses to the thread that the cache lives on. */
export interface CacheSettings {
  readonly place:
    | { readonly kind: "embedded"; readonly folder: string; readonly maxBytes: number }
    | { readonly kind: "redis"; readonly address: RedisAddress };
  /** What the vectors depend on beside the text: 32 hexadecimal digits. */
  readonly space: string;
  /** What makes the vectors, for `cache stats`. */
  readonly model: { readonly name: string; readonly device: string };
}

/** What a cache gave to a run. */
export interface CacheCounts {
  /** `none` if the run had no cache: it was switched off, or the model is `builtin`, or the vectors came with the input. */
  readonly kind: "embedded" | "redis" | "none";
  /** Number of distinct texts whose vectors were taken from the cache. */
  readonly hits: number;
  /** Number of distinct texts that were looked up in vain. Texts of an interrupted or finished run are not looked up. */
  readonly misses: number;
}
