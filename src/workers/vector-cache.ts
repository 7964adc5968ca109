import type { TextRecords } from "../cache/record.js";
import type { CacheSettings } from "../cache/settings.js";
import { startWorkers, type WorkerClient } from "./client.js";
import { joinedTexts, type LookedUp, moving, type Workers } from "./messages.js";

/** Vectors that earlier runs have made. Whatever fails is noted once, and the run goes on without the cache. */
export interface VectorCache {
  /** Number of texts that were looked up, by what became of them. */
  readonly counts: { readonly hits: number; readonly misses: number };
  /** Milliseconds that the cache was busy. */
  readonly busy: number;
  /** Looks texts up; undefined if the cache cannot answer, now or any more. Several calls may be in flight. */
  lookUp(texts: readonly string[]): Promise<LookedUp | undefined>;
  /**
   * Stores vectors. Settles once the cache has taken them, which need not be awaited before the next look-up.
   * @param texts its buffers move to the cache
   */
  store(keys: Uint32Array<ArrayBuffer>, texts: TextRecords, dim: number): Promise<void>;
  /** Notes what was used and ends the thread. */
  close(): Promise<void>;
}

/**
 * Prepares a cache on a thread of its own, which starts with the first look-up.
 * @param options.shown the cache in words, without secrets
 * @returns a cache that the caller closes
 */
export function vectorCache(options: {
  readonly settings: CacheSettings;
  readonly shown: string;
  readonly note: (message: string) => void;
}): VectorCache {
  const { settings, shown, note } = options;
  const counts = { hits: 0, misses: 0 };
  let damaged = 0;
  let worker: WorkerClient<Workers["cache"]["calls"]> | undefined;
  let state: "on" | "full" | "off" = "on";
  const start = () => {
    const module = new URL("./cache-worker.js", import.meta.url);
    worker ??= startWorkers<Workers["cache"]>({ module, startup: settings, count: 1 })[0];
    return worker;
  };
  /** A server that refuses a value may still answer; one that is away may not. */
  const isLost = ({ message }: Error) =>
    settings.place.kind === "redis" && !/^(OOM|READONLY|MISCONF|NOPERM)/.test(message);
  const giveUp = (to: "full" | "off", { message }: Error) => {
    if (state === "off" || state === to) return;
    state = to;
    const rest = to === "off" ? "the run goes on without it" : "the run goes on and stores no more vectors there";
    note(`cache ${shown}: ${message}; ${rest}`);
  };
  return {
    counts,
    get busy() {
      return worker?.busy ?? 0;
    },
    async lookUp(texts) {
      if (state === "off") return undefined;
      try {
        const found = await start().call("lookUp", joinedTexts(texts));
        const hits = found.found.reduce((sum, one) => sum + one, 0);
        counts.hits += hits;
        counts.misses += texts.length - hits;
        damaged += found.damaged;
        return found;
      } catch (error) {
        giveUp("off", error as Error);
        return undefined;
      }
    },
    async store(keys, texts, dim) {
      if (state !== "on" || keys.length === 0) return;
      const { vectors, directed, truncated, tokens } = texts;
      const call = moving({ keys, texts, dim }, keys, vectors, directed, truncated, tokens);
      await start()
        .call("store", call)
        .catch((error) => giveUp(isLost(error) ? "off" : "full", error));
    },
    async close() {
      if (damaged > 0) note(`cache ${shown}: ${damaged} vectors were damaged and have been made again`);
      damaged = 0;
      if (state !== "off") await worker?.call("close", undefined).catch((error) => giveUp("off", error));
      state = "off";
      await worker?.close();
    },
  };
}
