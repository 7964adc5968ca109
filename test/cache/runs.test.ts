import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { cachePlace } from "../../src/cache/place.js";
import { endpointChoice } from "../../src/run/flags/shared.js";
import type { DedupSummary } from "../../src/run/summary.js";
import { type Outcome, run, start } from "../cli/command-line.js";
import { startEmbeddingServer } from "../embed/endpoint-server.js";
import { writeStaticModel } from "../embed/pooled-models.js";
import { tinyModel } from "../models/golden.js";
import { dedup as dedupInto, noting, outputBytes, testFolder, writeJsonl } from "../run/folders.js";
import { startRedis, withoutRedis } from "./redis-server.js";

const folder = testFolder();
const model = tinyModel("tiny-bert");

/** Texts of many lengths, seeded: some are cut by --max-length, some have no known token, some are near to another. */
const TEXTS = (() => {
  const characters = [..."如何重置登录密码怎样修改收货地址 order refund my。"];
  let state = 11;
  const random = () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  return Array.from({ length: 240 }, (_, i) => {
    const length = 1 + Math.floor(Math.exp(random() * 4.5));
    const text = Array.from({ length }, () => characters[Math.floor(random() * characters.length)]).join("");
    return i % 50 === 7 ? "🙂".repeat(1 + i) : `${text} ${i}`;
  });
})();
const rowsOf = (texts: readonly string[]) => texts.map((text, id) => ({ id, text }));
const input = writeJsonl(join(folder, "input.jsonl"), rowsOf(TEXTS));

let outs = 0;
const newOut = () => join(folder, `out-${outs++}`);

/** Options of a run beside its cache. */
type Options = Omit<NonNullable<Parameters<typeof dedupInto>[2]>, "context"> & {
  readonly inputs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

/** Runs bge-dedup into a folder of its own. */
async function dedup(cache: string, { inputs = [input], env, ...options }: Options = {}) {
  const out = newOut();
  const reporter = noting();
  const summary = await dedupInto(inputs, out, {
    model,
    maxLength: 40,
    cache: cachePlace(cache, env),
    ...options,
    context: { reporter },
  });
  return { out, notes: reporter.notes.join("\n"), summary };
}

/** What must not depend on a cache. */
const result = ({ out, summary }: { out: string; summary: DedupSummary }) => ({
  files: Object.entries(outputBytes(out)).map(([name, bytes]) => [
    name,
    createHash("sha256").update(bytes).digest("hex"),
  ]),
  counts: summary.counts,
  tokens: summary.tokens,
});

/** The run without a cache, made once. */
const plain = dedup("none");

/** Path of the only vectors file of a cache. */
function vectorsOf(cache: string): string {
  const files = readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".vectors"));
  assert.equal(files.length, 1);
  return join(cache, files[0]);
}

