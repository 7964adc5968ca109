import assert from "node:assert/strict";
import { test } from "node:test";
import { assertVectors, DIM, openQuick as open, serversOf } from "./endpoint-fixture.js";
import { cutTo, tokensOf } from "./endpoint-server.js";

const serve = serversOf("vllm");
const titles = (count: number) => Array.from({ length: count }, (_, i) => `title ${i} of many`);

for (const flavour of ["sglang", "vllm", "tei", "infinity"] as const) {
  test(`the vectors of ${flavour} are the texts' own, in their order, of unit length`, async () => {
    const server = await serve({ flavour });
    const { served, start } = await open(server);
    assert.equal(served.name, "bge-small-zh-v1.5");
    assert.equal(served.dim, DIM);
    const embedder = start();
    const texts = titles(300);
    const { vectors, directed, truncated, tokens } = await embedder.embed(texts);
    assertVectors(vectors, texts);
    assert.deepEqual(new Set(directed), new Set([1]));
    assert.deepEqual(new Set(truncated), new Set([0]));
    // Infinity counts characters, which are not taken for tokens.
    const counts = texts.map((text) => (flavour === "infinity" ? 0 : tokensOf(text)));
    assert.equal(
      tokens,
      counts.reduce((a, b) => a + b),
    );
    assert.deepEqual(server.received.flatMap(({ input }) => input).sort(), [...texts].sort());
    for (const { encoding, model } of server.received) {
      assert.equal(encoding, "base64");
      assert.equal(model, "bge-small-zh-v1.5");
    }
    await embedder.close();
  });
}

test("requests under way over all windows reach the concurrency and never exceed it", async () => {
  const server = await serve({ delay: 5 });
  const { start } = await open(server, { concurrency: 5 });
  const embedder = start();
  const windows = [0, 1, 2].map((w) => titles(700).map((title) => `${title} ${w}`));
  const results = await Promise.all(windows.map((texts) => embedder.embed(texts)));
  for (const [w, texts] of windows.entries()) assertVectors(results[w].vectors, texts);
  assert.equal(server.peak(), 5);
  assert.equal(server.received.length, 3 * Math.ceil(700 / 64));
  await embedder.close();
});

test("requests are bounded in texts and characters, and a longer text goes alone", async () => {
  const server = await serve({ maxTokens: 100_000 });
  const { start } = await open(server);
  const embedder = start();
  const texts = [...titles(130), ...Array.from({ length: 10 }, (_, i) => `${i}`.repeat(3000)), "x".repeat(20_000)];
  const { vectors } = await embedder.embed(texts);
  assertVectors(vectors, texts);
  for (const { input } of server.received) {
    assert.ok(input.length <= 64);
    assert.ok(input.length === 1 || input.join("").length <= 8192);
  }
  await embedder.close();
});

test("a text without a word has no direction and is not sent; half a surrogate pair is sent as U+FFFD", async () => {
  const server = await serve();
  const { start } = await open(server);
  const embedder = start();
  const { vectors, directed } = await embedder.embed(["", "half \ud83d pair", " \n\u3000"]);
  assert.deepEqual([...directed], [0, 1, 0]);
  assert.deepEqual(vectors.subarray(0, DIM), new Float32Array(DIM));
  assert.deepEqual(
    server.received.map(({ input }) => input),
    [["half \ufffd pair"]],
  );
  await embedder.close();
});

test("a zero vector has no direction", async () => {
  const server = await serve();
  const { start } = await open(server);
  server.faults.push({
    change: (payload) => ({
      ...payload,
      data: payload.data.map((entry) => (entry.index === 1 ? { ...entry, embedding: new Array(DIM).fill(0) } : entry)),
    }),
  });
  const { directed, vectors } = await start().embed(["one", "two", "three"]);
  assert.deepEqual([...directed], [1, 0, 1]);
  assert.deepEqual(vectors.subarray(DIM, 2 * DIM), new Float32Array(DIM));
});

test("base64 that is refused is asked for as numbers", async () => {
  const server = await serve();
  server.faults.push({ status: 422, body: { detail: "encoding_format: only float" } });
  const { served, start } = await open(server);
  assert.equal(served.encoding, "float");
  const { vectors } = await start().embed(["one", "two"]);
  assertVectors(vectors, ["one", "two"]);
  assert.equal(server.received[0].encoding, "float");
});

