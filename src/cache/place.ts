import { homedir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../errors.js";

/** How to reach a Redis server, credentials included. Never logged and never recorded. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly tls: boolean;
  readonly user?: string;
  readonly password?: string;
}

/** Where vectors are remembered between runs. The manifest records this object, which holds no secret. */
export type CachePlace =
  | { readonly kind: "none" }
  | {
      readonly kind: "embedded";
      readonly folder: string;
      /** Size at which the vectors whose last use is longest ago leave, in bytes; 10 GB if absent. */
      readonly maxBytes?: number;
    }
  | {
      readonly kind: "redis";
      /** The address without user and password. */
      readonly url: string;
      /** Returns the address with its secrets. A function, because JSON leaves functions out. */
      readonly address: () => RedisAddress;
    };

/** Environment variables that `cachePlace` reads. */
export type CacheEnvironment = Readonly<Record<string, string | undefined>>;

/** What the flag expects, for messages. */
const EXPECTED = "auto, none, a folder, or redis://HOST:PORT/DB";

/**
 * Resolves `--cache`: `auto` is a folder in the user's cache folder, `none` is no cache, `redis://` and `rediss://` name
 * a server, and anything else is a folder. Without the flag the environment's BGE_CACHE decides, else `auto`.
 *
 * The user and the password of a server come from BGE_CACHE_USER and BGE_CACHE_PASSWORD, or from an address in
 * BGE_CACHE. A password in the flag is refused: every user of the machine can read a command line.
 * @param given value of the flag; undefined if it is absent
 * @throws UsageError naming what is wrong with the address, without its secrets
 */
export function cachePlace(given: string | undefined, env: CacheEnvironment = process.env): CachePlace {
  const value = given ?? (env.BGE_CACHE || "auto");
  if (value === "none") return { kind: "none" };
  if (value === "auto") return { kind: "embedded", folder: userCacheFolder(env) };
  if (/^rediss?:/i.test(value)) return redisPlace(value, given === undefined, env);
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(value)?.[1];
  if (scheme !== undefined) throw new UsageError(`--cache ${scheme}://... is unknown; expected ${EXPECTED}`);
  return { kind: "embedded", folder: value };
}

/**
 * The folder that `auto` stands for, by the custom of each system: below XDG_CACHE_HOME, else ~/.cache on Linux,
 * ~/Library/Caches on macOS and %LOCALAPPDATA% on Windows.
 */
export function userCacheFolder(
  env: CacheEnvironment = process.env,
  system: NodeJS.Platform = process.platform,
): string {
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, "bge-dedup");
  if (system === "win32") return join(env.LOCALAPPDATA || join(homedir(), "AppData", "Local"), "bge-dedup", "Cache");
  if (system === "darwin") return join(homedir(), "Library", "Caches", "bge-dedup");
  return join(homedir(), ".cache", "bge-dedup");
}

/** @param trusted true if the address comes from the environment and may therefore hold a password */
function redisPlace(value: string, trusted: boolean, env: CacheEnvironment): CachePlace {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    // The value is not shown, because it may hold a password.
    throw new UsageError(`--cache is no address of a Redis server; expected redis://HOST:PORT/DB`);
  }
  if (!trusted && (url.username !== "" || url.password !== "")) {
    throw new UsageError(
      `--cache ${url.protocol}//${url.host} holds a user or a password; leave them out and set BGE_CACHE_USER and BGE_CACHE_PASSWORD`,
    );
  }
  const database = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1];
  if (url.hostname === "" || database === undefined || url.search !== "" || url.hash !== "") {
    throw new UsageError(
      `--cache ${url.protocol}//${url.host}${url.pathname} is no address of a Redis server; expected redis://HOST:PORT/DB, DB a number`,
    );
  }
  const tls = url.protocol === "rediss:";
  const port = url.port === "" ? 6379 : Number(url.port);
  const user = env.BGE_CACHE_USER || decodeURIComponent(url.username) || undefined;
  const password = env.BGE_CACHE_PASSWORD || decodeURIComponent(url.password) || undefined;
  // Brackets belong to the notation of an IPv6 address, not to the address.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const address: RedisAddress = { host, port, database: Number(database), tls, user, password };
  return { kind: "redis", url: `${url.protocol}//${url.hostname}:${port}/${address.database}`, address: () => address };
}