describe("a cache changes no byte", () => {
  it("cold, warm, half warm, with other threads, batches and order of reading", async () => {
    const cache = join(folder, "same");
    const expected = result(await plain);
    assert.ok(expected.counts.truncated > 20 && expected.counts.undirected > 0 && expected.counts.semantic > 0);
    const cold = await dedup(cache);
    assert.deepEqual(cold.summary.cache, {
      kind: "embedded",
      hits: 0,
      misses: cold.summary.exact_stage.distinct,
    });
    assert.deepEqual(result(cold), expected);
    const warm = await dedup(cache, { threads: 2, batchTokens: 64 });
    assert.deepEqual([warm.summary.cache.misses, warm.summary.cache.hits], [0, cold.summary.cache.misses]);
    assert.deepEqual(result(warm), expected);
    const half = join(folder, "half");
    const some = writeJsonl(join(folder, "some.jsonl"), rowsOf(TEXTS.filter((_, i) => i % 2 === 0).reverse()));
    await dedup(half, { inputs: [some] });
    const mixed = await dedup(half);
    assert.ok(mixed.summary.cache.hits > 80 && mixed.summary.cache.misses > 80);
    assert.deepEqual(result(mixed), expected);
    assert.equal((await dedup(half)).summary.cache.misses, 0);
  });

  it("of a static model either, though its sums of one row are made in another order", async () => {
    const cache = join(folder, "static");
    const options = { model: writeStaticModel(join(folder, "static-model")), maxLength: 200 };
    const expected = result(await dedup("none", options));
    assert.deepEqual(result(await dedup("none", { ...options, batchTokens: 64 })), expected);
    const some = writeJsonl(join(folder, "static.jsonl"), rowsOf(TEXTS.filter((_, i) => i % 3 > 0).reverse()));
    await dedup(cache, { ...options, inputs: [some] });
    const mixed = await dedup(cache, { ...options, batchTokens: 300 });
    assert.ok(mixed.summary.cache.hits > 100 && mixed.summary.cache.misses > 60);
    assert.deepEqual(result(mixed), expected);
  });

  it("with long texts averaged, in int8 and cut elsewhere, each of which has vectors of its own", async () => {
    const cache = join(folder, "kinds");
    await dedup(cache);
    for (const kind of [{ long: "mean" }, { dtype: "int8" }, { maxLength: 30 }] as const) {
      const expected = result(await dedup("none", kind));
      const cold = await dedup(cache, kind);
      assert.equal(cold.summary.cache.hits, 0, JSON.stringify(kind));
      assert.deepEqual(result(cold), expected);
      const warm = await dedup(cache, kind);
      assert.equal(warm.summary.cache.misses, 0);
      assert.deepEqual(result(warm), expected);
    }
  });

  it("hits rows that were renamed, reordered and moved between files", async () => {
    const cache = join(folder, "moved");
    await dedup(cache);
    const reversed = [...TEXTS].reverse();
    const a = writeJsonl(join(folder, "moved-a.jsonl"), rowsOf(reversed.slice(0, 120)));
    const b = writeJsonl(join(folder, "moved-b.jsonl"), rowsOf(reversed.slice(120)));
    const moved = await dedup(cache, { inputs: [b, a] });
    assert.equal(moved.summary.cache.misses, 0);
    assert.deepEqual(result(moved), result(await dedup("none", { inputs: [b, a] })));
  });

  it("of bge-cluster on raw files and of calibrate, which hit what bge-dedup has stored", async () => {
    const cache = join(folder, "commands");
    await dedup(cache);
    const common = [input, "-m", model, "--max-length", "40", "--threads", "1", "--json"];
    const clustered = async (kind: string) => {
      const out = newOut();
      const outcome = await run("cluster", [...common, "--k", "5", "--cache", kind, "-o", out]);
      assert.equal(outcome.code, 0, outcome.stderr);
      return { out, summary: JSON.parse(outcome.stdout) as DedupSummary };
    };
    const [without, cached] = [await clustered("none"), await clustered(cache)];
    assert.equal(cached.summary.cache.misses, 0);
    assert.deepEqual(outputBytes(cached.out), outputBytes(without.out));
    const calibrated = (kind: string) => run("dedup", ["calibrate", ...common, "--sample", "20", "--cache", kind]);
    const [table, same] = [await calibrated("none"), await calibrated(cache)];
    assert.equal(table.code, 0, table.stderr);
    const read = ({ stdout }: Outcome) => ({ ...JSON.parse(stdout), seconds: 0 });
    assert.deepEqual(read(same), read(table));
  });

  it("and is used neither by the builtin model nor where none is wanted", async () => {
    const cache = join(folder, "unused");
    const { summary } = await dedup(cache, { model: "builtin", maxLength: undefined });
    assert.deepEqual(summary.cache, { kind: "none", hits: 0, misses: 0 });
    assert.deepEqual((await plain).summary.cache, summary.cache);
    assert.ok(!existsSync(cache));
  });
});

