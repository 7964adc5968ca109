import { existsSync } from "node:fs";
import { CacheFolderError } from "../cache/layout.js";
import { type CachePlace, userCacheFolder } from "../cache/place.js";
import type { ModelStats } from "../cache/upkeep.js";
import { InputError, UnavailableError, UsageError } from "../errors.js";

/** What a cache holds; `--json` prints it as it is. */
export interface CacheReport {
  readonly command: "cache";
  readonly kind: "embedded" | "redis";
  /** The folder, or the server's address without secrets. */
  readonly place: string;
  readonly entries: number;
  readonly bytes: number;
  /** The models in a folder; a server tells only sums. */
  readonly models: readonly ModelStats[];
}

/** What is done to a cache: count, remove the least recently used down to `max` bytes, or remove all. */
export type CacheTask =
  | { readonly kind: "stats" }
  | { readonly kind: "prune"; readonly max: number }
  | { readonly kind: "clear" };

/**
 * Looks after a cache.
 * @returns what it holds afterwards
 * @throws UsageError for `--cache none`; InputError if the folder is no cache; UnavailableError if the server is away
 */
export async function tendCache(place: CachePlace, task: CacheTask): Promise<CacheReport> {
  if (place.kind === "none") {
    throw new UsageError(
      "--cache none is no cache; name a folder or redis://HOST:PORT/DB, or leave it out for the user's",
    );
  }
  return place.kind === "redis" ? tendRedis(place, task) : tendFolder(place.folder, task);
}

async function tendFolder(folder: string, task: CacheTask): Promise<CacheReport> {
  // Before the first run the user's cache is not there, which a nightly prune need not report.
  if (folder === userCacheFolder() && !existsSync(folder)) {
    return { command: "cache", kind: "embedded", place: folder, entries: 0, bytes: 0, models: [] };
  }
  const { clearFolder, folderStats, pruneFolder } = await import("../cache/upkeep.js");
  try {
    if (task.kind === "clear") clearFolder(folder);
    if (task.kind === "prune") pruneFolder(folder, task.max);
    return { command: "cache", kind: "embedded", place: folder, ...folderStats(folder) };
  } catch (error) {
    if (error instanceof CacheFolderError) throw new InputError(`cache ${folder} ${error.message}`);
    throw error;
  }
}

async function tendRedis(place: CachePlace & { kind: "redis" }, task: CacheTask): Promise<CacheReport> {
  const { clearRedis, pruneRedis, redisStats } = await import("../cache/redis-upkeep.js");
  const address = place.address();
  try {
    if (task.kind === "clear") await clearRedis(address);
    const stats = task.kind === "prune" ? await pruneRedis(address, task.max) : await redisStats(address);
    return { command: "cache", kind: "redis", place: place.url, ...stats, models: [] };
  } catch (error) {
    const { message } = error as Error;
    // The errors of a server that answers name their own cure.
    const cure = message.includes("; ") ? "" : "; is the server running?";
    throw new UnavailableError(`cache ${place.url}: ${message}${cure}`);
  }
}
