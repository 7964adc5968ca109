import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import type { RedisAddress } from "../../src/cache/place.js";
import { openRedisStore } from "../../src/cache/redis.js";
import { clearRedis, pruneRedis, redisStats } from "../../src/cache/redis-upkeep.js";
import { startRedis, type TestRedis, withoutRedis } from "./redis-server.js";
import { keysOfTexts, recall, remember, SPACE, someTexts } from "./texts.js";

const DIM = 24;
const started: { kill(): Promise<void> }[] = [];
after(() => Promise.all(started.map((server) => server.kill())));

async function redis(...args: Parameters<typeof startRedis>): Promise<TestRedis> {
  const server = await startRedis(...args);
  started.push(server);
  return server;
}

const open = (address: RedisAddress, limit = 5000) => openRedisStore({ address, space: SPACE, limit });

/** A server that answers every connection by `answer`. */
async function impostor(answer: (socket: Socket) => void): Promise<RedisAddress> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    answer(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  started.push({
    async kill() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  const { port } = server.address() as { port: number };
  return { host: "127.0.0.1", port, database: 0, tls: false };
}

describe("the store on a Redis server", { skip: withoutRedis }, () => {
  it("gives back to the bit what another machine has stored, whatever the batches", async () => {
    const { address } = await redis();
    const texts = someTexts("text", 1500);
    const writer = await open(address);
    await remember(writer, texts, DIM);
    await writer.close();
    const reader = await open(address);
    assert.equal(reader.dim, undefined);
    assert.deepEqual(await recall(reader, [...texts, ...someTexts("new", 700)].reverse(), DIM), [
      ...new Array(700).fill(false),
      ...new Array(1500).fill(true),
    ]);
    assert.equal(reader.dim, DIM);
    await reader.close();
  });

  it("shows neither texts nor models: the server sees hashes", async () => {
    const server = await redis();
    const store = await open(server.address);
    await remember(store, ["a secret text"], DIM);
    await store.close();
    const key = server.cli("KEYS", "*");
    assert.match(key, /^bge-dedup:1:[0-9a-f]{32}:[\w-]{27}$/);
    assert.doesNotMatch(server.cli("GET", key), /secret/);
  });

  it("takes rubbish, lists and values of other texts under its keys for misses, and replaces them", async () => {
    const server = await redis();
    const texts = someTexts("text", 6);
    const store = await open(server.address);
    await remember(store, texts, DIM);
    const names = Array.from({ length: 6 }, (_, i) => nameOf(texts[i]));
    server.cli("SET", names[0], "rubbish");
    server.cli("DEL", names[1]);
    server.cli("LPUSH", names[1], "one", "two");
    server.cli("COPY", names[2], names[3], "REPLACE");
    server.cli("SETRANGE", names[4], "60", "x");
    const found = await store.lookUp(keysOfTexts(texts));
    assert.deepEqual([...found.found], [0, 0, 1, 0, 0, 1]);
    assert.equal(found.damaged, 3);
    await store.close();
    // A connection that does not know the dimension yet sees the rubbish first.
    const again = await open(server.address);
    assert.deepEqual(await recall(again, texts, DIM), [false, false, true, false, false, true]);
    await remember(again, texts, DIM);
    assert.deepEqual(await recall(again, texts, DIM), new Array(6).fill(true));
    await again.close();
  });

  it("misses what the server has evicted, and is told by a server that is full", async () => {
    const memory = ["--maxmemory", "3mb", "--maxmemory-policy"];
    const [evicting, full] = [await redis([...memory, "allkeys-lru"]), await redis([...memory, "noeviction"])];
    const store = await open(evicting.address);
    const batches = Array.from({ length: 60 }, (_, i) => someTexts(`batch ${i}`, 200));
    for (const texts of batches) await remember(store, texts, DIM);
    const known = (await Promise.all(batches.map((texts) => recall(store, texts, DIM)))).flat();
    const hits = known.filter(Boolean).length;
    assert.ok(hits > 0 && hits < known.length, `${hits} of ${known.length}`);
    await store.close();
    const refused = await open(full.address);
    await assert.rejects(async () => {
      for (const texts of batches) await remember(refused, texts, DIM);
    }, /^Error: OOM|OOM command/);
    assert.deepEqual(await recall(refused, batches[0].slice(0, 5), DIM), new Array(5).fill(true));
    await refused.close();
  });

  it("wants its password, and tells how to give it", async () => {
    const { address } = await redis([], "sesame");
    await assert.rejects(open({ ...address, password: undefined }), /BGE_CACHE_PASSWORD/);
    await assert.rejects(open({ ...address, password: "wrong-secret" }), (error: Error) => {
      assert.equal(error.message.match(/set BGE_CACHE_PASSWORD/g)?.length, 1);
      assert.doesNotMatch(error.message, /wrong-secret/);
      return true;
    });
    const store = await open(address);
    assert.deepEqual(await recall(store, ["a"], DIM), [false]);
    await store.close();
  });

  it("rejects once the server has gone", async () => {
    const server = await redis();
    const store = await open(server.address);
    await remember(store, ["a"], DIM);
    await server.kill();
    await assert.rejects(store.lookUp(keysOfTexts(["a"])));
    await assert.rejects(remember(store, ["b"], DIM));
    await store.close();
  });

  it("waits no longer than its limit for a connection that stalls", async () => {
    const server = await redis();
    let stalls = false;
    const address = await impostor((socket) => {
      const upstream = connect(server.port, "127.0.0.1").on("error", () => {});
      socket.pipe(upstream);
      upstream.on("data", (data) => stalls || socket.write(data));
    });
    const store = await open(address, 300);
    await remember(store, ["a"], DIM);
    assert.deepEqual(await recall(store, ["a"], DIM), [true]);
    stalls = true;
    await assert.rejects(store.lookUp(keysOfTexts(["a"])), /no answer within 0.3 s/);
    await assert.rejects(store.lookUp(keysOfTexts(["a"])), /no answer within 0.3 s/);
    await store.close();
  });

  it("is counted, pruned by the last use and cleared, and leaves the keys of others", async () => {
    const server = await redis();
    server.cli("SET", "another:1", "x");
    const store = await open(server.address);
    const [a, b] = [someTexts("a", 30), someTexts("b", 30)];
    await remember(store, a, DIM);
    await remember(store, b, DIM);
    await new Promise((resolve) => setTimeout(resolve, 2100));
    await recall(store, a, DIM);
    const before = await redisStats(server.address);
    assert.equal(before.entries, 60);
    const pruned = await pruneRedis(server.address, Math.floor(before.bytes / 2));
    assert.equal(pruned.entries, 30);
    assert.deepEqual(await recall(store, [...a, ...b], DIM), [
      ...new Array(30).fill(true),
      ...new Array(30).fill(false),
    ]);
    await clearRedis(server.address);
    assert.deepEqual(await redisStats(server.address), { entries: 0, bytes: 0 });
    assert.equal(server.cli("KEYS", "*"), "another:1");
    await store.close();
  });
});

describe("what is no Redis server", () => {
  it("is refused: a web server, silence, and random bytes", async () => {
    const web = await impostor((socket) => socket.on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    const silent = await impostor(() => {});
    const random = await impostor((socket) =>
      socket.on("data", () => socket.write(Buffer.from(Array.from({ length: 99 }, (_, i) => (i * 89) % 256)))),
    );
    for (const address of [web, silent, random]) {
      await assert.rejects(async () => {
        const store = await open(address, 300);
        await store.lookUp(keysOfTexts(["a"]));
      });
    }
    await assert.rejects(open({ ...web, port: 1 }, 300), /ECONNREFUSED/);
  });
});

/** The server's name of a text's key. */
function nameOf(text: string): string {
  return `bge-dedup:1:${SPACE}:${Buffer.from(keysOfTexts([text]).buffer).toString("base64url")}`;
}
