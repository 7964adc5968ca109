import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointLimits } from "../../src/embed/endpoint/outage.js";
import { type Embedder, MOST_REFUSED } from "../../src/embed/local/embedder.js";
import { assertVectors, DIM, openQuick, QUICK, serversOf } from "./endpoint-fixture.js";
import { type EmbeddingServer, type Fault, type Payload, startEmbeddingServer } from "./endpoint-server.js";

/** Texts that a server cannot embed, whatever it does about them: they are found, and all others get their vectors. */

const serve = serversOf("vllm");

async function open(server: EmbeddingServer, limits: Partial<EndpointLimits> = {}, notes?: string[]) {
  return (await openQuick(server, { concurrency: 4, limits, notes })).start();
}

const isPoison = (text: string) => text.startsWith("poison");

/** Numbered texts, poison at some places. */
function textsWith(poison: readonly number[], count = 200): string[] {
  return Array.from({ length: count }, (_, i) => (poison.includes(i) ? `poison ${i}` : `title ${i}`));
}

/** Asserts that the harmless texts have their vectors and that exactly the others are refused, in order. */
async function assertRefused(embedder: Embedder, texts: readonly string[], error: RegExp): Promise<void> {
  const { vectors, directed, truncated, refused = [] } = await embedder.embed(texts);
  assert.deepEqual(
    refused.map(({ index }) => index),
    [...texts.keys()].filter((i) => isPoison(texts[i])),
  );
  for (const refusal of refused) assert.match(refusal.error, error);
  for (const [i, text] of texts.entries()) {
    assert.equal(directed[i], isPoison(text) ? 0 : 1, text);
    assert.equal(truncated[i], 0, text);
    if (!isPoison(text)) assertVectors(vectors.subarray(i * DIM, (i + 1) * DIM), [text]);
  }
}

/** A fault of every request with a poisonous text. */
const faultOf = (fault: Fault) => (input: readonly string[]) => (input.some(isPoison) ? fault : undefined);

/** A fault of the vectors of poisonous texts alone. */
function spoil(embedding: Payload["data"][0]["embedding"]) {
  return (input: readonly string[]): Fault => ({
    change: (payload) => ({
      ...payload,
      data: payload.data.map((entry) => (isPoison(input[entry.index]) ? { ...entry, embedding } : entry)),
    }),
  });
}

/** Replaces a number in the vector of each poisonous text in the answer's text. */
function spoilText(by: string) {
  const mark = -987_654.5;
  return (input: readonly string[]): Fault => ({
    change: (payload) => {
      const data = payload.data.map((entry) =>
        isPoison(input[entry.index]) ? { ...entry, embedding: [mark, ...new Array(DIM - 1).fill(0.5)] } : entry,
      );
      return JSON.stringify({ ...payload, data }).replaceAll(String(mark), by);
    },
  });
}

