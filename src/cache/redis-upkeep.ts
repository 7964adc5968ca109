import type { RedisAddress } from "./place.js";
import { connectRedis, KEY_PREFIX, type RedisConnection } from "./redis-client.js";

/** Keys that are weighed or removed at once. */
const KEYS_AT_ONCE = 1000;

/** What this program has on a server. */
export interface RedisStats {
  readonly entries: number;
  /** Bytes as the server counts them, with its own for each key. */
  readonly bytes: number;
}

/** A key, its bytes and seconds since its last use. */
interface Weighed {
  readonly key: string;
  readonly bytes: number;
  readonly idle: number;
}

/**
 * Counts the vectors on a server. Keys of other programs are not looked at.
 * @throws Error if the server is away
 */
export function redisStats(address: RedisAddress): Promise<RedisStats> {
  return connected(address, async (redis) => statsOf(await weighAll(redis)));
}

/**
 * Removes the vectors whose last use is longest ago until the rest has at most `max` bytes.
 * @throws Error if the server is away
 */
export function pruneRedis(address: RedisAddress, max: number): Promise<RedisStats> {
  return connected(address, async (redis) => {
    const all = (await weighAll(redis)).sort((a, b) => b.idle - a.idle);
    let { bytes } = statsOf(all);
    let gone = 0;
    while (bytes > max) bytes -= all[gone++].bytes;
    for (let at = 0; at < gone; at += KEYS_AT_ONCE) {
      await redis.remove(all.slice(at, Math.min(gone, at + KEYS_AT_ONCE)).map(({ key }) => key));
    }
    return statsOf(all.slice(gone));
  });
}

/** Removes every vector. @throws Error if the server is away */
export function clearRedis(address: RedisAddress): Promise<void> {
  return connected(address, async (redis) => {
    for await (const keys of redis.scan(KEY_PREFIX)) await redis.remove(keys);
  });
}

async function connected<T>(address: RedisAddress, work: (redis: RedisConnection) => Promise<T>): Promise<T> {
  const redis = await connectRedis(address);
  try {
    return await work(redis);
  } finally {
    redis.close();
  }
}

async function weighAll(redis: RedisConnection): Promise<Weighed[]> {
  const all = new Map<string, Weighed>();
  for await (const keys of redis.scan(KEY_PREFIX)) {
    const weights = await redis.weigh(keys);
    for (const [i, key] of keys.entries()) if (weights[i].bytes >= 0) all.set(key, { key, ...weights[i] });
  }
  return [...all.values()];
}

function statsOf(all: readonly Weighed[]): RedisStats {
  return { entries: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) };
}