for (const [name, limit, count] of [
  ["whose number the server limits and tells", { flavour: "tei", maxTexts: 8 }, 3],
  ["whose number the server limits without telling", { flavour: "vllm", maxTexts: 8 }, undefined],
] as const) {
  test(`inputs ${name} are sent in smaller requests`, async () => {
    const server = await serve(limit);
    const { start } = await open(server);
    const embedder = start();
    const texts = titles(24);
    assertVectors((await embedder.embed(texts)).vectors, texts);
    if (count !== undefined) assert.equal(server.received.length, count);
    server.received.length = 0;
    // What was learned is kept.
    assertVectors((await embedder.embed(texts)).vectors, texts);
    assert.ok(server.received.length <= 4, `${server.received.length} requests`);
    await embedder.close();
  });
}

for (const flavour of ["sglang", "vllm", "tei"] as const) {
  test(`${flavour} refuses a long text: it is cut near the limit and counted, its neighbours are whole`, async () => {
    const server = await serve({ flavour, maxTokens: 50, autoTruncate: false });
    const { start } = await open(server);
    const embedder = start();
    const long = Array.from({ length: 300 }, (_, i) => `word${i}`).join(" ");
    const texts = ["short one", long, "short two", "🙂".repeat(20)];
    const { vectors, truncated } = await embedder.embed(texts);
    assert.deepEqual([...truncated], [0, 1, 0, 0]);
    assertVectors(vectors.subarray(2 * DIM), texts.slice(2));
    const sent = server.received.flatMap(({ input }) => input).filter((text) => long.startsWith(text) && text !== long);
    const kept = sent.at(-1) as string;
    assertVectors(vectors.subarray(DIM, 2 * DIM), [kept]);
    assert.ok(tokensOf(kept) <= 50 && tokensOf(kept) > 40, `${tokensOf(kept)} tokens`);
    await embedder.close();
  });
}

test("TEI cuts long texts by itself, which its token counts show", async () => {
  const server = await serve({ flavour: "tei", maxTokens: 20 });
  const { served, start } = await open(server);
  assert.deepEqual(served.longTexts, { kind: "cut", tokens: 20 });
  const long = Array.from({ length: 100 }, (_, i) => `w${i}`).join(" ");
  const wide = "characters-aplenty but-few-words";
  const { vectors, truncated } = await start().embed(["short", long, wide]);
  assert.deepEqual([...truncated], [0, 1, 0]);
  assertVectors(vectors, ["short", cutTo(long, 20), wide]);
});

test("that a server may cut texts without a sign is said once", async () => {
  const notes: string[] = [];
  const server = await serve({ flavour: "infinity" });
  const embedder = (await open(server, { notes })).start();
  await embedder.embed(titles(100));
  assert.deepEqual(notes, []);
  await embedder.embed(["w ".repeat(600), "v ".repeat(600)]);
  await embedder.embed(["u ".repeat(600)]);
  assert.equal(notes.length, 1);
  assert.match(notes[0], /may cut those of more than 510 characters/);
});

test("one of several models has to be chosen, by its name or the last part of it", async () => {
  const server = await serve({ models: ["/models/bge-large-zh-v1.5", "/models/other"] });
  await assert.rejects(open(server), {
    exitCode: 2,
    message: /serves several models: \/models\/bge-large-zh-v1\.5, \/models\/other; choose one with --endpoint-model/,
  });
  await assert.rejects(open(server, { model: "third" }), {
    exitCode: 5,
    message: /does not serve model third.*it serves/,
  });
  const { served } = await open(server, { model: "BAAI/bge-large-zh-v1.5" });
  assert.equal(served.name, "/models/bge-large-zh-v1.5");
});

test("the /v1 of a URL may be left out", async () => {
  const server = await serve({ flavour: "sglang" });
  const { served } = await open(server, { url: `http://127.0.0.1:${server.port}/` });
  assert.equal(served.base, `http://127.0.0.1:${server.port}/v1`);
});
