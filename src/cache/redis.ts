import type { RedisAddress } from "./place.js";
import {
  emptyRecords,
  encodeRecords,
  KEY_BYTES,
  KEY_WORDS,
  type RecordViews,
  recordBytes,
  recordDim,
  recordViews,
  type TextRecords,
  takeRecord,
} from "./record.js";
import { connectRedis, KEY_PREFIX, type RedisConnection } from "./redis-client.js";
import type { FoundRecords, VectorStore } from "./store.js";

/** Keys of a command. Several commands of a window are under way at once, and none blocks the server for long. */
const KEYS_AT_ONCE = 512;

/**
 * Opens the store of a space on a Redis server, which several machines may share. The server evicts by its own
 * `maxmemory-policy`; a value that is gone is a miss.
 * @param options.limit milliseconds for the connection and each command
 * @throws Error as `connectRedis`
 */
export async function openRedisStore(options: {
  readonly address: RedisAddress;
  readonly space: string;
  readonly limit?: number;
}): Promise<VectorStore> {
  return new RedisStore(await connectRedis(options.address, options.limit), options.space);
}

class RedisStore implements VectorStore {
  readonly #redis: RedisConnection;
  readonly #prefix: string;
  #dim: number | undefined;
  /** Takes one value, because those of the server lie at any address. */
  #views: RecordViews = recordViews(0);

  constructor(redis: RedisConnection, space: string) {
    this.#redis = redis;
    this.#prefix = `${KEY_PREFIX}${space}:`;
  }

  get dim(): number | undefined {
    return this.#dim;
  }

  async lookUp(keys: Uint32Array): Promise<FoundRecords> {
    const names = this.#names(keys);
    const count = names.length;
    const answers = await Promise.all(slices(names).map((some) => this.#redis.mGet(some)));
    const values = answers.flat();
    if (values.length !== count) throw new Error(`the server gave ${values.length} values for ${count} keys`);
    // Any value may be rubbish. The first that can be a record tells the dimension until one proves it.
    let dim = this.#dim ?? 0;
    for (let i = 0; dim === 0 && i < count; i++) dim = recordDim(values[i]) ?? 0;
    const found = new Uint8Array(count);
    let damaged = 0;
    const present = values.reduce((sum, value) => sum + (value === null ? 0 : 1), 0);
    const into = emptyRecords(count, present > 0 ? dim : 0);
    for (const [i, value] of values.entries()) {
      if (value === null) continue;
      if (dim > 0 && this.#take(value, keys, i, into, dim)) found[i] = 1;
      else damaged++;
    }
    if (found.includes(1)) this.#dim = dim;
    return { ...into, dim: found.includes(1) ? dim : 0, found, damaged };
  }

  #take(value: Buffer, keys: Uint32Array, text: number, into: TextRecords, dim: number): boolean {
    if (value.length !== recordBytes(dim)) return false;
    if (this.#views.bytes.length !== value.length) this.#views = recordViews(value.length);
    this.#views.bytes.set(value);
    return takeRecord(this.#views, 0, keys, text, into, dim);
  }

  async append(keys: Uint32Array, texts: TextRecords, dim: number): Promise<void> {
    this.#dim = dim;
    const records = Buffer.from(encodeRecords(keys, texts, dim).buffer);
    const size = recordBytes(dim);
    const entries = this.#names(keys).map((name, i) => [name, records.subarray(i * size, (i + 1) * size)] as const);
    for (const some of slices(entries)) await this.#redis.mSet(some);
  }

  async close(): Promise<void> {
    this.#redis.close();
  }

  /** The server's names of the keys: neither the text nor the model can be read from them. */
  #names(keys: Uint32Array): string[] {
    const bytes = Buffer.from(keys.buffer, keys.byteOffset, keys.byteLength);
    return Array.from(
      { length: keys.length / KEY_WORDS },
      (_, i) => this.#prefix + bytes.toString("base64url", i * KEY_BYTES, (i + 1) * KEY_BYTES),
    );
  }
}

function slices<T>(all: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < all.length; at += KEYS_AT_ONCE) parts.push(all.slice(at, at + KEYS_AT_ONCE));
  return parts;
}
