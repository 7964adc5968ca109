/**
 * The cache of vectors. Look-ups from a folder and from a real Redis server as a run makes them (texts hashed, values
 * read, checked and copied, one thread), beside lmdb's and ioredis's figures in src/cache; then a night after a night:
 * the time of a whole run, cold and with one row in a hundred new.
 *
 *     node dist/test/bench/cache.js [model folder (without one the nights are left out)] [rows of the first night (3000)]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedStore } from "../../src/cache/embedded.js";
import { emptyRecords, keysOf } from "../../src/cache/record.js";
import { openRedisStore } from "../../src/cache/redis.js";
import type { VectorStore } from "../../src/cache/store.js";
import { startRedis, withoutRedis } from "../cache/redis-server.js";
import { run } from "../cli/command-line.js";
import { openTable, spreadOf } from "./table/record.js";

const SPACE = "0".repeat(32);
const VECTORS = 100_000;
const BATCH = 2048;
const ROUNDS = 5;

const folder = mkdtempSync(join(tmpdir(), "bge-cache-"));
const [model, rows = "3000"] = process.argv.slice(2);

const table = await openTable({
  id: "cache",
  title: "Look-ups of the cache",
  runs: ROUNDS,
  columns: [
    { key: "where", title: "look-ups" },
    { key: "dim", title: "components" },
    { key: "rate", title: "a second", digits: 0 },
    { key: "cpuRate", title: "a second of processor time", digits: 0 },
  ],
});
const nights = await openTable({
  id: "cache-nights",
  title: "A night after a night",
  columns: [
    { key: "night", title: "" },
    { key: "rows", title: "rows" },
    { key: "seconds", title: "", unit: "s", digits: 1 },
    { key: "hits", title: "found in the cache" },
  ],
});

/** Batches of texts as a worker receives them. */
function batchesOf(texts: readonly string[]) {
  const batches: { joined: string; ends: Uint32Array }[] = [];
  for (let at = 0; at < texts.length; at += BATCH) {
    const some = texts.slice(at, at + BATCH);
    let end = 0;
    const ends = Uint32Array.from(some, (text) => {
      end += text.length;
      return end;
    });
    batches.push({ joined: some.join(""), ends });
  }
  return batches;
}

/** The same texts in a seeded order. */
function shuffled(texts: readonly string[]): string[] {
  const order = [...texts];
  let state = 7;
  for (let i = order.length - 1; i > 0; i--) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Look-ups a second, and a second of this process's time: median and spread of some rounds after a warm-up. */
async function measure(name: string, store: VectorStore, texts: readonly string[]) {
  const batches = batchesOf(texts);
  const rates: number[] = [];
  const perCpu: number[] = [];
  let found = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    found = 0;
    for (const { joined, ends } of batches) {
      const known = await store.lookUp(keysOf(SPACE, joined, ends));
      found += known.found.reduce((sum, one) => sum + one, 0);
    }
    const { user, system } = process.cpuUsage(cpu);
    if (round === 0) continue;
    rates.push((1e3 * texts.length) / (performance.now() - began));
    perCpu.push((1e6 * texts.length) / (user + system));
  }
  const text = (values: number[]) => {
    const sorted = [...values].sort((a, b) => a - b);
    return `${Math.round(sorted[sorted.length >> 1] / 1e3)}k (${Math.round(sorted[0] / 1e3)}-${Math.round(sorted[sorted.length - 1] / 1e3)}k)`;
  };
  const load = loadavg()[0].toFixed(1);
  const [where, dim, order = ""] = name.split(", ");
  table.add(name.replaceAll(", ", "-").replaceAll(" ", "-"), {
    where: order === "" ? `${where} on this machine` : `${where}, ${order}`,
    dim: Number(dim),
    rate: spreadOf(rates),
    cpuRate: spreadOf(perCpu),
  });
  console.log(
    `${name}: ${text(rates)} look-ups/s, ${text(perCpu)} a second of processor time; ${found} found; load ${load}`,
  );
}

async function fill(store: VectorStore, texts: readonly string[], dim: number): Promise<void> {
  const began = performance.now();
  for (const { joined, ends } of batchesOf(texts)) {
    const records = emptyRecords(ends.length, dim);
    for (let i = 0; i < records.vectors.length; i++) records.vectors[i] = Math.sin(i);
    records.directed.fill(1);
    await store.append(keysOf(SPACE, joined, ends), records, dim);
  }
  const rate = (1e3 * texts.length) / (performance.now() - began);
  console.log(`${dim} components: ${Math.round(rate / 1e3)}k stored/s`);
}

async function lookUps(dim: number): Promise<void> {
  const texts = Array.from({ length: VECTORS }, (_, i) => `how do I reset the password of my account ${i}`);
  const open = () =>
    openEmbeddedStore({
      folder: join(folder, `${dim}`),
      space: SPACE,
      maxBytes: 2 ** 40,
      model: { name: "", device: "cpu" },
    });
  const writer = open();
  await fill(writer, texts, dim);
  await writer.close();
  const store = open();
  await measure(`folder, ${dim}, in order`, store, texts);
  await measure(`folder, ${dim}, shuffled`, store, shuffled(texts));
  await measure(
    `folder, ${dim}, absent`,
    store,
    texts.map((text) => `${text}?`),
  );
  await store.close();
  rmSync(join(folder, `${dim}`), { recursive: true });
  if (withoutRedis !== false) return console.log(withoutRedis);
  const server = await startRedis();
  try {
    const redis = await openRedisStore({ address: server.address, space: SPACE });
    await fill(redis, texts, dim);
    await measure(`Redis, ${dim}`, redis, texts);
    await redis.close();
  } finally {
    await server.kill();
  }
}

/** Runs a night and prints its seconds. */
async function night(name: string, texts: readonly string[]): Promise<number> {
  const input = join(folder, "night.jsonl");
  writeFileSync(input, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  const out = join(folder, name.replaceAll(" ", "-"));
  const began = performance.now();
  const args = [input, "-m", model, "-o", out, "--cache", join(folder, "nights"), "--json"];
  const { code, stdout, stderr } = await run("dedup", args);
  if (code !== 0) throw new Error(stderr);
  const seconds = (performance.now() - began) / 1e3;
  const { cache } = JSON.parse(stdout) as { cache: { hits: number; misses: number } };
  console.log(
    `${name}: ${seconds.toFixed(1)} s whole, ${cache.hits} hits, ${cache.misses} misses; load ${loadavg()[0].toFixed(1)}`,
  );
  nights.add(`${texts.length}-${name.split(" ")[0]}`, { night: name, rows: texts.length, seconds, hits: cache.hits });
  return seconds;
}

try {
  for (const dim of [512, 1024]) await lookUps(dim);
  if (model !== undefined) {
    const texts = Array.from(
      { length: Number(rows) },
      (_, i) =>
        `question ${i}: my order ${(i * 7919) % 100_003} has not arrived at the address that I gave when I paid`,
    );
    const first = await night("first night", texts);
    const fresh = texts.map((text, i) => (i % 100 === 50 ? `new ${text}` : text));
    const second = await night("second night with 1 % new rows", fresh);
    console.log(`the second night costs ${((100 * second) / first).toFixed(1)} % of the first`);
  }
  table.write();
  nights.write();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
