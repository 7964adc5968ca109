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
