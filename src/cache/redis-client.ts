/*
 * The Redis client. @redis/client 6.3.1 has no dependencies and gives 350,000 to 450,000 values of 2 to 4 KB for each
 * second of processor time, server included; ioredis 6.0.0, beside it on the same server, 150,000 to 180,000 (Node 20,
 * 2 cores, MGET of 512 keys).
 */
import { createClient, RESP_TYPES } from "@redis/client";
import type { RedisAddress } from "./place.js";

/** Milliseconds that a server may take to accept a connection or to answer. */
const REDIS_LIMIT = 5000;

/** Keys of this program begin so; the number is the format of the values. */
export const KEY_PREFIX = "bge-dedup:1:";

/** The commands that the cache needs. Every call rejects after the limit, and every later call then too. */
export interface RedisConnection {
  /** Values in the order of the keys, null for none. */
  mGet(keys: readonly string[]): Promise<readonly (Buffer | null)[]>;
  mSet(entries: readonly (readonly [key: string, value: Buffer])[]): Promise<void>;
  /** Keys that begin with `prefix`, batch by batch; a key may come twice. */
  scan(prefix: string): AsyncGenerator<readonly string[]>;
  /** Bytes of the values and seconds since their last use, in the order of the keys; -1 where there is none. */
  weigh(keys: readonly string[]): Promise<readonly { readonly bytes: number; readonly idle: number }[]>;
  remove(keys: readonly string[]): Promise<void>;
  close(): void;
}

/**
 * Connects to a server.
 * @param limit milliseconds for the connection and for each command
 * @throws Error that says why there is no connection, with the cure and without secrets
 */
export async function connectRedis(address: RedisAddress, limit = REDIS_LIMIT): Promise<RedisConnection> {
  const { host, port, database, tls, user, password } = address;
  const common = { host, port, connectTimeout: limit, reconnectStrategy: false } as const;
  const client = createClient({
    socket: tls ? { ...common, tls: true, servername: host } : common,
    username: user,
    password,
    database,
    // Every server knows the second version of the protocol.
    RESP: 2,
    maintNotifications: "disabled",
    disableClientInfo: true,
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
  const within = timeLimit(client, limit);
  try {
    await within(client.connect());
    // A server that wants a password accepts connections without one.
    await within(client.ping());
  } catch (error) {
    if (client.isOpen) client.destroy();
    throw error;
  }
  return {
    mGet: (keys) => within(client.mGet([...keys])) as Promise<(Buffer | null)[]>,
    async mSet(entries) {
      await within(client.mSet(entries.map(([key, value]): [string, Buffer] => [key, value])));
    },
    async *scan(prefix) {
      let cursor = "0";
      do {
        const found = await within(client.scan(cursor, { MATCH: `${prefix}*`, COUNT: 1000 }));
        cursor = String(found.cursor);
        yield found.keys.map(String);
      } while (cursor !== "0");
    },
    async weigh(keys) {
      const [bytes, idle] = await within(
        Promise.all([
          Promise.all(keys.map((key) => client.memoryUsage(key))),
          // A server that evicts by frequency keeps no times.
          Promise.all(keys.map((key) => client.objectIdleTime(key).catch(() => 0))),
        ]),
      );
      return keys.map((_, i) => ({ bytes: bytes[i] ?? -1, idle: Number(idle[i] ?? -1) }));
    },
    async remove(keys) {
      if (keys.length > 0) await within(client.unlink([...keys]));
    },
    close() {
      if (client.isOpen) client.destroy();
    },
  };
}

/**
 * Makes the function that waits for the answers of a server.
 * @returns rejects with what ended the connection, if anything did: an answer that took too long ends it as well
 */
function timeLimit(
  client: { on(event: "error", listener: (error: Error) => void): unknown; destroy(): void },
  limit: number,
): <T>(answer: Promise<T>) => Promise<T> {
  let lost: Error | undefined;
  client.on("error", (error) => {
    lost ??= explained(error);
  });
  return async (answer) => {
    if (lost !== undefined) {
      answer.catch(() => {});
      throw lost;
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        lost = new Error(`no answer within ${limit / 1000} s`);
        reject(lost);
        client.destroy();
      }, limit);
    });
    try {
      return await Promise.race([answer, late]);
    } catch (error) {
      throw lost ?? explained(error as Error);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Adds the cure to an error of the server. */
function explained(error: Error): Error {
  const { message } = error;
  if (/NOAUTH|WRONGPASS|invalid password|NOPERM/i.test(message)) {
    return new Error(`${message}; set BGE_CACHE_PASSWORD, and BGE_CACHE_USER if the server has users`);
  }
  return message === "" ? new Error(`no connection (${(error as NodeJS.ErrnoException).code ?? error.name})`) : error;
}