describe("whatever happens to the cache, the run ends well with the same bytes", () => {
  it("and a damaged vector is told once and made again", async () => {
    const cache = join(folder, "damaged");
    await dedup(cache);
    const path = vectorsOf(cache);
    const bytes = readFileSync(path);
    for (let at = 100; at < bytes.length; at += 5000) bytes[at] ^= 4;
    writeFileSync(path, bytes);
    const mended = await dedup(cache);
    assert.deepEqual(result(mended), result(await plain));
    assert.equal(mended.notes.match(/\d+ vectors were damaged and have been made again/g)?.length, 1);
    const after = await dedup(cache);
    assert.equal(after.summary.cache.misses, 0);
    assert.doesNotMatch(after.notes, /damaged/);
  });

  it("if it is a file, a folder of something else, or of a later version", async () => {
    const [file, foreign, later] = ["file", "foreign", "later"].map((name) => join(folder, name));
    writeFileSync(file, "x");
    for (const each of [foreign, later]) mkdirSync(each);
    writeFileSync(join(foreign, "letter.txt"), "x");
    writeFileSync(join(later, "cache.json"), '{"format":9}');
    for (const [place, words] of [
      [file, /is a file/],
      [foreign, /no cache of this program/],
      [later, /later version/],
    ] as const) {
      const { notes, ...done } = await dedup(place);
      assert.match(notes, words);
      assert.equal(notes.match(/the run goes on/g)?.length, 1);
      assert.deepEqual(result(done), result(await plain));
      assert.deepEqual(done.summary.cache, { kind: "embedded", hits: 0, misses: 0 });
    }
  });

  it("if it is killed while it writes: the next run finds what was whole", async () => {
    const cache = join(folder, "killed");
    const many = writeJsonl(
      join(folder, "many.jsonl"),
      rowsOf(TEXTS.flatMap((text) => [1, 2, 3, 4].map((i) => `${text} ${i}`))),
    );
    const out = newOut();
    const args = [many, "-m", model, "--max-length", "40", "--threads", "1", "--cache", cache, "-o", out, "--json"];
    const { child, outcome } = start("dedup", args);
    const started = Date.now();
    const grown = () =>
      existsSync(cache) &&
      readdirSync(cache, { recursive: true, encoding: "utf8" }).some(
        (name) => name.endsWith(".index") && statSync(join(cache, name)).size > 0,
      );
    while (!grown() && Date.now() - started < 30_000) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    await outcome;
    const expected = await dedup("none", { inputs: [many] });
    const fresh = await dedup(cache, { inputs: [many] });
    assert.ok(fresh.summary.cache.hits > 0, "what was stored is found");
    assert.deepEqual(result(fresh), result(expected));
    const resumed = await run("dedup", args);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.deepEqual(result({ out, summary: JSON.parse(resumed.stdout) as DedupSummary }), result(expected));
  });

  it("if two runs fill it at once", async () => {
    const cache = join(folder, "two");
    const outs = [newOut(), newOut()];
    const args = [input, "-m", model, "--max-length", "40", "--cache", cache, "--json"];
    for (const { code, stdout, stderr } of await Promise.all(outs.map((out) => run("dedup", [...args, "-o", out])))) {
      assert.equal(code, 0, stderr);
      const summary = JSON.parse(stdout) as DedupSummary;
      assert.deepEqual(result({ out: summary.out, summary }), result(await plain));
    }
    const third = await dedup(cache);
    assert.equal(third.summary.cache.misses, 0);
    assert.deepEqual(result(third), result(await plain));
  });

  it("if it cannot be written to", { skip: process.getuid?.() === 0 ? "root writes everywhere" : false }, async () => {
    const cache = join(folder, "read-only");
    await dedup(cache);
    const space = join(vectorsOf(cache), "..");
    for (const path of [space, cache]) chmodSync(path, 0o555);
    try {
      const more = writeJsonl(join(folder, "more.jsonl"), rowsOf([...TEXTS, "order my refund now"]));
      const done = await dedup(cache, { inputs: [more] });
      assert.ok(done.summary.cache.hits > 200);
      assert.match(done.notes, /stores no more vectors/);
      assert.deepEqual(result(done), result(await dedup("none", { inputs: [more] })));
    } finally {
      for (const path of [cache, space]) chmodSync(path, 0o755);
    }
  });
});