const notANumber = Buffer.from(new Float32Array(DIM).fill(Number.NaN).buffer).toString("base64");
const page = "<!DOCTYPE html><title>Blocked by the firewall</title>";
const manners: readonly (readonly [string, (input: readonly string[]) => Fault | undefined, RegExp])[] = [
  [
    "status 500",
    faultOf({ status: 500, body: { error: "CUDA error: device-side assert" } }),
    /^the server does not embed the text: status 500 CUDA error: device-side assert$/,
  ],
  ["status 424, a failed backend of TEI", faultOf({ status: 424, body: { message: "Inference failed" } }), /424 Inf/],
  ["status 400", faultOf({ status: 400, body: { error: { message: "bad rune" } } }), /text: status 400 bad rune$/],
  ["status 422", faultOf({ status: 422, body: { detail: "not a text" } }), /text: status 422 not a text$/],
  ["status 403 of a firewall", faultOf({ status: 403, body: page }), /status 403 a web page, Blocked by the firewall$/],
  [
    "status 413, however short the text becomes",
    (input) => (input.some((text) => text.startsWith("p")) ? { status: 413, body: { message: "empty" } } : undefined),
    /text: empty$/,
  ],
  ["a connection that breaks", faultOf("reset"), /ECONNRESET|socket hang up|other side closed/i],
  ["half a JSON text", faultOf("truncated"), /the answer is not JSON/],
  [
    "an error under status 200",
    faultOf({ status: 200, body: { message: "bad worker" } }),
    /no data but message \(bad w/,
  ],
  ["a page under status 200", faultOf({ status: 200, body: page }), /the answer is not JSON/],
  ["a null as vector", spoil(null), /returned null as a vector/],
  ["a vector without components", spoil([]), /returned \[\] as a vector/],
  ["base64 of broken floats", spoil("AAAA"), /returned "AAAA" as a vector/],
  ["NaN as null", spoil([null, ...new Array(DIM - 1).fill(0.5)]), /a vector with NaN or infinity; serve it/],
  ["NaN in base64", spoil(notANumber), /a vector with NaN or infinity/],
  ["NaN as Python writes it", spoilText("NaN"), /a vector with NaN or infinity/],
  ["infinity as Python writes it", spoilText("-Infinity"), /a vector with NaN or infinity/],
  ["a number beyond all floats", spoilText("1e999"), /a vector with NaN or infinity/],
  [
    "no vector for it",
    (input) => ({ change: (payload) => ({ ...payload, data: payload.data.filter((e) => !isPoison(input[e.index])) }) }),
    /returned 0 vectors for 1 texts/,
  ],
];
for (const [name, fault, error] of manners) {
  test(`a text that brings ${name} is refused in the server's words, and no other`, async () => {
    const server = await serve({ faultOf: fault });
    const embedder = await open(server, { patienceMs: 5000 });
    for (const poison of [[0], [199], [3, 70, 71]]) await assertRefused(embedder, textsWith(poison), error);
    await assertRefused(embedder, ["poison alone"], error);
    await embedder.close();
  });
}

test("what a batch spoils is embedded alone: neither padding that makes NaN nor wrong indices lose a text", async () => {
  const texts = textsWith([]);
  const wrong: readonly ((payload: Payload) => unknown)[] = [
    ({ data, ...rest }) => ({ ...rest, data: data.map((entry) => ({ ...entry, embedding: [Number.NaN] })) }),
    ({ data, ...rest }) => ({ ...rest, data: data.map((entry) => ({ ...entry, index: 0 })) }),
    ({ data, ...rest }) => ({ ...rest, data: data.slice(1) }),
  ];
  for (const change of wrong) {
    const server = await serve({ faultOf: (input) => (input.length > 1 ? { change } : undefined) });
    const notes: string[] = [];
    const embedder = await open(server, {}, notes);
    const { vectors, refused } = await embedder.embed(texts);
    assertVectors(vectors, texts);
    assert.deepEqual(refused, []);
    assert.ok(notes.length <= 1, notes.join("\n"));
    await embedder.close();
  }
});

test("a text that kills the server is found by way of the restarts, and its neighbours are not blamed", async () => {
  let server: EmbeddingServer | undefined;
  let kills = 0;
  const start = (port?: number): Promise<EmbeddingServer> =>
    startEmbeddingServer({
      flavour: "vllm",
      dim: DIM,
      port,
      faultOf(input) {
        if (!input.some(isPoison)) return undefined;
        kills++;
        const { port } = server as EmbeddingServer;
        (server as EmbeddingServer).kill().then(async () => {
          server = await start(port);
        });
        return "silence";
      },
    });
  server = await start();
  const embedder = await open(server, { patienceMs: 5000 });
  await assertRefused(embedder, textsWith([40, 130]), /text: .*(ECONN|closed|hang up)/i);
  assert.ok(kills > 6, `${kills} kills`);
  await embedder.close();
  await server.kill();
});

test("a busy server is waited for and never blamed on a text", async () => {
  for (const fault of [{ status: 503 }, { status: 429 }, { status: 500, headers: { "retry-after": "0" } }]) {
    const server = await serve({ faultOf: faultOf(fault) });
    const embedder = await open(server, { patienceMs: 300 });
    await assert.rejects(embedder.embed(textsWith([5])), {
      exitCode: 5,
      message: new RegExp(`status ${fault.status}`),
    });
    await embedder.close();
  }
});

const everything: readonly (readonly [string, Fault, RegExp])[] = [
  ["status 400", { status: 400, body: { message: "not an embedding model" } }, /status 400\): not an embedding model/],
  ["status 401", { status: 401, body: { message: "expired" } }, /refuses the key \(status 401\): expired/],
  ["status 404", { status: 404, body: { detail: "Not Found" } }, /status 404.*Not Found.*should end where/],
  ["no data", { change: () => ({ object: "error" }) }, /has no data but object/],
  [
    "NaN",
    { change: (payload) => JSON.stringify(payload).replace(/"embedding":"[^"]*"/g, '"embedding":[NaN]') },
    /a vector with NaN or infinity; serve it with another dtype/,
  ],
];
for (const [name, fault, message] of everything) {
  test(`a server that answers everything with ${name} is to blame itself, and is not asked text by text`, async () => {
    let broken = false;
    const server = await serve({ faultOf: () => (broken ? fault : undefined) });
    const embedder = await open(server);
    broken = true;
    await assert.rejects(embedder.embed(["one", "two"]), { exitCode: 5, message });
    assert.ok(server.received.length <= 4, `${server.received.length} requests`);
    await assert.rejects(embedder.embed(["three"]), { exitCode: 5, message });
  });
}

test("vectors of another dimension end the run at once: another model answers", async () => {
  const server = await serve({ faultOf: spoil([1, 2, 3]) });
  const embedder = await open(server);
  await assert.rejects(embedder.embed(["title", "poison"]), {
    exitCode: 5,
    message: /3 dimensions after others of 16/,
  });
  assert.equal(server.received.length, 1);
});

test("a window with too many such texts is given up early, for the run to end", async () => {
  const server = await serve({ faultOf: faultOf({ status: 400, body: "no" }) });
  const embedder = await open(server);
  const { refused = [] } = await embedder.embed(Array.from({ length: 2000 }, (_, i) => `poison ${i}`));
  assert.ok(refused.length > MOST_REFUSED && refused.length < 150, `${refused.length} refused`);
  assert.ok(server.received.length < 1500, `${server.received.length} requests`);
  await embedder.close();
});

test("a server that goes down while a text is suspected is waited for, and no text is lost", async () => {
  const server = await serve({ faultOf: faultOf({ status: 500 }) });
  const embedder = await open(server, { patienceMs: 5000 });
  const result = embedder.embed(textsWith([7]));
  while (!server.received.some(({ input }) => input.some(isPoison))) await new Promise((r) => setTimeout(r, 2));
  await server.kill();
  await new Promise((resolve) => setTimeout(resolve, 4 * QUICK.longestMs));
  await serve({ port: server.port });
  const { directed, refused } = await result;
  // The server that came back takes the text.
  assert.deepEqual(refused, []);
  assert.ok(directed.every((one) => one === 1));
  await embedder.close();
});