describe("a cache on a Redis server", { skip: withoutRedis }, () => {
  const servers: { kill(): Promise<void> }[] = [];
  after(() => Promise.all(servers.map((server) => server.kill())));
  const redis = async (...args: Parameters<typeof startRedis>) => {
    const server = await startRedis(...args);
    servers.push(server);
    return server;
  };

  it("gives the same bytes, cold and warm, and its password is written nowhere", async () => {
    const server = await redis([], "open-sesame");
    const env = { BGE_CACHE_PASSWORD: "open-sesame" };
    const cold = await dedup(server.url, { env });
    const warm = await dedup(server.url, { env });
    assert.deepEqual([cold.summary.cache.hits, warm.summary.cache.misses, warm.summary.cache.kind], [0, 0, "redis"]);
    for (const each of [cold, warm]) {
      assert.deepEqual(result(each), result(await plain));
      for (const name of readdirSync(each.out))
        assert.doesNotMatch(readFileSync(join(each.out, name), "latin1"), /sesame/);
      assert.doesNotMatch(each.notes, /sesame/);
    }
    const keys = server.cli("--scan");
    assert.match(keys, /^(bge-dedup:1:[0-9a-f]{32}:[\w-]{27}\n?)+$/);
    const refused = await dedup(server.url);
    assert.match(refused.notes, /BGE_CACHE_PASSWORD.*the run goes on without it/);
    assert.deepEqual(result(refused), result(await plain));
  });

  it("may be away, go away, stall, or answer rubbish: noted once, and the run goes on", async () => {
    const server = await redis();
    await dedup(server.url);
    const sockets: Socket[] = [];
    const rubbish = createServer((socket) =>
      sockets.push(socket.on("error", () => {}).on("data", () => socket.write("$3\r\n\xffrubbish"))),
    );
    /** Passes on the first answer, which lets the run begin, and ends the connection at the next. */
    const fleeting = createServer((socket) => {
      const upstream = connect(server.port, "127.0.0.1").on("error", () => {});
      sockets.push(
        socket.on("error", () => {}),
        upstream,
      );
      socket.pipe(upstream);
      let answers = 0;
      upstream.on("data", (data) => (++answers > 1 ? socket.destroy() : socket.write(data)));
    });
    const silent = createServer((socket) => sockets.push(socket.on("error", () => {})));
    const all = [rubbish, fleeting, silent];
    try {
      for (const each of all) await once(each.listen(0, "127.0.0.1"), "listening");
      const urls = all.map((each) => `redis://127.0.0.1:${(each.address() as { port: number }).port}/0`);
      for (const url of ["redis://127.0.0.1:1/0", ...urls]) {
        const { notes, ...done } = await dedup(url);
        assert.equal(notes.match(/the run goes on without it/g)?.length, 1, notes);
        assert.deepEqual(result(done), result(await plain));
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      for (const each of all) each.close();
    }
  });
});

describe("a cache of a server's vectors", () => {
  it("spares the server the texts that it has embedded, and never remembers what it refused", async () => {
    const server = await startEmbeddingServer({ flavour: "sglang", models: ["m"] });
    try {
      const cache = join(folder, "served");
      const endpoint = endpointChoice({ endpoint: server.url });
      const options = { model: "endpoint", endpoint, maxLength: undefined };
      const [cold, warm] = [await dedup(cache, options), await dedup(cache, options)];
      assert.equal(warm.summary.cache.misses, 0);
      assert.equal(warm.summary.tokens, 0);
      assert.match(warm.notes, /last bits/);
      assert.deepEqual(result(warm).files, result(cold).files);
      assert.deepEqual(result(warm).counts, result(cold).counts);
    } finally {
      await server.kill();
      rmSync(join(folder, "served"), { recursive: true });
    }
  });
});
